"""The request journal under ``/__admin``: listing, counting, finding, removing, near misses."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.bodies import content_of
from mockcvp.admin.dependencies import JsonBody, State, identity
from mockcvp.admin.openapi import DONE, NOT_A_UUID, UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.parameters import Which, WhichRequests
from mockcvp.admin.responses import MOST_COMPARED, Count, FoundRequests, NearMisses, Removed, Requests, ServedRequest
from mockcvp.admin.serve_events import json_of_call, logged_request, near_miss, served_request
from mockcvp.admin.streaming import DEFAULT_LIMIT, json_of, list_of, streamed
from mockcvp.journal import Call, Page
from mockcvp.pipeline.slices import chosen, each
from mockcvp.stubs.content import Subject
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.pattern import RequestPattern, nearest
from mockcvp.stubs.pattern_schema import RequestPatternForm

_NEAREST = 3

Pattern = Annotated[RequestPatternForm, Depends(JsonBody(RequestPatternForm))]
_PATTERN = json_body(RequestPatternForm)
_FOUND = responds(200, "The calls.", FoundRequests)
_NEAR_MISSES = responds(200, "The near misses.", NearMisses)

router = control_router("journal")


@router.get("/requests", responses=responds(200, "The calls.", Requests) | UNPROCESSABLE)
async def list_requests(state: State, which: Annotated[WhichRequests, Query()]) -> Response:
    """List the calls of the journal, newest first."""
    page = state.journal.page()
    calls = page.calls
    if which.since is not None:
        since = which.since.timestamp()
        calls = await chosen(lambda call: call.time > since, calls)
    if which.unmatched:
        calls = await chosen(_is_unmatched, calls)
    every = len(calls) == len(page.calls)
    meta = {"total": page.position.recorded if every else len(calls), **_dropped(page), **default_limit(which, calls)}
    shown = calls[: DEFAULT_LIMIT if which.limit is None else which.limit]
    return streamed(_served("requests", page, shown, {"meta": meta, "requestJournalDisabled": False}))


# WireMock's client for Python uses this older path
@router.post("/requests/reset", operation_id="resetRequests", responses=DONE)
@router.delete("/requests", responses=DONE)
async def clear_requests(state: State) -> Response:
    """Clear the journal."""
    state.journal.clear()
    return JSONResponse({})


@router.post(
    "/requests/count", openapi_extra=_PATTERN, responses=responds(200, "The number of calls.", Count) | UNPROCESSABLE
)
async def count_requests(state: State, form: Pattern) -> Response:
    """Count the calls that match a pattern."""
    page = state.journal.page()
    count = len(await _matching(form.pattern, page))
    return JSONResponse({"count": count, "requestJournalDisabled": False, **_dropped(page)})


@router.post("/requests/find", openapi_extra=_PATTERN, responses=_FOUND | UNPROCESSABLE)
async def find_requests(state: State, form: Pattern) -> Response:
    """Find the calls that match a pattern, oldest first."""
    page = state.journal.page()
    return _found(page, await _matching(form.pattern, page))


@router.post(
    "/requests/remove", openapi_extra=_PATTERN, responses=responds(200, "The removed calls.", Removed) | UNPROCESSABLE
)
async def remove_requests(state: State, form: Pattern) -> Response:
    """Remove the calls that match a pattern, and return them."""
    page = state.journal.page()
    removed = state.journal.remove(await _matching(form.pattern, page))
    return streamed(_served("serveEvents", page, removed))


@router.get("/requests/unmatched", responses=_FOUND)
async def unmatched_requests(state: State) -> Response:
    """List the calls to which neither a stub mapping nor a resource of the OAMP responded, newest first."""
    page = state.journal.page()
    return _found(page, await chosen(_is_unmatched, page.calls))


@router.get("/requests/unmatched/near-misses", responses=_NEAR_MISSES)
async def near_misses_of_unmatched(state: State) -> Response:
    """List the stub mappings that each of the newest 100 unmatched calls nearly matches, the nearest first."""
    found: list[tuple[Call, float, StubMapping]] = []
    unmatched = await chosen(_is_unmatched, state.journal.page().calls)
    for call in unmatched[:MOST_COMPARED]:
        subject, mappings = Subject(call.request, call), state.stubs.mappings
        distances = await each(_distance_to(subject), mappings)
        found += [(call, distance, mapping) for distance, mapping in nearest(distances, mappings, _NEAREST)]
    return _near_misses(
        (near_miss(call, mapping.pattern, distance, stubMapping=mapping.document) for call, distance, mapping in found),
        {"limit": MOST_COMPARED} if len(unmatched) > MOST_COMPARED else {},
    )


@router.post("/near-misses/request-pattern", openapi_extra=_PATTERN, responses=_NEAR_MISSES | UNPROCESSABLE)
async def near_misses_of_pattern(state: State, form: Pattern, request: Request) -> Response:
    """List the calls that nearly match a pattern, the nearest first."""
    page, pattern = state.journal.page(), form.pattern
    document = {"method": "ANY", **await content_of(request)}
    distances = await each(lambda call: pattern.distance(Subject(call.request, call)), page.calls)
    found = nearest(distances, page.calls, _NEAREST)
    return _near_misses(near_miss(call, pattern, distance, requestPattern=document) for distance, call in found)


@router.get("/requests/{call_id}", responses=responds(200, "The call.", ServedRequest) | NOT_A_UUID | UNKNOWN)
async def get_request(state: State, call_id: str) -> Response:
    """Return one call."""
    if call_id in ("count", "find", "remove"):
        raise HTTPException(405, f"POST a request pattern to /requests/{call_id}")
    page = state.journal.page()
    call = page.find(identity(call_id))
    if call is None:
        raise HTTPException(404, f"the journal has no request {call_id}")
    return streamed(json_of_call(call, served_request(call, page.position.id(call))))


@router.delete("/requests/{call_id}", responses=DONE | NOT_A_UUID)
async def remove_request(state: State, call_id: str) -> Response:
    """Remove one call, if the journal has it."""
    call = state.journal.page().find(identity(call_id))
    if call is not None:
        state.journal.remove([call])
    return JSONResponse({})


async def _matching(pattern: RequestPattern, page: Page) -> list[Call]:
    """Return the calls that match, oldest first."""
    return await chosen(lambda call: pattern.matches(Subject(call.request, call)), page.calls[::-1])


def _is_unmatched(call: Call) -> bool:
    return not call.matched


def _served(name: str, page: Page, calls: list[Call], others: dict[str, Any] | None = None) -> Iterator[str]:
    # a response to a slow client must not keep the other calls of the page in memory
    ids = page._replace(calls=[])
    return list_of(
        name, (json_of_call(call, served_request(call, ids.position.id(call))) for call in calls), after=others
    )


def _found(page: Page, calls: list[Call]) -> Response:
    others = {"requestJournalDisabled": False, **_dropped(page)}
    return streamed(list_of("requests", (json_of_call(call, logged_request(call)) for call in calls), after=others))


def _distance_to(subject: Subject) -> Callable[[StubMapping], float]:
    return lambda mapping: mapping.pattern.tolerant().distance(subject)


def _near_misses(found: Iterable[dict[str, Any]], others: dict[str, int] | None = None) -> Response:
    return streamed(list_of("nearMisses", (json_of(one, is_large=True) for one in found), after=others))


def default_limit(which: Which, calls: list[Call]) -> dict[str, int]:
    """Return the ``limit`` member of a list that is shorter by default than the entries that there are."""
    return {"limit": DEFAULT_LIMIT} if which.limit is None and len(calls) > DEFAULT_LIMIT else {}


def _dropped(page: Page) -> dict[str, int]:
    # WireMock's clients fail at a member that they do not know, and so report that calls are missing
    return {"dropped": page.position.dropped} if page.position.dropped else {}
