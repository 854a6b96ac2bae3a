"""The state of one OAMP: its accounts, servers, version and limits."""

from collections.abc import Mapping

from mockcvp.oamp.authentication import Account, Accounts
from mockcvp.oamp.codecs import CODECS
from mockcvp.oamp.deployment import Version
from mockcvp.oamp.http import EMPTY
from mockcvp.oamp.limits import DEFAULT_LIMITS, Limits
from mockcvp.oamp.releases import RELEASES, ReleaseName
from mockcvp.oamp.sync_ups import Servers


class OAMP:
    """The OAMP server of one deployment.

    Attributes:
        accounts: the users
        servers: the servers of its deployment
        version: the version that it reports
        max_in_flight: the maximum number of requests in flight
        limits: the limits of request bodies
        release: the release whose headers its responses have
        empty_headers: the headers of the response to a POST, for each format; the response has no body
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        servers: Servers,
        version: Version,
        max_in_flight: int = 1000,
        limits: Limits = DEFAULT_LIMITS,
        release: ReleaseName = "10.0",
    ) -> None:
        self.accounts = Accounts(accounts)
        self.servers = servers
        self.version = version
        self.max_in_flight = max_in_flight
        self.limits = limits
        self.release = RELEASES[release]
        self.empty_headers = {
            codec: (*self.release.headers, (b"content-type", codec.empty_content_type), EMPTY) for codec in CODECS
        }
