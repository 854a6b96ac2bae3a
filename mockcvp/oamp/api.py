"""The routes of ``/cvp-config`` and the way of a request through them (contract, sections 1, 2, 5, 8 and 9)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from mockcvp.oamp import errors
from mockcvp.oamp.authentication import Account, authenticate, sent_credentials
from mockcvp.oamp.errors import Refusal
from mockcvp.oamp.negotiation import Form, body_form, negotiate
from mockcvp.oamp.representation import read, write
from mockcvp.oamp.synchronization import ROOT, SHAPE, RequestedServer, ignored, requested_servers

_log = logging.getLogger(__name__)

BASE_PATH = "/cvp-config"
HEADERS = (
    (b"server", b"Apache-Coyote/1.1"),
    (b"pragma", b"No-cache"),
    (b"cache-control", b"no-cache"),
    (b"expires", b"Wed, 31 Dec 1969 16:00:00 PST"),
)
# RFC 7617 has every challenge name a realm; no source tells the product's
CHALLENGE = ((b"www-authenticate", b'Basic realm="cvp-config"'),)

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.

    Attributes:
        method: in upper case
        path: decoded, without the query
        target: path and query, as they came
        headers: names in lower case
        body: the bytes of the body, at most as many as the server takes
        exceeded: the limit in bytes that the body went over, 0 where it did not
        in_process: how many requests were in process when this one came, with itself
    """

    method: str
    path: str
    target: str
    headers: Headers
    body: bytes = b""
    exceeded: int = 0
    in_process: int = 1

    @property
    def user(self) -> str | None:
        """The user name that was sent, right or wrong; None where none was."""
        credentials = sent_credentials(self.header(b"authorization"))
        return credentials[0] if credentials else None

    def header(self, name: bytes) -> str | None:
        """Return a header's value, several of one name joined by commas, or None where it was not sent."""
        values = [value for its_name, value in self.headers if its_name == name]
        return b", ".join(values).decode("latin-1") if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the OAMP answers, and what it understood.

    Attributes:
        status: of the answer
        headers: of the answer, all but ``Date``
        body: of the answer
        servers: what an accepted sync-up asked for (empty: every server); None where none was accepted
        ignored: the elements of its body that mean nothing to the product
        refusal: why the request was refused, where it was
    """

    status: int
    headers: Headers
    body: bytes = b""
    servers: tuple[RequestedServer, ...] | None = None
    ignored: Sequence[str] = ()
    refusal: str | None = None


MALFORMED = Answer(
    400, (*HEADERS, (b"content-length", b"0"), (b"connection", b"close")), refusal="the request is malformed HTTP"
)
"""What a connector such as Tomcat's answers before there is a request to answer."""


class _Outcome(NamedTuple):
    """What a resource's method leads to, before it is written down in the negotiated form."""

    status: int
    tree: Element | None = None
    servers: tuple[RequestedServer, ...] | None = None
    ignored: Sequence[str] = ()
    refusal: str | None = None
    headers: Headers = ()


_Method = Callable[[Request], _Outcome]


class OAMP:
    """The OAMP server of one deployment.

    Args:
        accounts: the users whom it knows, by name
        max_in_process: how many requests may be in process at the same time
    """

    def __init__(self, accounts: Mapping[str, Account], max_in_process: int = 1000) -> None:
        self.accounts = accounts
        self.max_in_process = max_in_process
        self._resources: Mapping[str, Mapping[str, _Method]] = {
            f"{BASE_PATH}/command/synchronize": {"POST": self._start_sync_up},
        }

    def answer(self, request: Request) -> Answer:
        """Answer a request: never raises, and has taken effect when it returns."""
        authorization = request.header(b"authorization")
        # until it is negotiated, XML
        form = Form.XML
        try:
            if request.in_process > self.max_in_process:
                limit = f"more than {self.max_in_process} requests are in process"
                raise Refusal(errors.THROTTLED.error(limit))
            authenticate(authorization, sent_credentials(authorization), self.accounts)
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
        return _written(outcome, form)

    def _methods(self, path: str) -> Mapping[str, _Method]:
        methods = self._resources.get(path.removesuffix("/"))
        if methods is None:
            raise Refusal(errors.NOT_FOUND.error())
        return methods

    def _start_sync_up(self, request: Request) -> _Outcome:
        document = _document(request)
        return _Outcome(202, servers=requested_servers(document), ignored=ignored(document))


def _document(request: Request) -> Element | None:
    """Return the ``synchronize`` document of a request, None where it has no body."""
    if not request.body and not request.exceeded:
        return None
    form, charset = body_form(request.header(b"content-type"))
    encoding = request.header(b"content-encoding")
    if encoding and encoding.strip().lower() != "identity":
        raise Refusal(errors.UNSUPPORTED_TYPE.error(f"the body must have no Content-Encoding, not {encoding[:40]!r}"))
    if request.exceeded:
        raise Refusal(errors.TOO_LARGE.error(f"the body is larger than {request.exceeded} bytes"))
    return read(request.body, form, charset, ROOT, SHAPE)


def _refused(refusal: Refusal) -> _Outcome:
    headers = CHALLENGE if refusal.status == 401 else ()
    return _Outcome(refusal.status, refusal.tree(), refusal=str(refusal), headers=headers)


def _written(outcome: _Outcome, form: Form) -> Answer:
    status, tree, servers, ignored, refusal, headers = outcome
    body = b"" if tree is None else write(tree, form)
    if body:
        headers = (*headers, (b"content-type", form.value.encode()))
    headers = (*HEADERS, *headers, (b"content-length", b"%d" % len(body)))
    return Answer(status, headers, body, servers, ignored, refusal)
