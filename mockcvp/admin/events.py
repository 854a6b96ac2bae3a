"""The changes of a mock server as server-sent events, under ``/__admin/cvp/events``.

Nothing of this costs a call of the OAMP: a stream compares the state with the one that it has seen, ten times a second.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mockcvp.admin.call_rows import row
from mockcvp.admin.dependencies import State
from mockcvp.admin.openapi import control_router
from mockcvp.journal import Position
from mockcvp.pipeline.extension import ResponseWriter, writer_of
from mockcvp.settings import __version__
from mockcvp.state import MockState

MOST_CALLS = 100
"""The most calls in one event; a page lists the others with ``/cvp/calls``."""
MOST_STREAMS = 100
_SECONDS = 0.1
_QUIET_SECONDS = 15
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EVENTS = (
    "A stream of server-sent events: `hello`, `calls`, `synchronizations`, `clock`, `deployment`, `stubs`, `tenants`, "
    "`reset`."
)

router = control_router("journal")


class _Seen(NamedTuple):
    """The state that a stream has sent."""

    position: Position
    clock: tuple[bool, float]
    servers: tuple[int, int]
    stubs: int
    tenants: tuple[str, ...]


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"description": _EVENTS, "content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    state: State, request: Request, last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Response:
    """Stream the changes of the mock server, at most ten times a second.

    An event `calls` has the newest 100 of its calls, and the number of the others. With `Last-Event-ID`, a stream
    continues after that event.
    """
    if state.streams >= MOST_STREAMS:
        raise HTTPException(503, f"there are {MOST_STREAMS} streams of events already")
    stream = _stream(state, request, last_event_id or "")
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


async def _stream(state: MockState, request: Request, last_event_id: str) -> AsyncIterator[str]:
    writer = writer_of(request.scope)
    state.streams += 1
    try:
        seen = _seen(state)
        yield _event("hello", _hello(state, request, seen.position))
        if (after := _last_number(last_event_id, seen.position.series)) is not None:
            seen = seen._replace(position=seen.position._replace(last=after))
        quiet = 0.0
        while not _has_ended(writer):
            now = _seen(state)
            if changes := "".join(_changes(state, seen, now)):
                yield changes
            elif quiet >= _QUIET_SECONDS:
                yield ": quiet\n\n"
            quiet = 0.0 if changes or quiet >= _QUIET_SECONDS else quiet + _SECONDS
            seen = now
            await asyncio.sleep(_SECONDS)
    finally:
        state.streams -= 1


def _has_ended(writer: ResponseWriter | None) -> bool:
    return writer is not None and (writer.is_stopping or writer.is_disconnected)


def _seen(state: MockState) -> _Seen:
    return _Seen(
        state.journal.position,
        state.clock.setting,
        (id(state.oamp), state.oamp.servers.changes),
        state.stubs.changes,
        tuple(state.tenants),
    )


def _changes(state: MockState, seen: _Seen, now: _Seen) -> Iterator[str]:
    last_seen = seen.position.last if now.position.series == seen.position.series else 0
    if (now.position.series, now.position.removed) != (seen.position.series, seen.position.removed):
        yield _event("reset", {})
    if now.position.last > last_seen:
        calls = state.journal.newest(last_seen, MOST_CALLS)
        first, last = last_seen + 1, calls[-1].number if calls else now.position.last
        frame = {
            "first": first,
            "last": last,
            "omitted": max(last - first + 1 - len(calls), 0),
            "recorded": now.position.recorded,
            "dropped": now.position.dropped,
            "calls": [row(call, now.position.id(call)) for call in calls],
        }
        yield _event("calls", frame, f"{now.position.series:x}.{last}")
        if len(calls) < last - first + 1 or any(call.synchronization for call in calls):
            yield _event("synchronizations", {})
    if now.clock != seen.clock:
        yield _event("clock", _clock(state))
    if now.servers != seen.servers:
        yield _event("deployment", {})
    if now.stubs != seen.stubs:
        yield _event("stubs", {})
    if now.tenants != seen.tenants:
        yield _event("tenants", {})


def _hello(state: MockState, request: Request, position: Position) -> dict[str, Any]:
    return {
        "version": __version__,
        "console": state.settings.console,
        "tenant": request.path_params.get("tenant"),
        "recorded": position.recorded,
        "dropped": position.dropped,
        "last": position.last,
        "clock": _clock(state),
    }


def _clock(state: MockState) -> dict[str, Any]:
    now = datetime.fromtimestamp(state.clock()).astimezone().isoformat(timespec="milliseconds")
    return {"frozen": state.clock.frozen, "now": now}


def _last_number(last_event_id: str, series: int) -> int | None:
    """Return the number of the last call that a client has received, None if it is not of this journal."""
    of, _, number = last_event_id.partition(".")
    return int(number) if of == f"{series:x}" and number.isdecimal() and len(number) < 20 else None


def _event(name: str, data: dict[str, Any], event_id: str = "") -> str:
    line = f"id: {event_id}\n" if event_id else ""
    return f"{line}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
