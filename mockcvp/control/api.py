"""The control API under ``/__admin``: JSON, in the words and shapes of WireMock's admin API."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from mockcvp.control import cvp
from mockcvp.control.bodies import Unprocessable, Which
from mockcvp.control.requests import served_requests
from mockcvp.double import Double
from mockcvp.wording import phrase

PATH = "/__admin"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def router(double: Double) -> APIRouter:
    """Return the routes that control one double."""
    routes = APIRouter()

    @routes.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        """Tell whether the double serves."""
        return JSONResponse({"status": "healthy", "message": "mockcvp is ok"})

    # not async, and so in a thread: a full journal takes long to write down
    @routes.get("/requests")
    def requests(which: Annotated[Which, Query()]) -> JSONResponse:
        """Return the calls that the journal holds, newest first."""
        return JSONResponse(served_requests(double.journal.page(which.limit)))

    @routes.delete("/requests")
    async def forget() -> JSONResponse:
        """Clear the journal."""
        double.journal.clear()
        return JSONResponse({})

    @routes.post("/reset")
    async def reset() -> JSONResponse:
        """Bring back the deployment, the clock and an empty journal, as at the start."""
        double.reset()
        return JSONResponse({})

    routes.include_router(cvp.router(double), prefix="/cvp")
    return routes


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


ERROR_HANDLERS: dict[Any, Any] = {
    HTTPException: _http_fault,
    RequestValidationError: _invalid,
    Unprocessable: _unprocessable,
}
