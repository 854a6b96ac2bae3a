"""Hostile JSON: the responses, and the CPU time that it uses."""

import json
from collections.abc import Callable

import httpx
import pytest

from mockcvp.oamp.http import Request, Response
from mockcvp.oamp.routes import dispatcher
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.costs import clear_caches, ratio
from tests.server_process import JSON, SYNCHRONIZE, ServerProcess

SETTINGS = Settings()
LIMIT = SETTINGS.max_body_bytes


def fill(start: bytes, unit: bytes, end: bytes) -> bytes:
    return start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end


COMMAS = b"," * SETTINGS.max_elements
# Name, body, and possible statuses. Where there are two statuses, another limit may reject the body.
TABLE: list[tuple[str, Callable[[], bytes], tuple[int, ...]]] = [
    ("an unterminated string of escaped quotes", lambda: fill(b'"', b'\\"', COMMAS), (400,)),
    ("an unterminated string that ends with a backslash", lambda: fill(b'"', b'\\"', COMMAS + b"\\"), (400,)),
    ("an unterminated string with an escaped line break", lambda: fill(b'"', b'\\"', b"\\\n" + COMMAS), (400,)),
    ("a string of backslashes", lambda: fill(b'"', b"\\", COMMAS), (400,)),
    ("quotes", lambda: fill(COMMAS, b'"', b""), (400,)),
    ("opening brackets", lambda: fill(b"", b"[", b""), (400,)),
    ("opening braces", lambda: fill(b"", b'{"a":', b""), (400,)),
    ("closing brackets", lambda: fill(b"[", b"]", b""), (400,)),
    ("commas", lambda: fill(b"[", b",", b"]"), (400,)),
    ("values", lambda: fill(b"[", b"1,", b"1]"), (400,)),
    ("one member repeatedly", lambda: fill(b"{", b'"a":1,', b'"a":1}'), (400,)),
    ("a number as long as fits", lambda: fill(b"[", b"1", b"]"), (400,)),
    ("a number with a large exponent", lambda: b'{"synchronize":{"a":1e999999999}}', (202,)),
    ("white space", lambda: fill(b"", b" ", b""), (400,)),
    ("white space before the value", lambda: fill(b"", b" ", b'{"synchronize":{}}'), (202,)),
    ("a name as long as fits", lambda: fill(b'{"synchronize":{"', b"a", b'":1}}'), (202,)),
    ("a text as long as fits", lambda: fill(b'{"synchronize":{"a":"', b"a", b'"}}'), (202,)),
    ("as many escapes as fit", lambda: fill(b'{"synchronize":{"a":"', b"\\u0041", b'"}}'), (202,)),
    ("half of a surrogate pair", lambda: b'{"synchronize":{"\\ud800":1}}', (400,)),
    ("NULs", lambda: b"\0" * LIMIT, (400,)),
    ("the maximum number of values", lambda: json.dumps({"synchronize": {"a": [1] * 9_990}}).encode(), (202, 400)),
]


def respond(body: bytes, content_type: str = JSON) -> Response:
    path = f"/cvp-config/{SYNCHRONIZE}"
    headers = (
        (b"accept", JSON.encode()),
        (b"content-type", content_type.encode()),
        (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
    )
    return dispatcher.respond(MockState(SETTINGS).oamp, Request("POST", path, path, headers, body))


def harmless() -> bytes:
    """Return a valid body with the maximum number of servers, each with the reference that OAMP gives it."""
    servers = [
        {"refURL": f"https://localhost/cvp-config/server/s{number:07}", "sincetime": "0"}
        for number in range(SETTINGS.max_servers)
    ]
    return json.dumps({"synchronize": {"servers": {"server": servers}}}).encode()


@pytest.mark.parametrize(
    ("body", "statuses"), [pytest.param(body, statuses, id=name) for name, body, statuses in TABLE]
)
def test_hostile_json_uses_no_more_cpu_time_than_valid_json(
    body: Callable[[], bytes], statuses: tuple[int, ...]
) -> None:
    sent, valid = body(), harmless()
    assert len(sent) <= LIMIT
    response = respond(sent)
    assert response.status in statuses, response.body[:300]
    assert respond(valid).status == 202
    assert ratio(lambda: respond(sent), lambda: respond(valid), enough=1, before=clear_caches) <= 1


def test_a_lone_surrogate_in_a_utf_7_body_is_rejected() -> None:
    body = b'{"synchronize":{"+2AA-x":"y"}}'
    response = respond(body, f"{JSON}; charset=utf-7")
    assert response.status == 400
    assert "the body is not UTF-7" in (response.reason or "")


def test_the_journal_lists_bodies_that_cannot_be_decoded(tmp_path_factory: pytest.TempPathFactory) -> None:
    bodies = [b'{"synchronize":{"+2AA-x":"y"}}', b"\xed\xa0\x80", b"\xff\xfe\x00\xd8"]
    with ServerProcess(tmp_path_factory.mktemp("certs")) as server, server.client() as client:
        for body in bodies:
            for charset in ("utf-7", "utf-8", "utf-16", "latin-1"):
                headers = {"Accept": JSON, "Content-Type": f"{JSON}; charset={charset}"}
                response: httpx.Response = client.post(SYNCHRONIZE, content=body, headers=headers)
                assert response.status_code in (202, 400)
        assert len(server.journal()["requests"]) == 12
