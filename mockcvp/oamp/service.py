"""The state of one OAMP: its accounts, servers, version and limits."""

from collections.abc import Mapping

from mockcvp.oamp.authentication import Account, Accounts
from mockcvp.oamp.codecs import CODECS
from mockcvp.oamp.deployment import Version
from mockcvp.oamp.http import EMPTY
from mockcvp.oamp.limits import DEFAULT_LIMITS, Limits
from mockcvp.oamp.releases import RELEASES, Release, ReleaseName
from mockcvp.oamp.sync_ups import Servers


class OAMP:
    """The OAMP server of one deployment.

    Attributes:
        accounts: the accounts by user name
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
        self.release = RELEASES[release]
        self.accounts = accounts
        self.servers = servers
        self.version = version
        self.max_in_flight = max_in_flight
        self.limits = limits

    @property
    def release(self) -> Release:
        """The release whose headers its responses have."""
        return self._release

    @release.setter
    def release(self, release: Release) -> None:
        self._release = release
        self.empty_headers = {
            codec: (*release.server, (b"content-type", codec.empty_content_type), EMPTY) for codec in CODECS
        }

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts by user name."""
        return self._accounts.by_name

    @accounts.setter
    def accounts(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = Accounts(accounts)

    def authenticate(self, authorization: str | None) -> None:
        """Check the credentials of a request.

        Raises:
            OampError: ``authorization.unathorized`` or ``authentication.noAccess``
        """
        self._accounts.authenticate(authorization)
