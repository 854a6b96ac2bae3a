"""The routes of ``/cvp-config`` and the way of a request through them (contract, sections 1, 2 and 5 to 9)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple
from xml.etree.ElementTree import Element

from mockcvp.oamp import errors
from mockcvp.oamp.authentication import Account, Accounts, sent_credentials
from mockcvp.oamp.deployment import Server, Version
from mockcvp.oamp.documents import (
    server_document,
    server_list,
    status_document,
    status_list,
    version_document,
    wanted_type,
)
from mockcvp.oamp.errors import ApiError, OampError
from mockcvp.oamp.negotiation import Form, body_form, error_form, negotiate
from mockcvp.oamp.releases import RELEASES, Release, ReleaseName
from mockcvp.oamp.representation import NO_MORE, Limits
from mockcvp.oamp.sync_ups import Run, Servers
from mockcvp.oamp.synchronization import NO_DOCUMENT, Document, RequestedServer, document_of, requested_servers
from mockcvp.oamp.writing import Listing, write, write_list
from mockcvp.text import printable, shortened

_log = logging.getLogger(__name__)

BASE_PATH = "/cvp-config"
# RFC 7617 requires a realm; no source documents the OAMP's
CHALLENGE = ((b"www-authenticate", b'Basic realm="cvp-config"'),)
CHUNKED = (b"transfer-encoding", b"chunked")
_EMPTY = (b"content-length", b"0")
# the Content-Type of a response without a body has no charset
_EMPTY_TYPES = {Form.XML: b"application/xml", Form.JSON: b"application/json"}
_REASON = b"x-mockcvp-reason"
_LONGEST_REASON = 1000
# a list with more entries is written in slices, between which other requests are served
_LONG_LIST = 50

Headers = tuple[tuple[bytes, bytes], ...]


class Request(NamedTuple):
    """A request as it came.

    Attributes:
        method: in upper case
        path: decoded, without the query
        target: path and query, as they came
        headers: names in lower case
        body: the bytes of the body, at most as many as the server takes
        exceeded: the limit in bytes that the body went over, 0 where it did not
        throttled: why the server has no capacity for this request, whose body was then not stored; empty where it has
        authority: host and port that it came to, for a client that names none
        version: of HTTP, as ``1.1``
        unread: whether the response was sent before the body was read, since the headers alone led to an error
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

    @property
    def query(self) -> str:
        """The query, as it came; empty where there was none."""
        return self.target.partition("?")[2]

    @property
    def base_url(self) -> str:
        """The URL of the API where the client reaches it (contract, section 7)."""
        return f"https://{self.header(b'host') or self.authority}{BASE_PATH}"

    @property
    def user(self) -> str | None:
        """The user name that was sent, right or wrong; None where none was."""
        credentials = sent_credentials(self.header(b"authorization"))
        return credentials[0] if credentials else None

    def header(self, name: bytes) -> str | None:
        """Return a header's value, several of one name joined by commas, or None where it was not sent."""
        return _by_name(self.headers).get(name)


# clients send few headers again and again
@lru_cache(maxsize=256)
def _by_name(headers: Headers) -> Mapping[bytes, str]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {name: b", ".join(found).decode("latin-1") for name, found in values.items()}


class SyncUp(NamedTuple):
    """A sync-up that was accepted.

    Attributes:
        requested: the servers that it asked for; none means every server
        started: the sync-ups of single servers that it has started
        time: when, by the OAMP's clock, in seconds since 1970
        ignored: the elements of its body that mean nothing to the product
    """

    requested: tuple[RequestedServer, ...] = ()
    started: tuple[Run, ...] = ()
    time: float = 0.0
    ignored: Sequence[str] = ()


class Response(NamedTuple):
    """What the OAMP answers, and what it understood.

    Attributes:
        status: of the answer
        headers: of the answer, all but ``Date``
        body: of the answer
        sync_up: the sync-up that was accepted, where one was
        refusal: why the request was refused, where it was
        errors: the documented errors that it was refused with
        parts: make the body, where it is long and not made yet
    """

    status: int
    headers: Headers
    body: bytes = b""
    sync_up: SyncUp | None = None
    refusal: str | None = None
    errors: tuple[ApiError, ...] = ()
    parts: Iterator[bytes] | None = None


def malformed(release: Release, reason: str) -> Response:
    """Return the response of a connector such as Tomcat's to a request that is malformed HTTP."""
    refusal = f"the request is malformed HTTP: {reason}"
    return Response(400, (*release.server, *_explained(refusal), _EMPTY), refusal=refusal)


class _Outcome(NamedTuple):
    """What a resource's method leads to, before it is written down in the negotiated form."""

    status: int
    tree: Element | Listing | None = None
    sync_up: SyncUp | None = None
    refusal: str | None = None
    headers: Headers = ()
    errors: tuple[ApiError, ...] = ()


_Method = Callable[[Request], _Outcome]


class _NotAllowed(Exception):
    """A method that a resource lacks; its text lists the methods that the resource has."""


class OAMP:
    """The OAMP server of one deployment.

    Args:
        accounts: the users whom it knows, by name
        servers: the servers that it manages
        version: the version that it says it is
        max_in_flight: how many requests may be in process at the same time
        limits: what the body of a request may hold
        release: whose headers its responses have
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        servers: Servers,
        version: Version,
        max_in_flight: int = 1000,
        limits: Limits = NO_MORE,
        release: ReleaseName = "10.0",
    ) -> None:
        self.release = RELEASES[release]
        self.accounts = accounts
        self.servers = servers
        self.version = version
        self.max_in_flight = max_in_flight
        self.limits = limits
        self._resources: Mapping[str, Mapping[str, _Method]] = {
            f"{BASE_PATH}/command/synchronize": {"POST": self._start_sync_up},
            f"{BASE_PATH}/server": _readable(self._list_servers),
            f"{BASE_PATH}/server/synchronize": _readable(self._list_statuses),
            f"{BASE_PATH}/version": _readable(self._tell_version),
        }

    @property
    def release(self) -> Release:
        """The release whose headers its responses have."""
        return self._release

    @release.setter
    def release(self, release: Release) -> None:
        self._release = release
        self._accepted = {
            form: (*release.server, (b"content-type", name), _EMPTY) for form, name in _EMPTY_TYPES.items()
        }

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The users whom it knows, by name."""
        return self._accounts.by_name

    @accounts.setter
    def accounts(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = Accounts(accounts)

    def response(self, request: Request) -> Response:
        """Respond to a request: never raises, and has taken effect when it returns."""
        try:
            method, form = self._method(request)
            outcome = method(request)
        except Exception as exc:
            return self._error_response(exc, request)
        return self._written(outcome, request, form)

    def reject(self, request: Request, length: int | None) -> Response | None:
        """Return the error response to a request whose headers alone lead to one; None where its body is needed.

        Args:
            request: without its body
            length: of the body in bytes, more than 0, as announced; None: it is chunked, and may be empty
        """
        try:
            method, _ = self._method(request)
            if method == self._start_sync_up and length is not None:
                _check_body(request)
        except Exception as exc:
            return self._error_response(exc, request)
        return None

    def error_response(self, request: Request, error: ApiError) -> Response:
        """Respond with an error, in the form that a request asks for, whatever the request is."""
        return self._error_response(OampError(error), request)

    def _error_response(self, exc: Exception, request: Request) -> Response:
        if isinstance(exc, _NotAllowed):
            allowed = str(exc)
            outcome = _Outcome(405, refusal=f"the methods here: {allowed}", headers=((b"allow", allowed.encode()),))
        elif isinstance(exc, OampError):
            outcome = _rejected(exc)
        else:
            _log.error("error in the response to %s %r", request.method, request.path, exc_info=exc)
            outcome = _rejected(OampError(errors.FAILED.error("an error of the mock itself, which its log has")))
        return self._written(outcome, request, error_form(request.header(b"accept")))

    def _method(self, request: Request) -> tuple[_Method, Form]:
        """Return what serves a request, and the form of its response, after all checks of its headers (section 2).

        Raises:
            Refusal: a check fails
            _NotAllowed: the resource lacks the method
        """
        if request.throttled:
            raise OampError(errors.THROTTLED.error(request.throttled))
        self._accounts.authenticate(request.header(b"authorization"))
        methods = self._methods(request.path)
        method = methods.get(request.method)
        if method is None:
            raise _NotAllowed(", ".join(methods))
        return method, negotiate(request.header(b"accept"))

    def _written(self, outcome: _Outcome, request: Request, form: Form) -> Response:
        status, tree, sync_up, refusal, headers, found = outcome
        if sync_up is not None:
            return Response(status, self._accepted[form], b"", sync_up)
        release = self._release
        headers = (*release.server, *(() if request.method == "POST" else release.uncached), *headers)
        if refusal is not None:
            headers = (*headers, *_explained(refusal))
        if tree is None:
            return Response(status, (*headers, _EMPTY), b"", None, refusal, found)
        is_long = isinstance(tree, Listing) and len(tree.items) > _LONG_LIST and request.version == "1.1"
        parts = write_list(tree, form) if isinstance(tree, Listing) else iter((write(tree, form),))
        body = b"" if is_long else b"".join(parts)
        # as Tomcat frames a response whose length it does not know when it begins to send it
        framing = CHUNKED if request.version == "1.1" else (b"content-length", b"%d" % len(body))
        headers = (*headers, (b"content-type", form.value.encode()), framing)
        if request.method == "HEAD":
            return Response(status, headers, b"", None, refusal, found)
        return Response(status, headers, body, None, refusal, found, parts if is_long else None)

    def _methods(self, path: str) -> Mapping[str, _Method]:
        path = path.removesuffix("/")
        methods = self._resources.get(path)
        if methods is not None:
            return methods
        named = path.removeprefix(f"{BASE_PATH}/server/")
        if named in ("", path):
            raise OampError(errors.NOT_FOUND.error())
        if named.endswith("/synchronize"):
            return _readable(partial(self._tell_status, named.removesuffix("/synchronize")))
        return _readable(partial(self._tell_server, named))

    def _start_sync_up(self, request: Request) -> _Outcome:
        document = _document(request, self.limits)
        requested = document.requested
        if requested is None or any(map(self.servers.objections(), [server.ref_url for server in requested])):
            # all that is wrong with it, told together
            requested = requested_servers(document.tree, self.servers.objections())
        started, time = self.servers.start(requested)
        return _Outcome(202, None, SyncUp(requested, started, time, document.ignored))

    def _list_servers(self, request: Request) -> _Outcome:
        listed = self.servers.of_type(wanted_type(request.query))
        return _Outcome(200, server_list(listed, request.base_url))

    def _tell_server(self, named: str, request: Request) -> _Outcome:
        return _Outcome(200, server_document(self._server(named), request.base_url))

    def _list_statuses(self, request: Request) -> _Outcome:
        return _Outcome(200, status_list(*self.servers.latest(), request.base_url))

    def _tell_status(self, named: str, request: Request) -> _Outcome:
        server = self._server(named)
        if not server.type.synchronized:
            raise OampError(errors.NOT_FOUND.error(f"a server of type {server.type} is not synchronised"))
        return _Outcome(200, status_document(server, self.servers.status(server.id), request.base_url))

    def _tell_version(self, _: Request) -> _Outcome:
        return _Outcome(200, version_document(self.version))

    def _server(self, named: str) -> Server:
        server = self.servers.get(named)
        if server is None:
            raise OampError(errors.NOT_FOUND.error(f"there is no server {named[:100]!r}"))
        return server


def _readable(method: _Method) -> Mapping[str, _Method]:
    return {"GET": method, "HEAD": method}


def _document(request: Request, limits: Limits) -> Document:
    """Return the ``synchronize`` document of a request."""
    if not request.body and not request.exceeded:
        return NO_DOCUMENT
    form, charset = _check_body(request)
    return document_of(request.body, form, charset, limits)


def _check_body(request: Request) -> tuple[Form, str | None]:
    """Return the form and the charset of a body that is not empty, by the headers of its request.

    Raises:
        Refusal: ``invalid.contentType`` or ``invalid.requestSize``
    """
    form, charset = body_form(request.header(b"content-type"))
    encoding = request.header(b"content-encoding")
    if encoding and encoding.strip().lower() != "identity":
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"the body must have no Content-Encoding, not {encoding[:40]!r}"))
    if request.exceeded:
        raise OampError(errors.TOO_LARGE.error(f"the body is larger than {request.exceeded} bytes"))
    return form, charset


def _explained(reason: str) -> Headers:
    """Return the header that has the reason of an error, which the real server does not give."""
    return ((_REASON, printable(shortened(reason, _LONGEST_REASON)).encode("ascii", "backslashreplace")),)


def _rejected(refusal: OampError) -> _Outcome:
    headers = CHALLENGE if refusal.status == 401 else ()
    return _Outcome(refusal.status, refusal.tree(), None, str(refusal), headers, refusal.errors)
