"""The calls of the journal for people, under ``/__admin/cvp/calls``: search, explanation, sending again."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.bodies import Unprocessable
from mockcvp.admin.call_responses import CallDetails, Calls, Sent
from mockcvp.admin.call_rows import Search, row
from mockcvp.admin.dependencies import JsonBody, State
from mockcvp.admin.explanation import explanation
from mockcvp.admin.loopback import send
from mockcvp.admin.openapi import UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.parameters import NewCall
from mockcvp.admin.serve_events import served_request
from mockcvp.admin.streaming import json_of, list_of, streamed
from mockcvp.journal import Call, Page
from mockcvp.oamp.http import Headers
from mockcvp.pipeline.slices import chosen
from mockcvp.state import MockState

_MOST_DIGITS = 20
_HOP_BY_HOP = (b"content-length", b"transfer-encoding", b"connection", b"expect")

router = control_router("journal")


@router.get("/calls", responses=responds(200, "The calls.", Calls) | UNPROCESSABLE)
async def search_calls(state: State, search: Annotated[Search, Query()]) -> Response:
    """Search the calls of the journal, newest first."""
    page = state.journal.page()
    found = await chosen(search.matches, page.calls)
    shown = [call for call in found if search.before is None or call.number < search.before][: search.limit]
    rows = (json_of(row(call, page.position.id(call)), is_large=False) for call in shown)
    meta = {"total": len(found), "recorded": page.position.recorded, "dropped": page.position.dropped}
    return streamed(list_of("calls", rows, after={"meta": meta}))


@router.post(
    "/calls",
    openapi_extra=json_body(NewCall),
    responses=responds(200, "The call.", Sent) | UNPROCESSABLE,
)
async def send_call(state: State, new: Annotated[NewCall, Depends(JsonBody(NewCall))], request: Request) -> Response:
    """Send a request to the OAMP. The journal records it like that of any client."""
    headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in new.headers.items())
    if all(name != b"authorization" for name, _ in headers):
        headers = (*headers, (b"authorization", _authorization(state)))
    return _sent(await send(request, new.method, new.path, _framed(headers, request, new.body), new.body.encode()))


@router.get("/calls/{number}", responses=responds(200, "The call.", CallDetails) | UNKNOWN)
async def explain_call(state: State, number: str) -> Response:
    """Return a call with the checks that it passed, and the one that decided its response."""
    page = state.journal.page()
    call = _numbered(page, number)
    details = {
        "call": row(call, page.position.id(call)),
        "event": served_request(call, page.position.id(call)),
        "why": explanation(call),
    }
    return streamed(json_of(details, is_large=True))


@router.post("/calls/{number}/repeat", responses=responds(200, "The new call.", Sent) | UNKNOWN | UNPROCESSABLE)
async def repeat_call(state: State, number: str, request: Request) -> Response:
    """Send the request of a call to the OAMP again."""
    call = _numbered(state.journal.page(), number)
    old = call.request
    is_incomplete = call.response is None and call.fault is None
    if is_incomplete or old.unread or old.exceeded or old.throttled or _is_malformed(call):
        raise Unprocessable(f"the journal does not have the whole request of call {number}")
    kept = tuple(header for header in old.headers if header[0] not in _HOP_BY_HOP)
    body = old.body
    headers = (*kept, (b"content-length", b"%d" % len(body))) if body else kept
    return _sent(await send(request, old.method, old.target, headers, body))


def _numbered(page: Page, number: str) -> Call:
    found = page.numbered(int(number)) if number.isdecimal() and len(number) < _MOST_DIGITS else None
    if found is None:
        raise HTTPException(404, f"the journal has no call {number[:20]}")
    return found


def _is_malformed(call: Call) -> bool:
    # Only this error has a reason without a documented error.
    response = call.response
    return response is not None and response.status == 400 and bool(response.reason) and not response.errors


def _authorization(state: MockState) -> bytes:
    settings = state.settings
    credentials = f"{settings.username}:{settings.password.get_secret_value()}"
    return b"Basic " + b64encode(credentials.encode())


def _framed(headers: Headers, request: Request, body: str) -> Headers:
    kept = tuple(header for header in headers if header[0] not in _HOP_BY_HOP)
    if all(name != b"host" for name, _ in kept) and "host" in request.headers:
        kept = (*kept, (b"host", request.headers["host"].encode("latin-1")))
    return (*kept, (b"content-length", b"%d" % len(body.encode()))) if body else kept


def _sent(call: Call | None) -> JSONResponse:
    answer: dict[str, Any] = (
        {"number": call.number, "status": call.status} if call else {"number": None, "status": None}
    )
    return JSONResponse(answer)
