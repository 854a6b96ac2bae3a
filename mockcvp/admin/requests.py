"""The request journal under ``/__admin``: listing, counting, finding, removing, near misses."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.schemas import Which, WhichRequests, body, content_of
from mockcvp.admin.serve_events import json_of_call, logged_request, near_miss, served_request
from mockcvp.admin.streaming import DEFAULT_LIMIT, json_of, list_of, streamed
from mockcvp.journal import Call, Page
from mockcvp.pipeline.slices import chosen, each
from mockcvp.state import MockState
from mockcvp.stubs.content import Subject
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.pattern import RequestPattern, nearest
from mockcvp.stubs.pattern_schema import RequestPatternForm

_NEAREST = 3
# of the unmatched calls, since each is compared with each stub mapping
_MOST_COMPARED = 100


def router(state: MockState) -> APIRouter:
    """Return the routes of one mock server's journal."""
    routes = APIRouter()
    journal = state.journal

    @routes.get("/requests")
    async def requests(which: Annotated[WhichRequests, Query()]) -> Response:
        """Return the calls that the journal holds, newest first."""
        return await _listed(journal.page(), which)

    # the older way, by which WireMock's client for Python still asks
    @routes.post("/requests/reset")
    @routes.delete("/requests")
    async def forget() -> Response:
        """Clear the journal."""
        journal.clear()
        return JSONResponse({})

    @routes.post("/requests/count")
    async def count(request: Request) -> Response:
        """Return how many calls match a pattern."""
        pattern = (await body(request, RequestPatternForm)).pattern
        page = journal.page()
        count = len(await _matching(pattern, page))
        return JSONResponse({"count": count, "requestJournalDisabled": False, **_dropped(page)})

    @routes.post("/requests/find")
    async def find(request: Request) -> Response:
        """Return the calls that match a pattern, oldest first."""
        pattern = (await body(request, RequestPatternForm)).pattern
        page = journal.page()
        return _found(page, await _matching(pattern, page))

    @routes.post("/requests/remove")
    async def remove(request: Request) -> Response:
        """Forget the calls that match a pattern, and return them."""
        pattern = (await body(request, RequestPatternForm)).pattern
        page = journal.page()
        removed = journal.remove(await _matching(pattern, page))
        return streamed(_served("serveEvents", page, removed))

    routes.include_router(_of_unmatched(state))
    routes.include_router(_of_one(state))
    return routes


def _of_unmatched(state: MockState) -> APIRouter:
    routes = APIRouter()
    journal = state.journal

    @routes.get("/requests/unmatched")
    async def unmatched() -> Response:
        """Return the calls that neither a stub mapping nor a resource of the product answered, newest first."""
        page = journal.page()
        return _found(page, await chosen(_is_unmatched, page.calls))

    @routes.get("/requests/unmatched/near-misses")
    async def near_misses_of_unmatched() -> Response:
        """Return for each of the newest of those the stub mappings that are nearest to it, the nearest first."""
        return await _nearest_mappings(state)

    @routes.post("/near-misses/request-pattern")
    async def near_misses_of_pattern(request: Request) -> Response:
        """Return the calls that are nearest to a pattern, the nearest first."""
        pattern = (await body(request, RequestPatternForm)).pattern
        return await _nearest_calls(pattern, await content_of(request), journal.page())

    return routes


def _of_one(state: MockState) -> APIRouter:
    routes = APIRouter()
    journal = state.journal

    @routes.get("/requests/{call_id}")
    async def one(call_id: str) -> Response:
        """Return one call."""
        if call_id in ("count", "find", "remove"):
            raise HTTPException(405, f"POST a request pattern to /requests/{call_id}")
        page = journal.page()
        call = page.find(identity(call_id))
        if call is None:
            raise HTTPException(404, f"the journal has no request {call_id}")
        return streamed(json_of_call(call, served_request(call, page.id(call))))

    @routes.delete("/requests/{call_id}")
    async def forget_one(call_id: str) -> Response:
        """Forget one call, if it is there."""
        call = journal.page().find(identity(call_id))
        if call is not None:
            journal.remove([call])
        return JSONResponse({})

    return routes


def identity(text: str) -> UUID:
    """Return the UUID that a part of a path is.

    Raises:
        HTTPException: it is none
    """
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(400, f"{text[:80]!r} is not a UUID") from None


async def _matching(pattern: RequestPattern, page: Page) -> list[Call]:
    """Return the calls that match, oldest first."""
    return await chosen(lambda call: pattern.matches(Subject(call.request, call)), page.calls[::-1])


def _is_unmatched(call: Call) -> bool:
    return not call.matched


async def _listed(page: Page, which: WhichRequests) -> Response:
    calls = page.calls
    if which.since is not None:
        since = which.since.timestamp()
        calls = await chosen(lambda call: call.time > since, calls)
    if which.unmatched:
        calls = await chosen(_is_unmatched, calls)
    every = len(calls) == len(page.calls)
    meta = {"total": page.total if every else len(calls), **_dropped(page), **default_limit(which, calls)}
    shown = calls[: DEFAULT_LIMIT if which.limit is None else which.limit]
    return streamed(_served("requests", page, shown, {"meta": meta, "requestJournalDisabled": False}))


def _served(name: str, page: Page, calls: list[Call], others: dict[str, Any] | None = None) -> Iterator[str]:
    # a client that reads slowly keeps no more calls in memory than it gets
    ids = page._replace(calls=[])
    return list_of(name, (json_of_call(call, served_request(call, ids.id(call))) for call in calls), after=others)


def _found(page: Page, calls: list[Call]) -> Response:
    others = {"requestJournalDisabled": False, **_dropped(page)}
    return streamed(list_of("requests", (json_of_call(call, logged_request(call)) for call in calls), after=others))


async def _nearest_mappings(state: MockState) -> Response:
    found: list[tuple[Call, float, StubMapping]] = []
    unmatched = await chosen(_is_unmatched, state.journal.page().calls)
    for call in unmatched[:_MOST_COMPARED]:
        subject, mappings = Subject(call.request, call), state.stubs.mappings
        distances = await each(_distance_to(subject), mappings)
        found += [(call, distance, mapping) for distance, mapping in nearest(distances, mappings, _NEAREST)]
    return _near_misses(
        (near_miss(call, mapping.pattern, distance, stubMapping=mapping.document) for call, distance, mapping in found),
        # only where it is so, as below
        {"limit": _MOST_COMPARED} if len(unmatched) > _MOST_COMPARED else {},
    )


def _distance_to(subject: Subject) -> Callable[[StubMapping], float]:
    return lambda mapping: mapping.pattern.tolerant().distance(subject)


async def _nearest_calls(pattern: RequestPattern, content: Any, page: Page) -> Response:
    document = {"method": "ANY", **content}
    distances = await each(lambda call: pattern.distance(Subject(call.request, call)), page.calls)
    found = nearest(distances, page.calls, _NEAREST)
    return _near_misses(near_miss(call, pattern, distance, requestPattern=document) for distance, call in found)


def _near_misses(found: Iterable[dict[str, Any]], others: dict[str, int] | None = None) -> Response:
    return streamed(list_of("nearMisses", (json_of(one, is_large=True) for one in found), after=others))


def default_limit(which: Which, calls: list[Call]) -> dict[str, int]:
    """Return the member that reports that a list has fewer entries than there are, since its client named no limit."""
    return {"limit": DEFAULT_LIMIT} if which.limit is None and len(calls) > DEFAULT_LIMIT else {}


def _dropped(page: Page) -> dict[str, int]:
    # only where it is so: WireMock's own clients fail loudly at a member that they don't know, and so they should
    return {"dropped": page.dropped} if page.dropped else {}
