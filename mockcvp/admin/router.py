"""The control API under ``/__admin``: JSON, in the words and shapes of WireMock's admin API."""

from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from mockcvp import __version__
from mockcvp.admin import cvp, documentation, mappings, requests, scenarios
from mockcvp.admin.schemas import Unprocessable
from mockcvp.messages import phrase
from mockcvp.state import MockState
from mockcvp.stubs.matchers.java_regex import UndecidedError

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# what WireMock's admin API has and this has not
_NOT_HERE = {
    "/files": "files of bodies",
    "/files/{name:path}": "files of bodies",
    "/recordings/{what:path}": "recording",
    "/recorder": "recording",
    "/mappings/save": "saving stub mappings to files",
    "/mappings/import": "importing several stub mappings at once (POST each to /mappings, or use --mappings)",
    "/mappings/edit": "editing by POST (PUT to /mappings/{id})",
    "/mappings/unmatched": "finding stub mappings that have matched nothing",
    "/mappings/find-by-metadata": "finding by metadata",
    "/mappings/remove-by-metadata": "removing by metadata",
    "/requests/remove-by-metadata": "removing by metadata",
    "/near-misses/request": "near misses of a request (POST a pattern to /near-misses/request-pattern)",
    "/settings/extended": "extended settings",
    "/shutdown": "stopping by a request (SIGTERM does it)",
    "/certs/{name:path}": "a certificate authority (the certificate is the file that the start line names)",
    "/docs/swagger": "that document (it is /openapi.json)",
}


def router(state: MockState) -> APIRouter:
    """Return the routes that control one mock server."""
    routes = APIRouter()

    @routes.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        """Tell whether the mock server serves."""
        return JSONResponse({"status": "healthy", "message": "mockcvp is ok", "version": __version__})

    @routes.get("/version")
    async def version() -> JSONResponse:
        """Tell the version of the mock server."""
        return JSONResponse({"version": __version__})

    @routes.post("/reset")
    async def reset() -> JSONResponse:
        """Bring back the deployment, the clock and an empty journal, as at the start."""
        state.reset()
        return JSONResponse({})

    routes.include_router(documentation.router())
    for path, what in _NOT_HERE.items():
        routes.add_api_route(path, _rejection(what), methods=list(_METHODS), include_in_schema=False)
    routes.include_router(requests.router(state))
    routes.include_router(mappings.router(state))
    routes.include_router(scenarios.router(state))
    routes.include_router(cvp.router(state), prefix="/cvp")
    return routes


def _rejection(what: str) -> Any:
    async def error_response(request: Request) -> JSONResponse:
        raise Unprocessable(f"{request.url.path}: WireMock has {what}, and mockcvp has not")

    return error_response


def _errors(status: int, *titles: str, headers: dict[str, str] | None = None) -> JSONResponse:
    errors = [{"code": 10, "title": title} for title in titles]
    return JSONResponse({"errors": errors}, status, headers)


async def _http_fault(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    error_lines, headers = fault.detail, dict(fault.headers or {})
    if fault.status_code == 405:
        # the framework names the methods of the first route alone
        scopes = {method: {**request.scope, "method": method} for method in _METHODS}
        allowed = [
            method
            for method, scope in scopes.items()
            if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
        ]
        headers = {"allow": ", ".join(allowed)}
    if error_lines in ("Not Found", "Method Not Allowed"):
        error_lines = f"{error_lines}: {request.method} {request.url.path} is not one of the control API's"
    return _errors(fault.status_code, error_lines, headers=headers)


async def _invalid(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)
    # the first step of a place says where in the request: query or path
    found = (phrase(error | {"loc": error["loc"][1:]}) for error in fault.errors())
    return _errors(422, *(f"{place} {words}" for place, words in found))


async def _unprocessable(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, Unprocessable)
    return _errors(422, *fault.titles)


async def _undecided(_: Request, exc: Exception) -> JSONResponse:
    return _errors(422, str(exc))


ERROR_HANDLERS: dict[Any, Any] = {
    HTTPException: _http_fault,
    RequestValidationError: _invalid,
    Unprocessable: _unprocessable,
    UndecidedError: _undecided,
}
