"""The files of the console, and what it shows under *Connect*."""

import re
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mockcvp import MockCVP, Settings, create_app
from mockcvp.admin.console import FILES
from tests.server_process import JSON, PATIENCE, ServerProcess

BASE_URL = "https://localhost"
BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
SERVED = sorted(
    file.relative_to(FILES).as_posix() for file in FILES.rglob("*") if file.suffix in (".html", ".js", ".css", ".svg")
)
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}


def test_the_console_is_small() -> None:
    assert sum((FILES / name).stat().st_size for name in SERVED) < 135_000


@pytest.mark.parametrize("name", SERVED)
def test_a_file_of_the_console_is_served_with_a_strict_policy(name: str) -> None:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        response = client.get(f"/__admin/console/{name}")
    assert response.status_code == 200
    assert response.content == (FILES / name).read_bytes()
    assert {*response.headers["content-security-policy"].split("; ")} == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", SERVED)
def test_a_file_of_the_console_loads_nothing_from_another_host(name: str) -> None:
    text = (FILES / name).read_text("utf-8")
    loads = re.findall(r"""(?:\bfrom|\bimport|src=|href=|url\(|fetch\(|EventSource\()\s*\(?["'`]([^"'`]+)""", text)
    assert [url for url in loads if re.match(r"[a-z]+:|/", url)] == []


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "../settings.py", "%2e%2e/settings.py", "tsconfig.json", "types.d.ts", "vendor/", "//etc/passwd"],
)
def test_other_files_are_not_served(path: str) -> None:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        assert client.get(f"/__admin/console/{path}").status_code == 404


def test_the_console_has_one_url_with_a_slash() -> None:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        assert client.get("/__admin/console").url.path == "/__admin/console/"
        client.post("/__admin/cvp/tenants", json={"username": "run-7"})
        page = client.get("/__admin/cvp/tenants/run-7/console")
        assert (page.status_code, page.url.path) == (200, "/__admin/cvp/tenants/run-7/console/")


def test_the_console_has_the_guard_of_the_control_api() -> None:
    with TestClient(create_app(Settings(admin_access="guarded")), base_url=BASE_URL) as client:
        assert client.get("/__admin/console/").status_code == 401
        assert client.get("/__admin/console/", auth=("wsmadmin", "wsmadmin")).status_code == 200


def test_a_console_that_is_off_is_not_served() -> None:
    with TestClient(create_app(Settings(console="off")), base_url=BASE_URL) as client:
        response = client.get("/__admin/console/")
        assert response.status_code == 404
        assert "--console full" in response.json()["errors"][0]["title"]


def test_a_browser_can_only_read_if_the_console_is_for_reading() -> None:
    with TestClient(create_app(Settings(console="read")), base_url=BASE_URL) as client:
        response = client.post("/__admin/reset", headers=BROWSER)
        assert response.status_code == 403
        assert "--console full" in response.json()["errors"][0]["title"]
        assert client.post("/__admin/requests/count", json={}, headers=BROWSER).status_code == 200
        assert client.get("/__admin/cvp/calls", headers=BROWSER).status_code == 200
        assert client.get("/__admin/console/", headers=BROWSER).status_code == 200
        # a test is no browser
        assert client.post("/__admin/reset").status_code == 200


def test_connect_has_the_certificate_and_the_addresses(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-port", "0") as server, server.client(auth=None) as client:
        control = server.admin.replace("127.0.0.1", "localhost")
        shown = client.get(f"{control}/cvp/connect").json()
        assert shown["url"] == f"https://localhost:{server.port}/cvp-config"
        assert shown["adminUrl"] == control
        assert (shown["username"], shown["password"]) == ("wsmadmin", "wsmadmin")
        certificate = shown["certificate"]
        assert certificate["pem"] == server.certificate.read_text()
        assert "localhost" in certificate["names"]
        assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", certificate["fingerprint"])


def test_the_fingerprint_is_that_of_the_certificate_that_clients_get() -> None:
    with (
        MockCVP() as cvp,
        cvp.client(timeout=PATIENCE) as client,
        client.stream("GET", f"{cvp.admin_url}/cvp/connect") as response,
    ):
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        sent = sha256(tls.getpeercert(True)).hexdigest()
        shown = httpx.Response(200, content=response.read()).json()
    assert shown["certificate"]["fingerprint"].replace(":", "").lower() == sent


def test_another_password_is_not_shown() -> None:
    with MockCVP(password="secret") as cvp, cvp.client(timeout=PATIENCE) as client:
        response = client.get(f"{cvp.admin_url}/cvp/connect")
    assert response.json()["password"] is None
    assert "secret" not in response.text


def test_a_mounted_app_shows_its_addresses() -> None:
    site = FastAPI()
    site.mount("/oamp", create_app())
    with TestClient(site, base_url=BASE_URL) as client:
        shown = client.get("/oamp/__admin/cvp/connect").json()
        assert (shown["url"], shown["certificate"]) == ("https://localhost/oamp/cvp-config", None)
        assert client.get("/oamp/__admin/console/").status_code == 200
        sent = client.post(
            "/oamp/__admin/cvp/calls",
            json={"method": "GET", "path": "/cvp-config/version", "headers": {"Accept": JSON}},
        )
        assert sent.json() == {"number": 1, "status": 200}
