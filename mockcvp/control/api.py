"""The control API under ``/__admin``: JSON, in the words and shapes of WireMock's admin API."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mockcvp.double import Double
from mockcvp.faults import phrase
from mockcvp.journal import Call, Page
from mockcvp.oamp.api import Headers


class Which(BaseModel):
    """Which calls of the journal are asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int | None, Field(ge=0)] = None


def router(double: Double) -> APIRouter:
    """Return the routes that control one double."""
    routes = APIRouter()

    @routes.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> JSONResponse:
        """Tell whether the double serves."""
        return JSONResponse({"status": "healthy", "message": "mockcvp is ok"})

    @routes.get("/requests")
    async def requests(which: Annotated[Which, Query()]) -> JSONResponse:
        """Return the calls that the journal holds, newest first."""
        return JSONResponse(_served_requests(double.journal.page(which.limit)))

    @routes.delete("/requests")
    async def forget() -> JSONResponse:
        """Clear the journal."""
        double.journal.clear()
        return JSONResponse({})

    return routes


def _served_requests(page: Page) -> dict[str, Any]:
    return {
        "requests": [_served_request(call, page.id(call)) for call in page.calls],
        "meta": {"total": page.total, "kept": page.kept},
        "requestJournalDisabled": False,
    }


def _served_request(call: Call, call_id: str) -> dict[str, Any]:
    request, answer = call.request, call.answer
    host = request.header(b"host")
    milliseconds = round(call.duration * 1000)
    return {
        "id": call_id,
        "request": {
            "url": request.target,
            "absoluteUrl": f"https://{host}{request.target}" if host else request.target,
            "method": request.method,
            "clientIp": call.client,
            "headers": _headers(request.headers),
            "body": request.body.decode(errors="replace"),
            "bodyAsBase64": b64encode(request.body).decode(),
            "loggedDate": int(call.time * 1000),
            "loggedDateString": f"{datetime.fromtimestamp(call.time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        },
        "response": {
            "status": answer.status if answer else 0,
            "headers": _headers(answer.headers if answer else ()),
            "body": answer.body.decode() if answer else "",
            "bodyAsBase64": b64encode(answer.body).decode() if answer else "",
        },
        "wasMatched": answer is not None and answer.status not in (404, 405),
        "timing": {"processTime": milliseconds, "totalTime": milliseconds},
        "mockcvp": _told(call),
    }


def _told(call: Call) -> dict[str, Any]:
    """Return what WireMock has no member for."""
    answer = call.answer
    synchronization = None
    if answer and answer.servers is not None:
        synchronization = {
            "servers": [
                {"refURL": server.ref_url, "sincetime": server.sincetime, "full": server.full}
                for server in answer.servers
            ]
        }
    return {
        "number": call.number,
        "path": call.request.path,
        "query": call.request.target.partition("?")[2],
        "user": call.request.user,
        "duration": call.duration,
        "complete": answer is not None,
        "oversize": bool(call.request.exceeded),
        "refusal": answer.refusal if answer else None,
        "synchronization": synchronization,
        "ignored": list(answer.ignored) if answer else [],
    }


def _headers(headers: Headers) -> dict[str, str | list[str]]:
    members: dict[str, str | list[str]] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers):
        earlier = members.get(name)
        if earlier is None:
            members[name] = value
        else:
            members[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return members


def _errors(status: int, *titles: str, headers: dict[str, str] | None = None) -> JSONResponse:
    errors = [{"code": 10, "title": title} for title in titles]
    return JSONResponse({"errors": errors}, status, headers)


async def _http_fault(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)  # noqa: S101 - for the type checker: this is what it is registered for
    title = f"{fault.detail}: {request.method} {request.url.path} is not one of the control API's"
    return _errors(fault.status_code, title, headers=dict(fault.headers or {}))


async def _invalid(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)  # noqa: S101 - as above
    # the first step of a place says where in the request: query, path or body
    found = (phrase(error | {"loc": error["loc"][1:]}) for error in fault.errors())
    return _errors(422, *(f"{place} {words}" for place, words in found))


ERROR_HANDLERS: dict[Any, Any] = {HTTPException: _http_fault, RequestValidationError: _invalid}
