"""What a test changes of the product being mocked, under ``/__admin/cvp``."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.requests import default_limit
from mockcvp.admin.schemas import Change, ClockChange, Unprocessable, Which, body
from mockcvp.admin.streaming import DEFAULT_LIMIT, json_of, list_of, streamed
from mockcvp.journal import Call
from mockcvp.messages import error_lines
from mockcvp.oamp.deployment import Deployment, Server
from mockcvp.oamp.models import ref_url
from mockcvp.oamp.sync_ups import Run
from mockcvp.pipeline.slices import chosen
from mockcvp.state import MockState


def router(state: MockState) -> APIRouter:
    """Return the routes that change one mock server's deployment and clock, and tell of its sync-ups."""
    routes = APIRouter()

    @routes.get("/deployment")
    async def deployment() -> Response:
        """Return the deployment as it is now, with what was changed and added."""
        now = state.deployment
        servers = (json_of(server.model_dump(mode="json"), is_large=False) for server in now.servers)
        version = {"version": now.version.model_dump(mode="json", by_alias=True)}
        return streamed(list_of("servers", servers, version))

    @routes.put("/deployment")
    async def deploy(request: Request) -> Response:
        """Replace the deployment; its servers have had no sync-up yet."""
        state.deploy(await body(request, Deployment))
        return await deployment()

    @routes.patch("/servers/{server_id:path}")
    async def change(request: Request, server_id: str) -> JSONResponse:
        """Change how the coming sync-ups of a server go."""
        changes = await body(request, Change)
        server = state.oamp.servers.get(server_id)
        if server is None:
            raise HTTPException(404, f"there is no server {server_id!r}")
        if not server.type.synchronized:
            raise Unprocessable(f"a server of type {server.type} is not synchronised")
        changed = _changed(server, changes)
        state.oamp.servers.change(changed)
        return JSONResponse(changed.model_dump(mode="json"))

    @routes.get("/clock")
    async def clock() -> JSONResponse:
        """Return the time that sync-ups go by, and whether it stands still."""
        return JSONResponse({"frozen": state.clock.frozen, "now": _iso(state.clock())})

    @routes.put("/clock")
    async def move(request: Request) -> JSONResponse:
        """Freeze the clock, let it go on, or move it forward."""
        _move(state, await body(request, ClockChange))
        return await clock()

    @routes.get("/synchronizations")
    async def synchronizations(which: Annotated[Which, Query()]) -> Response:
        """Return the accepted sync-ups that the journal holds, newest first, with the state of each server now."""
        page = state.journal.page()
        accepted = await chosen(_is_accepted, page.calls)
        # of calls that the journal has dropped nobody can say whether they were sync-ups
        meta = {"total": len(accepted), "exact": page.stored == page.total}
        shown = accepted[: DEFAULT_LIMIT if which.limit is None else which.limit]
        entries = (_synchronization(state, call) for call in shown)
        return streamed(list_of("synchronizations", entries, after={"meta": meta | default_limit(which, accepted)}))

    return routes


def _changed(server: Server, changes: Change) -> Server:
    try:
        return Server.model_validate(server.model_dump() | changes.model_dump(exclude_none=True))
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc)) from None


def _move(state: MockState, change: ClockChange) -> None:
    clock, was_frozen = state.clock, state.clock.frozen
    # it stands still while it is moved, so that it then tells just what was asked for
    clock.freeze()
    try:
        if change.now is not None:
            if change.now.timestamp() < clock() and not state.oamp.servers.untouched:
                raise ValueError(
                    f"now: the clock tells {_iso(clock())} and, once a sync-up was started, only goes forward"
                )
            clock.set(change.now.timestamp())
        clock.advance(change.advance or 0)
    except ValueError as exc:
        if not was_frozen:
            clock.resume()
        raise Unprocessable(str(exc)) from None
    if not (was_frozen if change.frozen is None else change.frozen):
        clock.resume()


def _is_accepted(call: Call) -> bool:
    return call.synchronization is not None


def _synchronization(state: MockState, call: Call) -> Iterator[str]:
    assert call.synchronization
    sync_up, now = call.synchronization, state.clock()

    def server(run: Run) -> dict[str, Any]:
        sent = run.requested.ref_url if sync_up.requested else ref_url(run.server_id, call.request.base_url)
        sincetime, full = run.requested.sincetime, run.requested.full
        return {"id": run.server_id, "refURL": sent, "sincetime": sincetime, "full": full, "syncStatus": run.text(now)}

    others = {"number": call.number, "time": _iso(sync_up.time), "user": call.request.user}
    return list_of("servers", (json_of(server(run), is_large=False) for run in sync_up.started), others)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")
