"""The router of the control API: the mock server's state, and the routes of the other modules."""

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from mockcvp.admin import (
    PATH,
    TENANTS_PATH,
    calls,
    console,
    cvp,
    docs,
    events,
    mappings,
    requests,
    scenarios,
    servers,
    stub_list,
    tenants,
)
from mockcvp.admin.bodies import Unprocessable
from mockcvp.admin.dependencies import State, current_state
from mockcvp.admin.openapi import DONE, FORBIDDEN, control_router, operation_id, responds
from mockcvp.admin.responses import Health, MockVersion
from mockcvp.oamp.operation import METHODS
from mockcvp.settings import __version__

# the paths of WireMock's admin API that the control API lacks, and their names
_UNSUPPORTED = {
    "/files": "files of bodies",
    "/files/{name:path}": "files of bodies",
    "/recordings/{what:path}": "recording",
    "/recorder": "recording",
    "/mappings/save": "saving stub mappings to files",
    "/mappings/import": "importing several stub mappings at once (POST each to /mappings, or use --mappings)",
    "/mappings/edit": "editing by POST (PUT to /mappings/{id})",
    "/mappings/unmatched": "finding stub mappings that have matched nothing",
    "/mappings/find-by-metadata": "finding by metadata",
    "/mappings/remove-by-metadata": "removing by metadata",
    "/requests/remove-by-metadata": "removing by metadata",
    "/near-misses/request": "near misses of a request (POST a pattern to /near-misses/request-pattern)",
    "/settings/extended": "extended settings",
    "/shutdown": "stopping by a request (SIGTERM does it)",
    "/certs/{name:path}": "a certificate authority (the certificate is the file that the start line names)",
    "/docs/swagger": "that document (it is /openapi.json)",
}

_HEALTHY = responds(200, "The mock server is healthy.", Health) | FORBIDDEN

router = APIRouter(generate_unique_id_function=operation_id)
_own = control_router("mock server")


@router.head(
    "/health", operation_id="headHealth", tags=["mock server"], responses=_HEALTHY, openapi_extra={"security": []}
)
@router.get("/health", tags=["mock server"], responses=_HEALTHY, openapi_extra={"security": []})
async def health() -> JSONResponse:
    """Return the health of the mock server.

    The response needs no credentials, even where the rest of the control API does.
    """
    return JSONResponse({"status": "healthy", "message": "mockcvp is ok", "version": __version__})


@_own.get("/version", responses=responds(200, "The version.", MockVersion))
async def version() -> JSONResponse:
    """Return the version of the mock server."""
    return JSONResponse({"version": __version__})


@_own.post("/reset", responses=DONE)
async def reset(state: State) -> JSONResponse:
    """Restore the deployment, the clock, the stub mappings and the settings of the start, and empty the journal.

    The mock server aborts the connection of each call that is in flight. The tenants stay as they are.
    """
    state.reset()
    return JSONResponse({})


async def unsupported(request: Request) -> JSONResponse:
    """Return the error response of a path of WireMock's admin API that the control API lacks."""
    raise Unprocessable(f"{request.url.path}: WireMock has {request.scope['route'].name}, and mockcvp has not")


router.include_router(_own)
router.include_router(docs.router)
router.include_router(console.router)
# these paths come first, since paths such as /requests/{call_id} match them too
for _path, _name in _UNSUPPORTED.items():
    router.add_api_route(_path, unsupported, name=_name, methods=list(METHODS), include_in_schema=False)
router.include_router(requests.router)
router.include_router(mappings.router)
router.include_router(scenarios.router)
for _module in (cvp, servers, calls, events, stub_list):
    router.include_router(_module.router, prefix="/cvp")


def include_control(app: FastAPI) -> None:
    """Add the control API of a mock server, and of each of its tenants, to an app whose ``state.mock`` is its state."""
    app.include_router(router, prefix=PATH)
    app.include_router(tenants.router, prefix=f"{PATH}/cvp")
    # WireMock's clients put /__admin before every path
    for prefix in ("", PATH):
        app.include_router(
            router,
            prefix=f"{TENANTS_PATH}/{{tenant}}{prefix}",
            dependencies=[Depends(current_state)],
            include_in_schema=False,
        )
