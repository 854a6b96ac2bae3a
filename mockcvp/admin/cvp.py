"""The deployment, the clock and the sync-ups under ``/__admin/cvp``."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from mockcvp.admin.bodies import Unprocessable
from mockcvp.admin.dependencies import JsonBody, State
from mockcvp.admin.openapi import UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.parameters import Change, ClockChange, Which
from mockcvp.admin.requests import default_limit
from mockcvp.admin.responses import ClockNow, DeploymentNow, SyncUps
from mockcvp.admin.streaming import DEFAULT_LIMIT, json_of, list_of, streamed
from mockcvp.journal import Call
from mockcvp.messages import error_lines
from mockcvp.oamp.deployment import Deployment, Server
from mockcvp.oamp.models import ref_url
from mockcvp.oamp.sync_ups import Run
from mockcvp.pipeline.slices import chosen
from mockcvp.state import MockState

_DEPLOYMENT = responds(200, "The deployment.", DeploymentNow)
_CLOCK = responds(200, "The clock.", ClockNow)

router = control_router("deployment")


@router.get("/deployment", responses=_DEPLOYMENT)
async def get_deployment(state: State) -> Response:
    """Return the deployment with every change and every added server."""
    now = state.deployment
    servers = (json_of(server.model_dump(mode="json"), is_large=False) for server in now.servers)
    version = {"version": now.version.model_dump(mode="json", by_alias=True)}
    return streamed(list_of("servers", servers, version))


@router.put("/deployment", openapi_extra=json_body(Deployment), responses=_DEPLOYMENT | UNPROCESSABLE)
async def deploy(state: State, deployment: Annotated[Deployment, Depends(JsonBody(Deployment))]) -> Response:
    """Replace the deployment. The new servers have had no sync-up."""
    state.deploy(deployment)
    return await get_deployment(state)


@router.patch(
    "/servers/{server_id:path}",
    openapi_extra=json_body(Change),
    responses=responds(200, "The server with the change.", Server) | UNKNOWN | UNPROCESSABLE,
)
async def change_server(
    state: State, server_id: str, changes: Annotated[Change, Depends(JsonBody(Change))]
) -> JSONResponse:
    """Set the duration and the outcome of the next sync-ups of a server. Its id may have slashes."""
    server = state.oamp.servers.get(server_id)
    if server is None:
        raise HTTPException(404, f"there is no server {server_id!r}{_hint(state.oamp.servers, server_id)}")
    if not server.type.synchronized:
        raise Unprocessable(f"a server of type {server.type} is not synchronised")
    changed = _changed(server, changes)
    state.oamp.servers.change(changed)
    return JSONResponse(changed.model_dump(mode="json"))


@router.get("/clock", responses=_CLOCK)
async def get_clock(state: State) -> JSONResponse:
    """Return the time of the clock that determines the states of sync-ups, and whether it is frozen."""
    return JSONResponse({"frozen": state.clock.frozen, "now": _iso(state.clock())})


@router.put("/clock", openapi_extra=json_body(ClockChange), responses=_CLOCK | UNPROCESSABLE)
async def move_clock(state: State, change: Annotated[ClockChange, Depends(JsonBody(ClockChange))]) -> JSONResponse:
    """Freeze, resume or set the clock. After the start of a sync-up, it moves only forward."""
    _move(state, change)
    return await get_clock(state)


@router.get(
    "/synchronizations",
    responses=responds(200, "The sync-ups, with the present state of each server.", SyncUps) | UNPROCESSABLE,
)
async def list_synchronizations(state: State, which: Annotated[Which, Query()]) -> Response:
    """List the accepted sync-ups of the journal, newest first."""
    page = state.journal.page()
    accepted = await chosen(_is_accepted, page.calls)
    # nobody knows whether the dropped calls were sync-ups
    meta = {"total": len(accepted), "exact": page.position.stored == page.position.recorded}
    shown = accepted[: DEFAULT_LIMIT if which.limit is None else which.limit]
    entries = (_synchronization(state, call) for call in shown)
    return streamed(list_of("synchronizations", entries, after={"meta": meta | default_limit(which, accepted)}))


def _changed(server: Server, changes: Change) -> Server:
    try:
        return Server.model_validate(server.model_dump() | changes.model_dump(exclude_none=True))
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc)) from None


def _move(state: MockState, change: ClockChange) -> None:
    clock, was_frozen = state.clock, state.clock.frozen
    # a clock that runs would pass the time that the client asks for
    clock.freeze()
    try:
        if change.now is not None:
            if change.now.timestamp() < clock() and not state.oamp.servers.untouched:
                raise ValueError(f"now: after the start of a sync-up the clock only goes forward from {_iso(clock())}")
            clock.set(change.now.timestamp())
        clock.advance(change.advance or 0)
    except ValueError as exc:
        if not was_frozen:
            clock.resume()
        raise Unprocessable(str(exc)) from None
    if not (was_frozen if change.frozen is None else change.frozen):
        clock.resume()


def _hint(servers: Iterable[Server], name: str) -> str:
    """Return the end of the message that no server has an id, which may be a host name."""
    ids = [server.id for server in servers if server.hostname == name]
    return f": the id of the server with this host name is {ids[0]!r}" if len(ids) == 1 else ""


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
