"""The log lines of requests to the OAMP and to the control API, at the levels info and debug."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from mockcvp import MockCVP
from tests.server_process import JSON, SYNCHRONIZE, USER, ServerProcess

SECRET = "the-secret-of-this-test"
CALLS, CONTROL = "mockcvp.calls", "mockcvp.admin.access_log"


@pytest.fixture
def cvp() -> Iterator[MockCVP]:
    with MockCVP() as cvp:
        yield cvp


@pytest.fixture
def client(cvp: MockCVP) -> Iterator[httpx.Client]:
    with cvp.client(headers={"Accept": JSON}) as client:
        yield client


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == logger]


def test_at_debug_a_call_is_logged_with_headers_and_bodies(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"synchronize": {"servers": {"server": {"refURL": "a", "sincetime": "-1"}}}}'
    with caplog.at_level(logging.DEBUG, CALLS):
        client.post(SYNCHRONIZE, content=body, headers={"Content-Type": JSON})
    call, *rest = lines(caplog, CALLS)
    assert call.startswith("400 POST /cvp-config/command/synchronize wsmadmin ")
    assert [record.levelno for record in caplog.records] == [logging.INFO] + [logging.DEBUG] * len(rest)
    assert rest[0] == "> POST /cvp-config/command/synchronize from 127.0.0.1"
    request = [line for line in rest if line.startswith("> ")]
    response = [line for line in rest if line.startswith("< ")]
    assert rest == request + response
    assert f"> host: 127.0.0.1:{urlsplit(cvp.url).port}" in request
    assert "> accept: application/json" in request
    assert request[-1] == f"> body of {len(body)} bytes: {body.decode()}"
    assert response[0] == "< 400"
    assert any(line.lower().startswith("< content-type: application/json") for line in response)
    assert "sincetime must be 0 or above" in response[-1]


def test_at_info_no_headers_or_bodies_are_logged(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, CALLS):
        client.post(SYNCHRONIZE, content=b"{}")
    assert len(lines(caplog, CALLS)) == 1


def test_credentials_and_cookies_are_masked(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    cvp.stub({"request": {"urlPath": "/x"}, "response": {"headers": {"Set-Cookie": f"a={SECRET}"}}})
    secret = {"Authorization": f"Bearer {SECRET}", "Proxy-Authorization": SECRET, "Cookie": f"a={SECRET}"}
    with caplog.at_level(logging.DEBUG, CALLS):
        client.get(cvp.url.replace("/cvp-config", "/x"), headers=secret, auth=None)
        client.get("version")
    found = lines(caplog, CALLS)
    for line in (
        "> authorization: Bearer ***",
        "> proxy-authorization: ***",
        "> cookie: ***",
        "< Set-Cookie: ***",
        "> authorization: Basic ***",
    ):
        assert line in found
    assert SECRET not in "\n".join(found)


@pytest.mark.parametrize(("size", "is_whole"), [(900, True), (2000, False), (30_000, False)])
def test_long_bodies_and_headers_are_shortened(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, size: int, is_whole: bool
) -> None:
    with caplog.at_level(logging.DEBUG, CALLS):
        client.post("version", content="é".encode() * size, headers={"X-Long": "b" * min(size, 3000)})
    (body,) = (line for line in lines(caplog, CALLS) if line.startswith("> body"))
    (header,) = (line for line in lines(caplog, CALLS) if line.startswith("> x-long"))
    assert body.startswith(f"> body of {2 * size} bytes: é")
    for line in (body, header):
        assert line.endswith("…") is not is_whole
        assert len(line) <= 1001


def test_a_client_cannot_forge_a_log_line(cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    forged = "\n2030-01-01T00:00:00.000+00:00 200 POST /__admin/reset\r\x1b[2K\x85\u2028"
    cvp.stub({"request": {"method": "POST"}, "response": {"body": forged, "headers": {"X": "a\u00e9\u0085"}}})
    with caplog.at_level(logging.DEBUG):
        client.post(f"a{quote(forged)}", content=forged.encode() + b"\xff", headers=[(b"X", "\x85".encode("latin-1"))])
        client.post(f"{cvp.admin_url}/none{quote(forged)}", auth=(f"u{forged}".replace(":", "."), "x"))
        client.post(f"{cvp.admin_url}/mappings", json={f"a{forged}": 1})
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("mockcvp")]
    assert len(messages) > 10
    assert all(message.isprintable() for message in messages)
    assert r"> body of" in "".join(messages)


def test_a_call_without_a_response_is_logged_with_its_fault(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    cvp.drop_next("EMPTY_RESPONSE")
    with caplog.at_level(logging.DEBUG, CALLS), pytest.raises(httpx.TransportError):
        client.get("version")
    assert "> no body" in lines(caplog, CALLS)
    assert lines(caplog, CALLS)[-1] == "< no response, but EMPTY_RESPONSE"


STUB: dict[str, Any] = {
    "id": "11111111-1111-1111-1111-111111111111",
    "request": {"urlPath": "/x"},
    "response": {"status": 200},
    "scenarioName": "s",
    "requiredScenarioState": "Started",
}
CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "reset", None),
    ("POST", "mappings", STUB),
    ("PUT", f"mappings/{STUB['id']}", STUB),
    ("PUT", "scenarios/s/state", {"state": "Started"}),
    ("POST", "scenarios/reset", None),
    ("DELETE", f"mappings/{STUB['id']}", None),
    ("POST", "mappings/remove", STUB),
    ("POST", "mappings/reset", None),
    ("DELETE", "mappings", None),
    ("POST", "settings", {"fixedDelay": 0}),
    ("PUT", "cvp/clock", {"frozen": True}),
    ("PUT", "cvp/deployment", {"servers": [{"id": "m", "type": "MEDIA", "hostname": "h", "ipaddr": "192.0.2.1"}]}),
    ("PATCH", "cvp/servers/m", {"duration": 1.5}),
    ("POST", "cvp/tenants", {"username": "t", "password": SECRET}),
    ("POST", "cvp/tenants/t/reset", None),
    ("DELETE", "cvp/tenants/t/requests", None),
    ("DELETE", "cvp/tenants/t", None),
    ("DELETE", "requests", None),
    ("POST", "requests/remove", {}),
    ("POST", "requests/reset", None),
]
READS: list[tuple[str, str, Any]] = [
    ("GET", "requests", None),
    ("GET", "health", None),
    ("GET", "mappings", None),
    ("GET", "cvp/deployment", None),
    ("POST", "requests/count", {}),
    ("POST", "requests/find", {}),
    ("POST", "near-misses/request-pattern", {}),
]


def test_a_control_request_that_writes_is_logged_at_info(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for method, path, body in CHANGES:
            caplog.clear()
            response = client.request(method, f"{cvp.admin_url}/{path}", json=body)
            assert response.is_success, (path, response.text)
            assert lines(caplog, CONTROL) == [
                f"{response.status_code} {method} /__admin/{path} {USER} from 127.0.0.1",
            ]
            assert len([record for record in caplog.records if record.name.startswith("mockcvp")]) == 1


def test_a_control_request_that_only_reads_is_logged_at_debug(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    for method, path, body in READS:
        for level, count in ((logging.INFO, 0), (logging.DEBUG, 1)):
            caplog.clear()
            with caplog.at_level(level):
                assert client.request(method, f"{cvp.admin_url}/{path}", json=body, auth=None).is_success
            assert lines(caplog, CONTROL) == [f"200 {method} /__admin/{path} - from 127.0.0.1"] * count


@pytest.mark.parametrize(
    ("method", "path", "body", "line"),
    [
        ("GET", "none", None, "404 GET /__admin/none wsmadmin from 127.0.0.1: Not Found: GET /__admin/none: "),
        ("POST", "mappings", {"naem": 1}, "422 POST /__admin/mappings wsmadmin from 127.0.0.1: naem is not known here"),
        ("PUT", "health", None, "405 PUT /__admin/health wsmadmin from 127.0.0.1: Method Not Allowed: PUT"),
        ("GET", "requests?limit=x", None, "422 GET /__admin/requests wsmadmin from 127.0.0.1: limit must be a whole"),
    ],
)
def test_a_rejected_control_request_is_logged_with_the_reason(
    cvp: MockCVP, client: httpx.Client, caplog: pytest.LogCaptureFixture, method: str, path: str, body: Any, line: str
) -> None:
    with caplog.at_level(logging.INFO):
        client.request(method, f"{cvp.admin_url}/{path}", json=body)
    (found,) = (record for record in caplog.records if record.name.startswith("mockcvp"))
    assert found.getMessage().startswith(line)
    assert found.levelno == logging.INFO


def test_the_log_level_option_selects_the_log_lines(tmp_path: Any) -> None:
    with ServerProcess(tmp_path, "--log-level", "debug") as server, server.client(headers={"Accept": JSON}) as client:
        client.get("version")
        server.line(" 200 GET /cvp-config/version wsmadmin")
        server.line(" > authorization: Basic ***")
        server.line(" < body of ")
        server.journal()
        server.line(" 200 GET /__admin/requests - from 127.0.0.1")
    with ServerProcess(tmp_path) as server, server.client(headers={"Accept": JSON}) as client:
        server.journal()
        server.forget()
        client.get("version")
        server.stop()
        logged = [(line or "").partition(" ")[2] for line in iter(server.lines.get, None)]
        assert logged == [
            "200 DELETE /__admin/requests - from 127.0.0.1",
            "200 GET /cvp-config/version wsmadmin",
            "stopped",
        ]
