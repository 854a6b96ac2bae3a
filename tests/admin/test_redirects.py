"""The redirects to the web page of the OpenAPI document."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from mockcvp import create_app
from mockcvp.app import MockApp
from mockcvp.settings import Settings
from tests.server_process import ServerProcess

BASE_URL = "https://localhost"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CREDENTIALS = ("wsmadmin", "wsmadmin")


@contextmanager
def own_server(tmp_path: Path, *options: str) -> Iterator[httpx.Client]:
    with (
        ServerProcess(tmp_path, *options) as server,
        server.client(auth=None, base_url=server.admin.removesuffix("__admin")) as client,
    ):
        yield client


@contextmanager
def separate_port(tmp_path: Path) -> Iterator[httpx.Client]:
    with own_server(tmp_path, "--admin-port", "0") as client:
        yield client


@contextmanager
def root(_: Path) -> Iterator[httpx.Client]:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        del client.headers["accept"]
        yield client


@contextmanager
def mounted(_: Path) -> Iterator[httpx.Client]:
    site = FastAPI()
    site.mount("/oamp", create_app())
    with TestClient(site, base_url=f"{BASE_URL}/oamp/") as client:
        del client.headers["accept"]
        yield client


@pytest.mark.parametrize("serve", [own_server, separate_port, root, mounted])
def test_a_browser_is_redirected_to_the_console(
    tmp_path: Path, serve: Callable[[Path], AbstractContextManager[httpx.Client]]
) -> None:
    with serve(tmp_path) as client:
        for path, headers in (("", BROWSER), ("__admin", {}), ("__admin/", {}), ("__admin", BROWSER)):
            response = client.get(path, headers=headers, follow_redirects=False)
            assert (response.status_code, "://" in response.headers["location"]) == (307, False)
            page = client.get(path, headers=headers, follow_redirects=True)
            assert page.url == client.base_url.join("__admin/console/")
            assert page.status_code == 200
        assert client.head("__admin", follow_redirects=False).status_code == 307


def test_without_a_console_a_browser_is_redirected_to_the_documentation() -> None:
    with TestClient(create_app(Settings(console="off")), base_url=BASE_URL) as client:
        for path in ("/", "/__admin", "/__admin/"):
            assert client.get(path, headers=BROWSER).url.path == "/__admin/docs"


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
def test_an_api_client_is_not_redirected_from_the_root(headers: dict[str, str]) -> None:
    app = create_app()
    with TestClient(app, base_url=BASE_URL) as client:
        del client.headers["accept"]
        assert client.get("/", headers=headers).status_code == 401
        assert client.get("/", headers=headers, auth=CREDENTIALS).status_code == 404
        assert client.post("/", headers=BROWSER).status_code == 401
    assert app.state.mock.journal.page().position.recorded == 3


def test_the_port_of_the_oamp_does_not_redirect_to_another_port(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-port", "0") as server, server.client() as client:
        for path in ("/", "/__admin"):
            assert client.get(f"https://localhost:{server.port}{path}", headers=BROWSER).status_code == 404


@pytest.mark.parametrize("path", ["/", "/__admin", "/__admin/"])
def test_the_guard_protects_the_redirects(path: str) -> None:
    with TestClient(create_app(Settings(admin_access="guarded")), base_url=BASE_URL, follow_redirects=False) as client:
        assert client.get(path, headers=BROWSER).headers["www-authenticate"] == 'Basic realm="mockcvp"'
        assert client.get(path, headers=BROWSER, auth=CREDENTIALS).status_code == 307
        foreign = BROWSER | {"Origin": "https://other.example"}
        assert client.get(path, headers=foreign, auth=CREDENTIALS).status_code == 403


def test_a_stub_mapping_replaces_the_redirect() -> None:
    with TestClient(create_app(), base_url=BASE_URL, follow_redirects=False, headers=BROWSER) as client:
        scenario = {"scenarioName": "pages", "newScenarioState": "seen", "requiredScenarioState": "Started"}
        mapping = {"request": {"url": "/"}, "response": {"body": "a page"}}
        assert client.post("/__admin/mappings", json=mapping | scenario).status_code == 201
        assert client.get("/").text == "a page"
        assert client.get("/").status_code == 307


def page() -> PlainTextResponse:
    return PlainTextResponse("the root of a user")


def add_route(app: MockApp) -> None:
    app.add_api_route("/", page, response_model=None)


def mount_site(app: MockApp) -> None:
    site = FastAPI()
    site.add_api_route("/", page, response_model=None)
    app.mount("/", site)


@pytest.mark.parametrize("add", [add_route, mount_site])
def test_an_added_route_replaces_the_redirect(add: Callable[[MockApp], None]) -> None:
    app = create_app()
    add(app)
    with TestClient(app, base_url=BASE_URL, headers=BROWSER) as client:
        for _ in range(2):
            assert client.get("/").text == "the root of a user"
            assert client.get("/__admin/docs").headers["content-type"].startswith("text/html")
