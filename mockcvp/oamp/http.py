"""Requests and responses of the OAMP, without a framework."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from mockcvp.oamp.authentication import sent_credentials
from mockcvp.oamp.errors import ApiError
from mockcvp.oamp.releases import Release
from mockcvp.oamp.sync_ups import SyncUp
from mockcvp.text import printable, shortened

BASE_PATH = "/cvp-config"
CHUNKED = (b"transfer-encoding", b"chunked")
EMPTY = (b"content-length", b"0")
_REASON = b"x-mockcvp-reason"
_LONGEST_REASON = 1000

Headers = tuple[tuple[bytes, bytes], ...]


class Request(NamedTuple):
    """A request.

    Attributes:
        method: the method, in upper case
        path: the decoded path
        target: the path and the query, as the client sent them
        headers: the headers, with names in lower case
        body: the body, up to the limit
        exceeded: the limit that the body exceeds, in bytes; 0 if it exceeds none
        throttled: the reason why the server has no capacity for this request, whose body is not stored; usually empty
        authority: the host and the port of the server, for a client that sends no ``Host``
        version: the version of HTTP, such as ``1.1``
        unread: whether the server responded without reading the body
        root_path: the path at which the app is mounted
    """

    method: str
    path: str
    target: str
    headers: Headers
    body: bytes = b""
    exceeded: int = 0
    throttled: str = ""
    authority: str = "localhost"
    version: str = "1.1"
    unread: bool = False
    root_path: str = ""

    @property
    def query(self) -> str:
        """The query, as the client sent it; empty if there is none."""
        return self.target.partition("?")[2]

    @property
    def base_url(self) -> str:
        """The URL of the API, with the host that the client called (contract, section 7)."""
        return f"https://{self.header(b'host') or self.authority}{self.root_path}{BASE_PATH}"

    @property
    def user(self) -> str | None:
        """The user name that the client sent, valid or not; None without one."""
        credentials = sent_credentials(self.header(b"authorization"))
        return credentials[0] if credentials else None

    def header(self, name: bytes) -> str | None:
        """Return the value of a header, several values joined by commas; None if the client did not send it."""
        return _by_name(self.headers).get(name)


# Most requests of a client have the same headers.
@lru_cache(maxsize=256)
def _by_name(headers: Headers) -> Mapping[bytes, str]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {name: b", ".join(found).decode("latin-1") for name, found in values.items()}


class Response(NamedTuple):
    """A response.

    Attributes:
        status: the status code
        headers: all headers but ``Date``
        body: the body
        sync_up: the accepted sync-up, if there is one
        reason: the reason of an error response
        errors: the documented errors in the body
        parts: yields the parts of a long body, which is not encoded yet; None for any other body
    """

    status: int
    headers: Headers
    body: bytes = b""
    sync_up: SyncUp | None = None
    reason: str | None = None
    errors: tuple[ApiError, ...] = ()
    parts: Iterator[bytes] | None = None


def malformed(release: Release, reason: str) -> Response:
    """Return the response to malformed HTTP, which has the headers of Tomcat's connector."""
    reason = f"the request is malformed HTTP: {reason}"
    return Response(400, (*release.headers, *explained(reason), EMPTY), reason=reason)


def explained(reason: str) -> Headers:
    """Return the header with the reason of an error, which the real server does not give."""
    return ((_REASON, printable(shortened(reason, _LONGEST_REASON)).encode("ascii", "backslashreplace")),)
