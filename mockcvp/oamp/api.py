"""The routes of ``/cvp-config`` and the way of a request through them (contract, sections 1, 2 and 5 to 9)."""

import logging
from collections.abc import Callable, Mapping, Sequence
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
from mockcvp.oamp.errors import ApiError, Refusal
from mockcvp.oamp.negotiation import Form, body_form, negotiate
from mockcvp.oamp.representation import NO_MORE, Limits, read, write
from mockcvp.oamp.sync_ups import Run, Servers
from mockcvp.oamp.synchronization import ROOT, SHAPE, Document, RequestedServer, requested_servers

_log = logging.getLogger(__name__)

BASE_PATH = "/cvp-config"
HEADERS = (
    (b"server", b"Apache-Coyote/1.1"),
    (b"pragma", b"No-cache"),
    (b"cache-control", b"no-cache"),
    (b"expires", b"Wed, 31 Dec 1969 16:00:00 PST"),
)
_HEADERS_ALONE = (*HEADERS, (b"content-length", b"0"))
# RFC 7617 has every challenge name a realm; no source tells the product's
CHALLENGE = ((b"www-authenticate", b'Basic realm="cvp-config"'),)

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
        throttled: whether too many requests were in process when this one came; its body was then not taken
        authority: host and port that it came to, for a client that names none
    """

    method: str
    path: str
    target: str
    headers: Headers
    body: bytes = b""
    exceeded: int = 0
    throttled: bool = False
    authority: str = "localhost"

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


class Answer(NamedTuple):
    """What the OAMP answers, and what it understood.

    Attributes:
        status: of the answer
        headers: of the answer, all but ``Date``
        body: of the answer
        sync_up: the sync-up that was accepted, where one was
        refusal: why the request was refused, where it was
        errors: the documented errors that it was refused with
    """

    status: int
    headers: Headers
    body: bytes = b""
    sync_up: SyncUp | None = None
    refusal: str | None = None
    errors: tuple[ApiError, ...] = ()


MALFORMED = Answer(400, _HEADERS_ALONE, refusal="the request is malformed HTTP")
"""What a connector such as Tomcat's answers before there is a request to answer."""


class _Outcome(NamedTuple):
    """What a resource's method leads to, before it is written down in the negotiated form."""

    status: int
    tree: Element | None = None
    sync_up: SyncUp | None = None
    refusal: str | None = None
    headers: Headers = ()
    errors: tuple[ApiError, ...] = ()


_Method = Callable[[Request], _Outcome]


class OAMP:
    """The OAMP server of one deployment.

    Args:
        accounts: the users whom it knows, by name
        servers: the servers that it manages
        version: the version that it says it is
        max_in_process: how many requests may be in process at the same time
        limits: what the body of a request may hold
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        servers: Servers,
        version: Version,
        max_in_process: int = 1000,
        limits: Limits = NO_MORE,
    ) -> None:
        self.accounts = accounts
        self.servers = servers
        self.version = version
        self.max_in_process = max_in_process
        self.limits = limits
        self._resources: Mapping[str, Mapping[str, _Method]] = {
            f"{BASE_PATH}/command/synchronize": {"POST": self._start_sync_up},
            f"{BASE_PATH}/server": _readable(self._list_servers),
            f"{BASE_PATH}/server/synchronize": _readable(self._list_statuses),
            f"{BASE_PATH}/version": _readable(self._tell_version),
        }

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The users whom it knows, by name."""
        return self._accounts.by_name

    @accounts.setter
    def accounts(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = Accounts(accounts)

    def answer(self, request: Request) -> Answer:
        """Answer a request: never raises, and has taken effect when it returns."""
        # until it is negotiated, XML
        form = Form.XML
        try:
            if request.throttled:
                limit = f"more than {self.max_in_process} requests are in process"
                raise Refusal(errors.THROTTLED.error(limit))
            self._accounts.authenticate(request.header(b"authorization"))
            methods = self._methods(request.path)
            if request.method in methods:
                form = negotiate(request.header(b"accept"))
                outcome = methods[request.method](request)
            else:
                allowed = ", ".join(methods)
                outcome = _Outcome(405, refusal=f"the methods here: {allowed}", headers=((b"allow", allowed.encode()),))
        except Refusal as refusal:
            outcome = _refused(refusal)
        except Exception:
            _log.exception("fault while answering %s %r", request.method, request.path)
            outcome = _refused(Refusal(errors.FAILED.error()))
        return _written(outcome, form, head=request.method == "HEAD")

    def refuse(self, request: Request, error: ApiError) -> Answer:
        """Refuse a request with an error, in the form that it asks for, whatever the request is."""
        try:
            form = negotiate(request.header(b"accept"))
        except Refusal:
            form = Form.XML
        return _written(_refused(Refusal(error)), form, head=request.method == "HEAD")

    def _methods(self, path: str) -> Mapping[str, _Method]:
        path = path.removesuffix("/")
        methods = self._resources.get(path)
        if methods is not None:
            return methods
        named = path.removeprefix(f"{BASE_PATH}/server/")
        if named in ("", path):
            raise Refusal(errors.NOT_FOUND.error())
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
        listed = ((server, self.servers.status(server.id)) for server in self.servers.synchronized())
        return _Outcome(200, status_list(listed, request.base_url))

    def _tell_status(self, named: str, request: Request) -> _Outcome:
        server = self._server(named)
        if not server.type.synchronized:
            raise Refusal(errors.NOT_FOUND.error(f"a server of type {server.type} is not synchronised"))
        return _Outcome(200, status_document(server, self.servers.status(server.id), request.base_url))

    def _tell_version(self, _: Request) -> _Outcome:
        return _Outcome(200, version_document(self.version))

    def _server(self, named: str) -> Server:
        server = self.servers.get(named)
        if server is None:
            raise Refusal(errors.NOT_FOUND.error(f"there is no server {named[:100]!r}"))
        return server


def _readable(method: _Method) -> Mapping[str, _Method]:
    return {"GET": method, "HEAD": method}


def _document(request: Request, limits: Limits) -> Document:
    """Return the ``synchronize`` document of a request."""
    if not request.body and not request.exceeded:
        return _NONE
    form, charset = body_form(request.header(b"content-type"))
    encoding = request.header(b"content-encoding")
    if encoding and encoding.strip().lower() != "identity":
        raise Refusal(errors.UNSUPPORTED_TYPE.error(f"the body must have no Content-Encoding, not {encoding[:40]!r}"))
    if request.exceeded:
        raise Refusal(errors.TOO_LARGE.error(f"the body is larger than {request.exceeded} bytes"))
    if len(request.body) <= _SMALL:
        return _kept_document(request.body, form, charset, limits)
    return _read_document(request.body, form, charset, limits)


def _read_document(body: bytes, form: Form, charset: str | None, limits: Limits) -> Document:
    tree = read(body, form, charset, ROOT, SHAPE, limits)
    # before anything is made of them: each may be wrong in several ways, and all are told
    if len(tree.findall("servers/server")) > limits.servers:
        raise Refusal(errors.TOO_LARGE.error(f"the body names more than {limits.servers} servers"))
    return Document.of(tree)


# clients send few small bodies again and again
_kept_document = lru_cache(maxsize=256)(_read_document)
_SMALL = 1000
_NONE = Document.of(None)


def _refused(refusal: Refusal) -> _Outcome:
    headers = CHALLENGE if refusal.status == 401 else ()
    return _Outcome(refusal.status, refusal.tree(), None, str(refusal), headers, refusal.errors)


def _written(outcome: _Outcome, form: Form, *, head: bool) -> Answer:
    status, tree, sync_up, refusal, headers, found = outcome
    if tree is None and not headers:
        return Answer(status, _HEADERS_ALONE, b"", sync_up, refusal, found)
    body = b"" if tree is None else write(tree, form)
    if body:
        headers = (*headers, (b"content-type", form.value.encode()))
    headers = (*HEADERS, *headers, (b"content-length", b"%d" % len(body)))
    return Answer(status, headers, b"" if head else body, sync_up, refusal, found)
