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
from mockcvp.state import Double
from mockcvp.stubs.matchers.regular import UndecidedError

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
    "/certs/{name:path}": "a certificate authority (the double's certificate is the file that it names when it starts)",
    "/docs/swagger": "that document (it is /openapi.json)",
}


def router(double: Double) -> APIRouter:
    """Return the routes that control one double."""
    routes = APIRouter()

    @routes.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        """Tell whether the double serves."""
        return JSONResponse({"status": "healthy", "message": "mockcvp is ok", "version": __version__})

    @routes.get("/version")
    async def version() -> JSONResponse:
        """Tell the version of the double."""
        return JSONResponse({"version": __version__})

    @routes.post("/reset")
    async def reset() -> JSONResponse:
        """Bring back the deployment, the clock and an empty journal, as at the start."""
        double.reset()
        return JSONResponse({})

    routes.include_router(documentation.router())
    for path, what in _NOT_HERE.items():
        routes.add_api_route(path, _refusal(what), methods=list(_METHODS), include_in_schema=False)
    routes.include_router(requests.router(double))
    routes.include_router(mappings.router(double))
    routes.include_router(scenarios.router(double))
    routes.include_router(cvp.router(double), prefix="/cvp")
    return routes


def _refusal(what: str) -> Any:
    async def refuse(request: Request) -> JSONResponse:
        raise Unprocessable(f"{request.url.path}: WireMock has {what}, and mockcvp has not")

    return refuse


def _errors(status: int, *titles: str, headers: dict[str, str] | None = None) -> JSONResponse:
    errors = [{"code": 10, "title": title} for title in titles]
    return JSONResponse({"errors": errors}, status, headers)


async def _http_fault(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    told, headers = fault.detail, dict(fault.headers or {})
    if fault.status_code == 405:
        # the framework names the methods of the first route alone
        scopes = {method: {**request.scope, "method": method} for method in _METHODS}
        allowed = [
            method
            for method, scope in scopes.items()
            if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
        ]
        headers = {"allow": ", ".join(allowed)}
    if told in ("Not Found", "Method Not Allowed"):
        told = f"{told}: {request.method} {request.url.path} is not one of the control API's"
    return _errors(fault.status_code, told, headers=headers)


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
