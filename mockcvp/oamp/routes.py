"""The resources of the OAMP (contract, sections 5 to 7)."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends

from mockcvp.oamp import errors, examples
from mockcvp.oamp.codecs import Listing
from mockcvp.oamp.deployment import Server, ServerType
from mockcvp.oamp.dispatch import Dispatcher
from mockcvp.oamp.documentation import PATH_SERVER, QUERY_TYPE, documented, request_body
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.http import BASE_PATH
from mockcvp.oamp.models import ServerEntry, ServerList, StatusEntry, StatusList, Synchronize, VersionDocument
from mockcvp.oamp.operation import BaseUrl, Body, Oamp, OampRoute, Provided, routes_of
from mockcvp.oamp.service import OAMP
from mockcvp.oamp.sync_ups import SyncStatus, SyncUp
from mockcvp.oamp.synchronization import SyncUpRequest, requested_servers

router = APIRouter(prefix=BASE_PATH, route_class=OampRoute, tags=["OAMP"], redirect_slashes=False)


@router.post(
    "/command/synchronize",
    status_code=202,
    responses=documented(
        None,
        errors.INVALID_SINCETIME,
        errors.MISSING_FIELD,
        errors.INVALID_SERVER,
        errors.DUPLICATE_SERVER,
        status=202,
        body=True,
    ),
    openapi_extra=request_body(Synchronize, examples.SYNCHRONIZE),
)
def start_sync_up(oamp: Oamp, body: Body[SyncUpRequest]) -> SyncUp:
    """Start sync-ups of the servers that the body names, or of every server.

    Without a body, with an empty `synchronize` and without `servers`, the sync-ups of every server start. A sync-up
    that still runs starts over. The mock server adds a server that the deployment lacks, or rejects it with
    `--unknown-servers reject`. Unknown members are ignored.
    """
    requested = body.requested
    if requested is None or any(map(oamp.servers.objections(), [server.ref_url for server in requested])):
        # All errors of a body are reported together.
        requested = requested_servers(body.data, oamp.servers.objections())
    started, time = oamp.servers.start(requested)
    return SyncUp(requested, started, time, body.ignored)


def _type(query: str) -> ServerType | None:
    """Return the type of server that a query such as ``q=type:VXML`` selects; None without ``q``.

    Raises:
        OampError: another key, another type, a wildcard, or more than one of them
    """
    asked = parse_qs(query, keep_blank_values=True).get("q")
    if asked is None:
        return None
    key, _, name = asked[0].partition(":")
    if key == "type" and len(asked) == 1 and name in ServerType.__members__:
        return ServerType(name)
    valid = f"type:{'|'.join(ServerType)}"
    reason = "q selects by type alone, with no wildcard"
    raise OampError(errors.INVALID_QUERY.error(reason, actual=" ".join(asked), valid=valid))


# A path parameter of FastAPI imports pydantic.v1, which delays the start.
ServerId = Annotated[str, Depends(Provided(lambda dispatched: dispatched.parameters["id"]))]
TypeQuery = Annotated[ServerType | None, Depends(Provided(lambda dispatched: _type(dispatched.request.query)))]


@router.get("/server", responses=documented(ServerList, errors.INVALID_QUERY), openapi_extra=QUERY_TYPE)
def list_servers(oamp: Oamp, base_url: BaseUrl, type_: TypeQuery) -> Listing:
    """List the servers of the deployment."""
    return Listing(ServerList, oamp.servers.of_type(type_), lambda server: ServerEntry.of(server, base_url))


@router.get("/server/synchronize", responses=documented(StatusList))
def list_statuses(oamp: Oamp, base_url: BaseUrl) -> Listing:
    """List the states of the sync-ups of all servers.

    Only servers of type `MEDIA`, `VXML` and `VXML_STANDALONE` are synchronised and listed here.
    """
    latest, now = oamp.servers.latest()
    return Listing(
        StatusList,
        latest,
        lambda pair: StatusEntry.of(pair[0], pair[1].status(now) if pair[1] else SyncStatus(), base_url),
    )


@router.get(
    "/server/{id:path}/synchronize", responses=documented(StatusEntry, errors.NOT_FOUND), openapi_extra=PATH_SERVER
)
def get_status(oamp: Oamp, base_url: BaseUrl, server_id: ServerId) -> StatusEntry:
    """Return the state of the sync-ups of one server.

    A server of type `CALL` or `RPT` is not synchronised, and the response is 404.
    """
    server = _server(oamp, server_id)
    if not server.type.synchronized:
        raise OampError(errors.NOT_FOUND.error(f"a server of type {server.type} is not synchronised"))
    return StatusEntry.of(server, oamp.servers.status(server.id), base_url)


@router.get("/server/{id:path}", responses=documented(ServerEntry, errors.NOT_FOUND), openapi_extra=PATH_SERVER)
def get_server(oamp: Oamp, base_url: BaseUrl, server_id: ServerId) -> ServerEntry:
    """Return one server."""
    return ServerEntry.of(_server(oamp, server_id), base_url)


@router.get("/version", responses=documented(VersionDocument))
def get_version(oamp: Oamp) -> VersionDocument:
    """Return the version of the OAMP."""
    return VersionDocument.model_construct(**oamp.version.model_dump())


def _server(oamp: OAMP, server_id: str) -> Server:
    server = oamp.servers.get(server_id)
    if server is None:
        raise OampError(errors.NOT_FOUND.error(f"there is no server {server_id[:100]!r}"))
    return server


dispatcher = Dispatcher(routes_of(router.routes))
"""Serves requests with these operations, without FastAPI."""
