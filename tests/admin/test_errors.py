"""The error responses of the control API."""

import json
import signal
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, ServerProcess

SECRET = "hunter2-7c1f"
CREDENTIAL = b64encode(f"tester:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("requests/count", {"queryParameters": {"pwd": {"matches": f"[{SECRET}"}}}),
        ("requests/count", {"url": f"https://u:{SECRET}@x/"}),
        ("mappings", {"request": {"urlPath": f"https://u:{SECRET}@x/"}}),
        ("mappings", {"request": {"url": f"https://tester:/{SECRET}@x"}}),
        ("requests/count", f'{{"{CREDENTIAL}": 1, "{CREDENTIAL}": 2}}'),
        ("mappings", f'{{"{SECRET}": 1, "{SECRET}": 2}}'),
    ],
)
def test_no_error_quotes_a_secret(path: str, body: Any) -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        response = client.post(path, content=body if isinstance(body, str) else json.dumps(body))
    assert response.status_code == 422
    assert SECRET not in response.text
    assert CREDENTIAL not in response.text


@pytest.mark.parametrize("name", ["url", "refURL", "urlPath", "Content-Type", "request_id"])
def test_the_plain_name_of_a_duplicate_member_is_quoted(name: str) -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        response = client.post("mappings", content=f'{{"{name}": 1, "{name}": 2}}')
    problem = f"the body is not JSON: the member '{name}' occurs twice in one object"
    assert response.json()["errors"][0]["title"] == problem


def test_a_duplicate_member_of_a_sync_up_is_not_quoted() -> None:
    with MockCVP() as cvp, cvp.client(headers={"Accept": JSON, "Content-Type": JSON}) as client:
        response = client.post(SYNCHRONIZE, content=f'{{"{CREDENTIAL}": 1, "{CREDENTIAL}": 2}}')
    assert response.status_code == 400
    assert CREDENTIAL not in response.text + str(response.headers)


def test_a_stop_aborts_an_unread_stream_without_traceback(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.client(timeout=PATIENCE) as client:
        control = f"https://localhost:{server.port}/__admin"
        mapping = {"request": {"url": "/large"}, "response": {"body": "x" * 10_000_000}}
        assert client.post(f"{control}/mappings", json=mapping).status_code == 201
        with server.connection() as connection:
            connection.sendall(b"GET /__admin/mappings HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(9) == b"HTTP/1.1 "
            server.process.send_signal(signal.SIGTERM)
            server.wait_until_it_stops_listening()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE) == 0
        lines = list(iter(server.lines.get, None))
    assert not [line for line in lines if "Traceback" in line or "Error" in line]


def test_get_of_a_search_gets_405_with_allow() -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        for search in ("count", "find", "remove"):
            response = client.get(f"requests/{search}")
            assert (response.status_code, "POST" in response.headers["allow"]) == (405, True)


def test_an_unknown_tenant_is_named_on_every_path() -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        responses: list[httpx.Response] = [
            client.get("cvp/tenants/nobody"),
            client.get("cvp/tenants/nobody/health"),
            client.put("cvp/tenants/nobody/health"),
            client.get("cvp/tenants/nobody/nothing"),
            client.get("cvp/tenants/nobody/__admin/requests"),
        ]
    for response in responses:
        assert (response.status_code, response.json()["errors"][0]["title"]) == (404, "there is no tenant 'nobody'")


def test_a_405_names_the_methods_of_the_path() -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        (error,) = client.post("requests").json()["errors"]
        (unknown,) = client.post("nothing").json()["errors"]
    assert error["title"] == "Method Not Allowed: POST /__admin/requests: the methods of this path: GET, DELETE"
    assert unknown["title"] == "Not Found: POST /__admin/nothing: the control API has no such path"
