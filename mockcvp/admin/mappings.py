"""Stub mappings under ``/__admin``."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.requests import identity
from mockcvp.admin.schemas import Unprocessable, WhichMappings, content_of
from mockcvp.admin.streaming import LARGE, json_of, list_of, streamed
from mockcvp.messages import error_lines
from mockcvp.state import MockState
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.mapping_schema import parse_stub_mapping


def router(state: MockState) -> APIRouter:
    """Return the routes that say what one mock server answers instead of the product."""
    routes = APIRouter()
    stubs = state.stubs

    @routes.get("/mappings")
    async def mappings(which: Annotated[WhichMappings, Query()]) -> Response:
        """Return the stub mappings, in the order in which they are tried."""
        found = stubs.mappings
        end = None if which.limit is None else which.offset + which.limit
        shown = found[which.offset : end]
        return streamed(list_of("mappings", map(json_of_mapping, shown), after={"meta": {"total": len(found)}}))

    @routes.post("/mappings")
    async def add(request: Request) -> Response:
        """Add a stub mapping."""
        mapping = _read(await content_of(request))
        try:
            stubs.add(mapping)
        except ValueError as exc:
            raise Unprocessable(str(exc)) from None
        return streamed(json_of_mapping(mapping), 201)

    @routes.delete("/mappings")
    async def clear() -> JSONResponse:
        """Remove every stub mapping, those of files among them, until a reset."""
        stubs.clear()
        return JSONResponse({})

    @routes.post("/mappings/reset")
    async def reset() -> JSONResponse:
        """Bring back the stub mappings that were there at the start."""
        stubs.reset_mappings()
        return JSONResponse({})

    @routes.post("/mappings/remove")
    async def remove_like(request: Request) -> JSONResponse:
        """Remove the stub mapping that a mapping is: by its id, or else by its request."""
        content = await content_of(request)
        mapping = _read(content)
        if not stubs.remove(mapping.id) and not (content.get("id") or content.get("uuid")):
            alike = [one for one in stubs.mappings if one.document["request"] == mapping.document["request"]]
            if alike:
                stubs.remove(alike[0].id)
        return JSONResponse({})

    routes.include_router(_of_one(state))
    return routes


def _of_one(state: MockState) -> APIRouter:
    routes = APIRouter()
    stubs = state.stubs

    @routes.get("/mappings/{mapping_id}")
    async def one(mapping_id: str) -> Response:
        """Return one stub mapping."""
        mapping = stubs.get(str(identity(mapping_id)))
        if mapping is None:
            raise _unknown(mapping_id)
        return streamed(json_of_mapping(mapping))

    @routes.put("/mappings/{mapping_id}")
    async def replace(request: Request, mapping_id: str) -> Response:
        """Put another stub mapping in the place of one; its id stays."""
        mapping = _read(await content_of(request), str(identity(mapping_id)))
        if not stubs.replace(mapping):
            raise _unknown(mapping_id)
        return streamed(json_of_mapping(mapping))

    @routes.delete("/mappings/{mapping_id}")
    async def remove(mapping_id: str) -> JSONResponse:
        """Remove one stub mapping."""
        if not stubs.remove(str(identity(mapping_id))):
            raise _unknown(mapping_id)
        return JSONResponse({})

    return routes


def json_of_mapping(mapping: StubMapping) -> Iterable[str]:
    """Return the JSON of a stub mapping in pieces."""
    return json_of(mapping.document, is_large=mapping.size + len(mapping.response.body) > LARGE)


def _read(content: Any, mapping_id: str | None = None) -> StubMapping:
    try:
        return parse_stub_mapping(content, mapping_id)
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc, content)) from None
    except ValueError as exc:
        raise Unprocessable(str(exc)) from None


def _unknown(mapping_id: str) -> HTTPException:
    return HTTPException(404, f"there is no stub mapping {mapping_id}")
