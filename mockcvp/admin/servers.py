"""The servers of the deployment and their sync-ups for people, under ``/__admin/cvp``."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.addresses import oamp_url
from mockcvp.admin.bodies import Unprocessable
from mockcvp.admin.call_responses import Runs, ServersNow
from mockcvp.admin.dependencies import JsonBody, State
from mockcvp.admin.openapi import DONE, UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.streaming import DEFAULT_LIMIT, json_of, list_of, streamed
from mockcvp.journal import Call
from mockcvp.oamp.deployment import Server
from mockcvp.oamp.models import ref_url
from mockcvp.oamp.sync_ups import Run, SyncUp
from mockcvp.pipeline.slices import chosen
from mockcvp.state import MockState

router = control_router("deployment")


@router.get("/servers", responses=responds(200, "The servers.", ServersNow))
async def list_servers_with_state(state: State, request: Request) -> Response:
    """List the servers of the deployment with the state of their sync-ups."""
    base_url = oamp_url(request)
    rows = (json_of(_row(state, server, base_url), is_large=False) for server in list(state.oamp.servers))
    return streamed(list_of("servers", rows))


@router.put(
    "/servers/{server_id:path}",
    openapi_extra=json_body(Server),
    responses=responds(200, "The server.", Server) | UNPROCESSABLE,
)
async def put_server(
    state: State, server_id: str, server: Annotated[Server, Depends(JsonBody(Server))]
) -> JSONResponse:
    """Add a server to the deployment, or replace the server with that id."""
    if server.id != server_id:
        raise Unprocessable(f"id: must be the id of the path, {server_id[:80]!r}")
    state.oamp.servers.change(server)
    return JSONResponse(server.model_dump(mode="json"))


@router.delete("/servers/{server_id:path}", responses=DONE | UNKNOWN)
async def remove_server(state: State, server_id: str) -> JSONResponse:
    """Remove a server from the deployment."""
    if not state.oamp.servers.remove(server_id):
        raise HTTPException(404, f"there is no server {server_id!r}")
    return JSONResponse({})


@router.get("/runs", responses=responds(200, "The sync-ups.", Runs))
async def list_runs(state: State) -> Response:
    """List the newest 1,000 sync-ups of single servers, oldest first, with their times by the clock."""
    page, now = state.journal.page(), state.clock()
    calls = await chosen(lambda call: call.synchronization is not None, page.calls)
    found: list[dict[str, Any]] = []
    later: dict[str, float] = {}
    names = {server.id: server.hostname for server in state.oamp.servers}
    for number, sync_up, run in (started for call in calls for started in _runs(call)):
        if len(found) == DEFAULT_LIMIT:
            break
        # A later sync-up of the server ends one that still runs.
        ends = min(run.ends, later.get(run.server_id, run.ends))
        later[run.server_id] = sync_up.time
        found.append(
            {
                "server": run.server_id,
                "hostname": names.get(run.server_id, run.server_id),
                "number": number,
                "start": _iso(sync_up.time),
                "ends": _iso(ends),
                "outcome": run.outcome,
                "full": run.requested.full,
                "sincetime": run.requested.sincetime,
                "state": run.text(now),
            }
        )
    after = {"now": _iso(now), "frozen": state.clock.frozen, "dropped": page.position.dropped}
    return streamed(list_of("runs", (json_of(one, is_large=False) for one in reversed(found)), after=after))


def _runs(call: Call) -> list[tuple[int, SyncUp, Run]]:
    sync_up = call.synchronization
    return [(call.number, sync_up, run) for run in sync_up.started] if sync_up else []


def _row(state: MockState, server: Server, base_url: str) -> dict[str, Any]:
    status, run = state.oamp.servers.status(server.id), state.oamp.servers.run(server.id)
    is_synchronized = server.type.synchronized
    return {
        **server.model_dump(mode="json"),
        "refURL": ref_url(server.id, base_url),
        "synchronized": is_synchronized,
        "syncStatus": status.text if is_synchronized else None,
        "lastFullSyncTime": _iso(status.last_full),
        "lastIncrementalSyncTime": _iso(status.last_incremental),
        "ends": _iso(run.ends if run else None),
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")
