"""The request journal under ``/__admin``: listing, counting, finding, removing, near misses."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.control.bodies import WhichRequests, body
from mockcvp.control.served import logged_request, near_miss, served_request
from mockcvp.double import Double
from mockcvp.journal import Call, Page
from mockcvp.matching.content import Subject
from mockcvp.matching.patterns import RequestPattern, matching, near_misses
from mockcvp.matching.wire import RequestPatternForm

_NEAREST = 3


def router(double: Double) -> APIRouter:
    """Return the routes of one double's journal."""
    routes = APIRouter()
    journal = double.journal

    @routes.get("/requests")
    async def requests(which: Annotated[WhichRequests, Query()]) -> Response:
        """Return the calls that the journal holds, newest first."""
        return await _apart(lambda: _listed(journal.page(), which))

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
        return await _apart(lambda: _counted(pattern, journal.page()))

    @routes.post("/requests/find")
    async def find(request: Request) -> Response:
        """Return the calls that match a pattern, oldest first."""
        pattern = (await body(request, RequestPatternForm)).pattern
        return await _apart(lambda: _found(page := journal.page(), matching(pattern, page.calls[::-1])))

    @routes.post("/requests/remove")
    async def remove(request: Request) -> Response:
        """Forget the calls that match a pattern, and return them."""
        pattern = (await body(request, RequestPatternForm)).pattern
        return await _apart(lambda: _removed(double, pattern))

    routes.include_router(_of_unmatched(double))
    routes.include_router(_of_one(double))
    return routes


def _of_unmatched(double: Double) -> APIRouter:
    routes = APIRouter()
    journal = double.journal

    @routes.get("/requests/unmatched")
    async def unmatched() -> Response:
        """Return the calls that neither a stub mapping nor a resource of the product answered, newest first."""
        return await _apart(lambda: _found(page := journal.page(), [call for call in page.calls if not call.matched]))

    @routes.get("/requests/unmatched/near-misses")
    async def near_misses_of_unmatched() -> Response:
        """Return for each of those the stub mappings that are nearest to it, the nearest first."""
        return await _apart(lambda: _nearest_mappings(double))

    @routes.post("/near-misses/request-pattern")
    async def near_misses_of_pattern(request: Request) -> Response:
        """Return the calls that are nearest to a pattern, the nearest first."""
        pattern = await body(request, RequestPatternForm)
        content = await request.json()
        return await _apart(lambda: _nearest_calls(pattern.pattern, content, journal.page()))

    return routes


def _of_one(double: Double) -> APIRouter:
    routes = APIRouter()
    journal = double.journal

    @routes.get("/requests/{call_id}")
    async def one(call_id: str) -> Response:
        """Return one call."""
        if call_id in ("count", "find", "remove"):
            raise HTTPException(405, f"POST a request pattern to /requests/{call_id}")
        page = journal.page()
        call = page.find(identity(call_id))
        if call is None:
            raise HTTPException(404, f"the journal has no request {call_id}")
        return JSONResponse(served_request(call, page.id(call)))

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


async def _apart(answer: Callable[[], dict[str, Any]]) -> Response:
    # in a thread of its own: a full journal takes long to go through and to write down
    return await run_in_threadpool(lambda: JSONResponse(answer()))


def _listed(page: Page, which: WhichRequests) -> dict[str, Any]:
    calls = page.calls
    if which.since is not None:
        calls = [call for call in calls if call.time > which.since.timestamp()]
    if which.unmatched:
        calls = [call for call in calls if not call.matched]
    every = len(calls) == len(page.calls)
    return {
        "requests": [served_request(call, page.id(call)) for call in calls[: which.limit]],
        "meta": {"total": page.total if every else len(calls), **_dropped(page)},
        "requestJournalDisabled": False,
    }


def _counted(pattern: RequestPattern, page: Page) -> dict[str, Any]:
    return {"count": len(matching(pattern, page.calls[::-1])), "requestJournalDisabled": False, **_dropped(page)}


def _found(page: Page, calls: list[Call]) -> dict[str, Any]:
    return {"requests": [logged_request(call) for call in calls], "requestJournalDisabled": False, **_dropped(page)}


def _removed(double: Double, pattern: RequestPattern) -> dict[str, Any]:
    page = double.journal.page()
    removed = double.journal.remove(matching(pattern, page.calls[::-1]))
    return {"serveEvents": [served_request(call, page.id(call)) for call in removed]}


def _nearest_mappings(double: Double) -> dict[str, Any]:
    found = []
    for call in double.journal.page().calls:
        if call.matched:
            continue
        subject = Subject(call.request, call)
        ranked = sorted(double.stubs.mappings, key=lambda mapping: mapping.pattern.distance(subject))
        found += [near_miss(call, mapping.pattern, stubMapping=mapping.document) for mapping in ranked[:_NEAREST]]
    return {"nearMisses": found}


def _nearest_calls(pattern: RequestPattern, content: Any, page: Page) -> dict[str, Any]:
    document = {"method": "ANY", **content}
    ranked = near_misses(pattern, page.calls, _NEAREST)
    return {"nearMisses": [near_miss(call, pattern, requestPattern=document) for _, call in ranked]}


def _dropped(page: Page) -> dict[str, int]:
    # only where it is so: WireMock's own clients fail loudly at a member that they don't know, and so they should
    return {"dropped": page.dropped} if page.dropped else {}
