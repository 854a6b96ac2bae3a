"""The valid and invalid calls of the load, and their expected results."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from mockcvp.oamp.deployment import BUILT_IN
from tests.server_process import JSON, PASSWORD, SYNCHRONIZE, USER, XML

BASE = "/cvp-config"
SYNC = f"{BASE}/{SYNCHRONIZE}"
BODY_LIMIT = 8 * 1024
DELAY_SECONDS = 0.4
# The stub mappings of the control task match only calls with these headers.
DELAYED, STUBBED = "X-Delayed", "X-Stubbed"
SERVERS = ("media-1", "media-2", "vxml-1", "node-7", "standalone-3")


@dataclass(frozen=True)
class Plan:
    """One call.

    Attributes:
        number: the number of the call, also in its header X-Call
        kind: a description, also in its header X-Kind
        head: the request line and the headers
        body: the raw body
        expected: the expected status; None if it depends on a stub mapping that may be deleted
        recorded: whether the journal must record the call
        cut: the client closes the connection after this number of bytes; None: it waits for the response
        linger: the client closes the connection after this number of seconds
        writes: the client sends the body in this number of writes
        closes: whether the connection cannot be used again
    """

    number: int
    kind: str
    head: bytes
    body: bytes
    expected: int | None
    recorded: bool = True
    cut: int | None = None
    linger: float = 0.0
    writes: int = 1
    closes: bool = False

    @property
    def data(self) -> bytes:
        return self.head + self.body


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


RIGHT = _basic(USER, PASSWORD)


class Draw:
    """Draws random calls, each with a unique number."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)  # noqa: S311 - not for cryptography
        self._number = 0
        self._makers = [maker for maker, weight in _MIX for _ in range(weight)]

    def plan(self) -> Plan:
        return self.random.choice(self._makers)(self)

    def plain(self) -> Plan:
        """Draw one of the calls that can be pipelined."""
        return self.random.choice((_json, _xml, _version, _wrong_password, _unknown_path))(self)

    def call(
        self,
        kind: str,
        expected: int | None,
        body: bytes = b"",
        *,
        method: str = "POST",
        path: str = SYNC,
        accept: str | None = JSON,
        content_type: str | None = JSON,
        authorization: str | None = RIGHT,
        others: tuple[tuple[str, str], ...] = (),
        length: int | None = None,
        line: bytes | None = None,
        **options: int | float | bool | None,
    ) -> Plan:
        self._number += 1
        headers = [("Host", "localhost"), ("X-Call", str(self._number)), ("X-Kind", kind)]
        headers += [("Authorization", authorization)] if authorization else []
        headers += [("Accept", accept)] if accept else []
        headers += [("Content-Type", content_type)] if content_type and method == "POST" else []
        if method == "POST" and ("Transfer-Encoding", "chunked") not in others:
            headers.append(("Content-Length", str(len(body) if length is None else length)))
        lines = [f"{method} {path} HTTP/1.1".encode(), *(f"{name}: {value}".encode() for name, value in headers)]
        lines += [f"{name}: {value}".encode() for name, value in others]
        lines += [line] if line is not None else []
        head = b"\r\n".join([*lines, b"", b""])
        return Plan(self._number, kind, head, body, expected, **options)  # type: ignore[arg-type] # options have several types

    def json(self, **fields: str) -> bytes:
        entry = {"refURL": self._server(), "sincetime": str(self.random.randrange(3))} | fields
        return json.dumps({"synchronize": {"servers": {"server": entry}}}).encode()

    def xml(self) -> bytes:
        return (
            f"<synchronize><servers><server><refURL>{self._server()}</refURL>"
            f"<sincetime>{self.random.randrange(3)}</sincetime></server></servers></synchronize>"
        ).encode()

    def _server(self) -> str:
        return f"https://localhost:8111{BASE}/server/{self.random.choice(SERVERS)}"


def _json(draw: Draw) -> Plan:
    return draw.call("sync-up in JSON", 202, draw.json())


def _xml(draw: Draw) -> Plan:
    return draw.call("sync-up in XML", 202, draw.xml(), accept=XML, content_type=XML)


def _chunked(draw: Draw) -> Plan:
    body = draw.json()
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
    return draw.call("sync-up in chunks", 202, chunks, others=(("Transfer-Encoding", "chunked"),))


def _version(draw: Draw) -> Plan:
    return draw.call("version", 200, method="GET", path=f"{BASE}/version")


def _statuses(draw: Draw) -> Plan:
    path = draw.random.choice((f"{BASE}/server", f"{BASE}/server/synchronize"))
    return draw.call("list", 200, method="GET", path=path, accept=XML)


def _last(draw: Draw) -> Plan:
    return draw.call("last on its connection", 202, draw.json(), others=(("Connection", "close"),), closes=True)


def _wrong_password(draw: Draw) -> Plan:
    return draw.call("wrong password", 401, draw.json(), authorization=_basic(USER, "guessed"))


def _no_credentials(draw: Draw) -> Plan:
    return draw.call("no credentials", 401, draw.json(), authorization=None)


def _no_role(draw: Draw) -> Plan:
    return draw.call("no role", 401, draw.json(), authorization=_basic("Administrator", PASSWORD))


def _no_accept(draw: Draw) -> Plan:
    return draw.call("no Accept", 400, draw.json(), accept=None)


def _not_acceptable(draw: Draw) -> Plan:
    return draw.call("not acceptable", 406, draw.json(), accept="text/html")


def _other_type(draw: Draw) -> Plan:
    return draw.call("other content type", 415, draw.json(), content_type="text/plain")


def _encoded(draw: Draw) -> Plan:
    return draw.call("encoded body", 415, draw.json(), others=(("Content-Encoding", "gzip"),))


def _bad_json(draw: Draw) -> Plan:
    return draw.call("bad JSON", 400, draw.json()[:-2])


def _bad_xml(draw: Draw) -> Plan:
    return draw.call("bad XML", 400, draw.xml()[:-2], content_type=XML)


def _bad_value(draw: Draw) -> Plan:
    return draw.call("bad value", 400, draw.json(**draw.random.choice(({"sincetime": "-1"}, {"refURL": " "}))))


def _twice(draw: Draw) -> Plan:
    body = json.dumps({"synchronize": {"servers": {"server": ["media-1", "media-1"]}}}).encode()
    return draw.call("server twice", 400, body)


def _bad_server(draw: Draw) -> Plan:
    server = next(server.id for server in BUILT_IN.servers if not server.type.synchronized)
    return draw.call("server that is not synchronised", 400, draw.json(refURL=server))


def _bad_query(draw: Draw) -> Plan:
    return draw.call("bad query", 400, method="GET", path=f"{BASE}/server?q=type:NONE")


def _unknown_path(draw: Draw) -> Plan:
    path = draw.random.choice(("/cvp-config/nothing", "/elsewhere", "/cvp-config/server/nobody", "/__administration"))
    return draw.call("unknown path", 404, method="GET", path=path)


def _wrong_method(draw: Draw) -> Plan:
    return draw.call("wrong method", 405, method=draw.random.choice(("GET", "PUT", "DELETE")))


def _too_large(draw: Draw) -> Plan:
    return draw.call("too large", 413, b" " * (3 * BODY_LIMIT))


def _too_large_expected(draw: Draw) -> Plan:
    others = (("Expect", "100-continue"),)
    return draw.call("too large, asked before", 413, others=others, length=5 * BODY_LIMIT, closes=True)


def _slow(draw: Draw) -> Plan:
    return draw.call("slow body", 202, draw.json(), writes=draw.random.randrange(2, 9))


def _stubbed(draw: Draw) -> Plan:
    return draw.call("stubbed or not", None, method="GET", path=f"{BASE}/version", others=((STUBBED, "yes"),))


def _delayed(draw: Draw) -> Plan:
    return draw.call("delayed", 200, method="GET", path=f"{BASE}/version", others=((DELAYED, "yes"),))


def _closed_during_delay(draw: Draw) -> Plan:
    plan = draw.call("closed during the delay", 200, draw.json(), others=((DELAYED, "yes"),), closes=True)
    return _cut(plan, len(plan.data), draw.random.uniform(0.02, DELAY_SECONDS / 2))


def _closed_in_headers(draw: Draw) -> Plan:
    plan = draw.call("closed in the headers", None, draw.json(), recorded=False, closes=True)
    return _cut(plan, draw.random.randrange(1, len(plan.head)), draw.random.choice((0, 0.02)))


def _closed_in_body(draw: Draw) -> Plan:
    plan = draw.call("closed in the body", None, draw.json(), closes=True)
    return _cut(plan, draw.random.randrange(len(plan.head), len(plan.data)), draw.random.choice((0, 0.02)))


def _closed_at_once(draw: Draw) -> Plan:
    plan = draw.call("closed before the response", None, draw.json(), closes=True)
    return _cut(plan, len(plan.data), 0)


def _cut(plan: Plan, cut: int, linger: float) -> Plan:
    return Plan(**{**vars(plan), "cut": cut, "linger": linger})


def _malformed_head(draw: Draw) -> Plan:
    line = draw.random.choice((b"no colon here", b"bad name : value", b"X-Control: a\x00b", b"Host: twice"))
    return draw.call("malformed head", 400, draw.json(), recorded=False, closes=True, line=line)


def _no_http(draw: Draw) -> Plan:
    plan = draw.call("no HTTP", 400, recorded=False, closes=True)
    return Plan(**{**vars(plan), "head": b"hello?\r\n\r\n"})


def _head_too_large(draw: Draw) -> Plan:
    return draw.call("head too large", 400, recorded=False, closes=True, line=b"X-Large: " + b"x" * 9000)


def _malformed_chunk(draw: Draw) -> Plan:
    others = (("Transfer-Encoding", "chunked"),)
    return draw.call("malformed chunk", 400, b"zz\r\nnothing\r\n", others=others, closes=True)


_MIX: tuple[tuple[Callable[[Draw], Plan], int], ...] = (
    (_json, 24),
    (_xml, 24),
    (_chunked, 4),
    (_version, 6),
    (_statuses, 4),
    (_last, 4),
    *((maker, 2) for maker in (_wrong_password, _no_credentials, _no_role, _no_accept, _not_acceptable)),
    *(
        (maker, 2)
        for maker in (_other_type, _encoded, _bad_json, _bad_xml, _bad_value, _twice, _bad_server, _bad_query)
    ),
    *((maker, 2) for maker in (_unknown_path, _wrong_method, _too_large, _too_large_expected)),
    (_slow, 8),
    (_stubbed, 8),
    (_delayed, 2),
    *((maker, 3) for maker in (_closed_during_delay, _closed_in_headers, _closed_in_body, _closed_at_once)),
    *((maker, 1) for maker in (_malformed_head, _no_http, _head_too_large, _malformed_chunk)),
)
