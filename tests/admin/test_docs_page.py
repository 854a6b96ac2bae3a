"""The web page of the OpenAPI document, with Swagger UI."""

import re
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from mockcvp import MockCVP, create_app
from mockcvp.admin.docs import SWAGGER_UI
from mockcvp.settings import Settings
from tests.server_process import PATIENCE

BASE_URL = "https://localhost"
FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        yield client


def urls(page: str) -> list[str]:
    """Return the URLs that a page loads."""
    return [
        *re.findall(r"(?:href|src)=[\"']?([^\"'\s>]+)", page),
        *re.findall(r"\burl: '([^']+)'", page),
    ]


def test_the_page_loads_only_relative_urls(client: TestClient) -> None:
    page = client.get("/__admin/docs").text
    assert {url.partition("?")[0] for url in urls(page)} == {"openapi.json", *(f"docs/{name}" for name in FILES)}
    assert "//" not in page.replace("<!-- ", "")


def test_the_page_has_a_strict_content_security_policy(client: TestClient) -> None:
    response = client.get("/__admin/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    (script,) = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert response.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"script-src 'self' 'sha256-{digest}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "prefix", ["/__admin", "/__admin/cvp/tenants/run-7", "/__admin/cvp/tenants/run-7/__admin", "/oamp/__admin"]
)
def test_every_url_of_the_page_exists(prefix: str) -> None:
    site, app = FastAPI(), create_app()
    site.mount("/oamp", app)
    with TestClient(site if prefix.startswith("/oamp") else app, base_url=BASE_URL) as client:
        if "run-7" in prefix:
            client.post("/__admin/cvp/tenants", json={"username": "run-7"})
        page = client.get(f"{prefix}/docs")
        for url in urls(page.text):
            assert client.get(f"{prefix}/{url}").status_code == 200, url


@pytest.mark.parametrize(("name", "content_type"), FILES.items())
def test_a_file_of_swagger_ui_can_be_cached(client: TestClient, name: str, content_type: str) -> None:
    response = client.get(f"/__admin/docs/{name}")
    assert response.content == (SWAGGER_UI / name).read_bytes()
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    # a browser that loads another version of mockcvp uses another URL
    assert re.search(rf"docs/{re.escape(name)}\?v=\d+\.\d+\.\d+", client.get("/__admin/docs").text)


@pytest.mark.parametrize("name", ["LICENSE", "../documentation.py", "%2e%2e%2fdocumentation.py", "x.js", "swagger"])
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/__admin/docs/{name}").status_code in (404, 422)


@pytest.mark.parametrize("path", ["docs", *(f"docs/{name}" for name in FILES)])
def test_the_page_and_its_files_require_the_credentials(path: str) -> None:
    with TestClient(create_app(Settings(admin_access="guarded")), base_url=BASE_URL) as client:
        assert client.get(f"/__admin/{path}").status_code == 401
        assert client.get(f"/__admin/{path}", auth=("wsmadmin", "wsmadmin")).status_code == 200
        assert client.get(f"/__admin/{path}", headers={"Origin": "https://other.example"}).status_code == 403


def test_the_mock_server_sends_whole_files() -> None:
    with MockCVP() as cvp, cvp.client(timeout=PATIENCE) as client:
        for name in FILES:
            assert client.get(f"{cvp.admin_url}/docs/{name}").content == (SWAGGER_UI / name).read_bytes()


def test_the_files_have_their_licenses() -> None:
    for name, text in {
        "LICENSE": "Apache License",
        "NOTICE": "SmartBear",
        "swagger-ui-bundle.js.LICENSE.txt": "MIT",
    }.items():
        assert text in (SWAGGER_UI / name).read_text("utf-8")
    # the bundle names the file with the licenses of its parts
    assert b"swagger-ui-bundle.js.LICENSE.txt" in (SWAGGER_UI / "swagger-ui-bundle.js").read_bytes()[:200]


def test_the_wheel_has_the_files(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(root)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name.removeprefix("mockcvp/admin/swagger_ui/") for name in zipfile.ZipFile(wheel).namelist()}
    assert {path.name for path in SWAGGER_UI.iterdir()} <= names
