"""The error responses of the control API, in the form of WireMock's admin API."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from mockcvp.admin import TENANTS_PATH
from mockcvp.admin.bodies import Unprocessable
from mockcvp.messages import phrase
from mockcvp.oamp.operation import allowed_methods
from mockcvp.stubs.matchers.java_regex import UndecidedError


def _errors(status: int, *titles: str, headers: dict[str, str] | None = None) -> JSONResponse:
    errors = [{"code": 10, "title": title} for title in titles]
    return JSONResponse({"errors": errors}, status, headers)


async def _http_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    allowed = ", ".join(allowed_methods(request)) if exc.status_code == 405 else ""
    headers = {"allow": allowed} if allowed else dict(exc.headers or {})
    if exc.detail not in ("Not Found", "Method Not Allowed"):
        return _errors(exc.status_code, exc.detail, headers=headers)
    # no route has matched, so no dependency has looked up the tenant
    below, is_of_tenant, rest = request.url.path.partition(f"{TENANTS_PATH}/")
    name = rest.strip("/").partition("/")[0]
    if is_of_tenant and below == request.scope.get("root_path", "") and name not in request.app.state.mock.tenants:
        return _errors(404, f"there is no tenant {name!r}")
    problem = f"the methods of this path: {allowed}" if allowed else "the control API has no such path"
    title = f"{exc.detail}: {request.method} {request.url.path}: {problem}"
    return _errors(exc.status_code, title, headers=headers)


async def _invalid(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    # the first step of a location is the part of the request: query or path
    found = (phrase(error | {"loc": error["loc"][1:]}) for error in exc.errors())
    return _errors(422, *(f"{place} {words}" for place, words in found))


async def _unprocessable(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Unprocessable)
    return _errors(422, *exc.titles)


async def _undecided(_: Request, exc: Exception) -> JSONResponse:
    return _errors(422, str(exc))


ERROR_HANDLERS: dict[Any, Any] = {
    HTTPException: _http_error,
    RequestValidationError: _invalid,
    Unprocessable: _unprocessable,
    UndecidedError: _undecided,
}
"""The exception handlers for the FastAPI app that has the control API."""
