"""Routes, middleware and mounted apps that a FastAPI user adds to the mock server."""

import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import Field

from mockcvp import create_app
from mockcvp.app import MockApp
from mockcvp.oamp.dispatch import Dispatched
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.operation import Body, OampRoute, Provided, routes_of
from mockcvp.settings import Settings
from tests.oamp.ways import call_app, serve_app
from tests.server_process import JSON

Serve = Callable[[MockApp], AbstractContextManager[httpx.Client]]


@pytest.fixture
def app() -> MockApp:
    return create_app(Settings())


@pytest.fixture(params=["own server", "TestClient"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Serve:
    """Serve an app with mockcvp's server, or with Starlette's test client."""
    return call_app if request.param == "TestClient" else lambda app: serve_app(app, tmp_path)


@pytest.fixture
def router() -> APIRouter:
    return APIRouter(prefix="/cvp-config", route_class=OampRoute)


def at_root(client: httpx.Client, path: str) -> httpx.URL:
    """Return the URL of a path outside of the OAMP."""
    return client.base_url.join(path)


def statuses(app: MockApp) -> list[int | None]:
    return [call.status for call in reversed(app.state.mock.journal.page().calls)]


def test_a_path_of_the_oamp_may_get_another_method(app: MockApp, serve: Serve, router: APIRouter) -> None:
    @router.put("/version", status_code=202)
    def replace_version() -> None:
        """Replace the version."""

    app.include_router(router)
    with serve(app) as client:
        client.headers["Accept"] = JSON
        assert client.put("version").status_code == 202
        assert client.get("version").json()["version"]["majorVersion"] == "10"
        response = client.delete("version")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, PUT")


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("prompt/abc", 404, "Not found"),
        ("prompt/1?page=x", 400, "invalidInput.invalidQueryParameter"),
        ("prompt/1?page=-1", 400, "invalidInput.invalidQueryParameter"),
        ("prompt/1?page=2", 202, ""),
    ],
)
def test_an_invalid_parameter_is_an_error_of_the_oamp(
    app: MockApp, serve: Serve, router: APIRouter, path: str, status: int, error: str
) -> None:
    @router.get("/prompt/{number}", status_code=202)
    def get_prompt(number: int, page: Annotated[int, Field(ge=0)] = 0) -> None:
        """Return a prompt."""

    app.include_router(router)
    with serve(app) as client:
        response = client.get(path, headers={"Accept": JSON})
    assert response.status_code == status
    if error:
        assert response.json()["apiErrors"]["apiError"]["errorType"] == error


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_gets_413_on_an_added_route(app: MockApp, serve: Serve, is_chunked: bool) -> None:
    async def upload(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app.add_api_route("/upload", upload, methods=["POST"], response_model=None)
    large = b" " * 3_000_000
    with serve(app) as client:
        assert client.post(at_root(client, "/upload"), content=b"abc").text == "3"
        assert (
            client.post(at_root(client, "/upload"), content=iter([large]) if is_chunked else large).status_code == 413
        )
    assert statuses(app) == [200, 413]


def test_an_added_route_may_stream_its_response(app: MockApp, serve: Serve) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first "
        yield b"second"

    async def stream() -> StreamingResponse:
        return StreamingResponse(parts())

    app.add_api_route("/stream", stream, response_model=None)
    with serve(app) as client:
        for _ in range(2):
            response = client.get(at_root(client, "/stream"))
            assert (response.text, response.headers["content-length"]) == ("first second", "12")


def test_a_function_may_be_middleware(app: MockApp, serve: Serve) -> None:
    @app.middleware("http")
    async def mark(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response

    with serve(app) as client:
        response = client.get("version", headers={"Accept": JSON})
        assert response.json()["version"]["majorVersion"] == "10"
        assert response.headers["x-marked"] == "yes"


def test_a_compressed_response_has_one_length(app: MockApp, serve: Serve) -> None:
    app.add_middleware(GZipMiddleware, minimum_size=1)
    with serve(app) as client, client.stream("GET", "server", headers={"Accept": JSON}) as response:
        content = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-length"] == str(len(content))
        assert "transfer-encoding" not in response.headers
    assert b"media-1" in gzip.decompress(content)


def test_an_added_route_keeps_the_detail_of_its_errors(app: MockApp, serve: Serve) -> None:
    def fail() -> None:
        raise HTTPException(404, "there is no such thing", {"retry-after": "7"})

    app.add_api_route("/fail", fail)
    with serve(app) as client:
        response = client.get(at_root(client, "/fail"), auth=("nobody", ""))
        assert (response.status_code, response.json()) == (404, {"detail": "there is no such thing"})
        assert response.headers["retry-after"] == "7"


def test_an_http_exception_keeps_its_headers_in_an_oamp_error(app: MockApp, serve: Serve, router: APIRouter) -> None:
    @router.get("/fail")
    def fail() -> None:
        """Fail."""
        raise HTTPException(503, "come back", {"retry-after": "7"})

    app.include_router(router)
    with serve(app) as client:
        response = client.get("fail", headers={"Accept": JSON})
        assert response.json()["apiErrors"]["apiError"]["errorType"] == "processing.throttled"
        assert response.headers["retry-after"] == "7"


def test_an_exception_in_an_added_route_is_recorded(
    app: MockApp, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("a bug in the added route")

    app.add_api_route("/fail", fail)
    with serve(app) as client:
        assert client.get(at_root(client, "/fail")).status_code == 500
    assert statuses(app) == [500]
    assert "a bug in the added route" in caplog.text


def test_a_mounted_app_leaves_the_apis_as_they_are(app: MockApp, serve: Serve) -> None:
    other = FastAPI()
    other.add_api_route("/{path:path}", lambda: "other")
    app.mount("/", other)
    with serve(app) as client:
        assert client.get(at_root(client, "/__admin/health")).json()["status"] == "healthy"
        assert client.get("version", headers={"Accept": JSON}).json()["version"]["majorVersion"] == "10"
        assert client.get(at_root(client, "/page")).json() == "other"


class Prompt(OampModel):
    """A prompt that callers hear."""

    root = "prompt"

    name: Annotated[str, Field(min_length=3)]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"prompt": {}}', "invalidInput.requiredInputfieldMissing"),
        ('{"prompt": {"name": "ab"}}', "processing.jsonSyntaxError"),
    ],
)
def test_a_short_value_is_not_reported_as_missing(
    app: MockApp, serve: Serve, router: APIRouter, body: str, error: str
) -> None:
    @router.post("/prompt", status_code=201)
    def add_prompt(prompt: Body[Prompt]) -> None:
        """Add a prompt."""

    app.include_router(router)
    with serve(app) as client:
        response = client.post("prompt", content=body, headers={"Accept": JSON, "Content-Type": JSON})
    assert response.json()["apiErrors"]["apiError"]["errorType"] == error


async def wait_for_prompt() -> None:
    """A path operation that is a coroutine."""


def get_numbered_prompt(number: int) -> None:
    """A path operation with a parameter of FastAPI."""


def get_dependent_prompt(number: Annotated[int, Depends(lambda: 1)]) -> None:
    """A path operation with a dependency of FastAPI."""


@pytest.mark.parametrize("function", [wait_for_prompt, get_numbered_prompt, get_dependent_prompt])
def test_an_operation_that_needs_fastapi_is_not_dispatched(router: APIRouter, function: Callable[..., Any]) -> None:
    router.add_api_route("/prompt/{number}", function)
    with pytest.raises(TypeError, match=f"{function.__name__} needs FastAPI"):
        routes_of(router.routes)


def test_a_result_that_is_no_document_is_an_error(
    app: MockApp, serve: Serve, router: APIRouter, caplog: pytest.LogCaptureFixture
) -> None:
    @router.get("/prompt")
    def get_prompt() -> dict[str, str]:
        """Return a dictionary."""
        return {"name": "welcome"}

    app.include_router(router)
    with serve(app) as client:
        response = client.get("prompt", headers={"Accept": JSON})
    assert response.json()["apiErrors"]["apiError"]["errorType"] == "processing.failed"
    assert "the result of a path operation is a dict" in caplog.text


def get_suffix() -> Iterator[str]:
    yield "!"


def test_a_provided_value_is_available_to_fastapi(app: MockApp, serve: Serve, router: APIRouter) -> None:
    def get_user(dispatched: Dispatched) -> str | None:
        return dispatched.request.user

    @router.get("/me")
    def get_me(
        user: Annotated[str, Depends(Provided(get_user))], suffix: Annotated[str, Depends(get_suffix)]
    ) -> Prompt:
        """Return the user."""
        return Prompt(name=user + suffix)

    app.include_router(router)
    with serve(app) as client:
        assert client.get("me", headers={"Accept": JSON}).json() == {"prompt": {"name": "wsmadmin!"}}
