"""Hostile JSON: its responses, and what it costs."""

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

MOST = Settings()
LIMIT = MOST.max_body_bytes


def filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    return start + unit * ((LIMIT - len(start) - len(end)) // len(unit)) + end


COMMAS = b"," * MOST.max_elements
# name, body, statuses that it may have: where there are two, a further limit may refuse it
TABLE: list[tuple[str, Callable[[], bytes], tuple[int, ...]]] = [
    ("a string of escaped quotes without end", lambda: filled(b'"', b'\\"', COMMAS), (400,)),
    ("such a string before a lone backslash", lambda: filled(b'"', b'\\"', COMMAS + b"\\"), (400,)),
    ("such a string with an escaped end of line", lambda: filled(b'"', b'\\"', b"\\\n" + COMMAS), (400,)),
    ("a string of backslashes", lambda: filled(b'"', b"\\", COMMAS), (400,)),
    ("quotes", lambda: filled(COMMAS, b'"', b""), (400,)),
    ("brackets", lambda: filled(b"", b"[", b""), (400,)),
    ("objects", lambda: filled(b"", b'{"a":', b""), (400,)),
    ("brackets that close", lambda: filled(b"[", b"]", b""), (400,)),
    ("commas", lambda: filled(b"[", b",", b"]"), (400,)),
    ("values", lambda: filled(b"[", b"1,", b"1]"), (400,)),
    ("one member again and again", lambda: filled(b"{", b'"a":1,', b'"a":1}'), (400,)),
    ("a number without end", lambda: filled(b"[", b"1", b"]"), (400,)),
    ("a number with a large exponent", lambda: b'{"synchronize":{"a":1e999999999}}', (202,)),
    ("white space", lambda: filled(b"", b" ", b""), (400,)),
    ("white space ahead", lambda: filled(b"", b" ", b'{"synchronize":{}}'), (202,)),
    ("a name as long as fits", lambda: filled(b'{"synchronize":{"', b"a", b'":1}}'), (202,)),
    ("a text as long as fits", lambda: filled(b'{"synchronize":{"a":"', b"a", b'"}}'), (202,)),
    ("escapes as many as fit", lambda: filled(b'{"synchronize":{"a":"', b"\\u0041", b'"}}'), (202,)),
    ("half of a surrogate pair", lambda: b'{"synchronize":{"\\ud800":1}}', (400,)),
    ("NULs", lambda: b"\0" * LIMIT, (400,)),
    ("as many values as may be", lambda: json.dumps({"synchronize": {"a": [1] * 9_990}}).encode(), (202, 400)),
]


def responded(body: bytes, content_type: str = JSON) -> Response:
    path = f"/cvp-config/{SYNCHRONIZE}"
    headers = (
        (b"accept", JSON.encode()),
        (b"content-type", content_type.encode()),
        (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
    )
    return dispatcher.respond(MockState(MOST).oamp, Request("POST", path, path, headers, body))


def harmless() -> bytes:
    """Return a body that names as many servers as a body may, each by the reference that OAMP gives it."""
    servers = [
        {"refURL": f"https://localhost/cvp-config/server/s{number:07}", "sincetime": "0"}
        for number in range(MOST.max_servers)
    ]
    return json.dumps({"synchronize": {"servers": {"server": servers}}}).encode()


@pytest.mark.parametrize(
    ("body", "statuses"), [pytest.param(body, reported, id=name) for name, body, reported in TABLE]
)
def test_hostile_json_costs_no_more_than_harmless_json(body: Callable[[], bytes], statuses: tuple[int, ...]) -> None:
    sent, usual = body(), harmless()
    assert len(sent) <= LIMIT
    response = responded(sent)
    assert response.status in statuses, response.body[:300]
    assert responded(usual).status == 202
    assert ratio(lambda: responded(sent), lambda: responded(usual), enough=1, before=clear_caches) <= 1


def test_a_text_that_no_utf_8_could_tell_is_refused_in_every_encoding() -> None:
    body = b'{"synchronize":{"+2AA-x":"y"}}'
    response = responded(body, f"{JSON}; charset=utf-7")
    assert response.status == 400
    assert "the body is not UTF-7" in (response.reason or "")


def test_what_the_journal_holds_can_be_shown_whatever_was_sent(tmp_path_factory: pytest.TempPathFactory) -> None:
    bodies = [b'{"synchronize":{"+2AA-x":"y"}}', b"\xed\xa0\x80", b"\xff\xfe\x00\xd8"]
    with ServerProcess(tmp_path_factory.mktemp("certs")) as server, server.client() as client:
        for body in bodies:
            for charset in ("utf-7", "utf-8", "utf-16", "latin-1"):
                headers = {"Accept": JSON, "Content-Type": f"{JSON}; charset={charset}"}
                response: httpx.Response = client.post(SYNCHRONIZE, content=body, headers=headers)
                assert response.status_code in (202, 400)
        assert len(server.journal()["requests"]) == 12
