"""Stub mappings under ``/__admin``."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.bodies import Unprocessable, content_of
from mockcvp.admin.dependencies import State, identity
from mockcvp.admin.openapi import DONE, NOT_A_UUID, UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.parameters import WhichMappings
from mockcvp.admin.responses import Mappings, StoredMapping
from mockcvp.admin.streaming import LARGE, json_of, list_of, streamed
from mockcvp.messages import error_lines
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.mapping_schema import StubMappingForm, parse_stub_mapping

_MAPPING = json_body(
    StubMappingForm,
    examples={
        "error": {
            "summary": "An error response to the next two calls, in the format that each accepts",
            "value": {
                "request": {"urlPathPattern": "/cvp-config/.*"},
                "response": {
                    "status": 503,
                    "transformers": ["mockcvp"],
                    "transformerParameters": {"errorType": "processing.throttled", "times": 2},
                },
            },
        }
    },
)
_STORED = responds(200, "The stub mapping.", StoredMapping)

router = control_router("stub mappings")


@router.get("/mappings", responses=responds(200, "The stub mappings.", Mappings) | UNPROCESSABLE)
async def list_mappings(state: State, which: Annotated[WhichMappings, Query()]) -> Response:
    """List the stub mappings in the order in which requests are matched against them."""
    found = state.stubs.mappings
    end = None if which.limit is None else which.offset + which.limit
    shown = found[which.offset : end]
    return streamed(list_of("mappings", map(json_of_mapping, shown), after={"meta": {"total": len(found)}}))


@router.post(
    "/mappings",
    status_code=201,
    openapi_extra=_MAPPING,
    responses=responds(201, "The new stub mapping.", StoredMapping) | UNPROCESSABLE,
)
async def add_mapping(state: State, request: Request) -> Response:
    """Add a stub mapping."""
    mapping = _read(await content_of(request))
    try:
        state.stubs.add(mapping)
    except ValueError as exc:
        raise Unprocessable(str(exc)) from None
    return streamed(json_of_mapping(mapping), 201)


@router.delete("/mappings", responses=DONE)
async def clear_mappings(state: State) -> JSONResponse:
    """Remove every stub mapping.

    A reset restores those of the start.
    """
    state.stubs.clear()
    return JSONResponse({})


@router.post("/mappings/reset", responses=DONE)
async def reset_mappings(state: State) -> JSONResponse:
    """Restore the stub mappings of the start."""
    state.stubs.reset_mappings()
    return JSONResponse({})


@router.post("/mappings/remove", openapi_extra=_MAPPING, responses=DONE | UNPROCESSABLE)
async def remove_like(state: State, request: Request) -> JSONResponse:
    """Remove the stub mapping that equals the body, if there is one.

    The id decides, or the request where the body has no id.
    """
    content = await content_of(request)
    mapping = _read(content)
    if not state.stubs.remove(mapping.id) and not (content.get("id") or content.get("uuid")):
        alike = [one for one in state.stubs.mappings if one.document["request"] == mapping.document["request"]]
        if alike:
            state.stubs.remove(alike[0].id)
    return JSONResponse({})


@router.get("/mappings/{mapping_id}", responses=_STORED | NOT_A_UUID | UNKNOWN)
async def get_mapping(state: State, mapping_id: str) -> Response:
    """Return one stub mapping."""
    mapping = state.stubs.get(str(identity(mapping_id)))
    if mapping is None:
        raise _unknown(mapping_id)
    return streamed(json_of_mapping(mapping))


@router.put("/mappings/{mapping_id}", openapi_extra=_MAPPING, responses=_STORED | NOT_A_UUID | UNKNOWN | UNPROCESSABLE)
async def replace_mapping(state: State, request: Request, mapping_id: str) -> Response:
    """Replace one stub mapping. The id stays the same."""
    mapping = _read(await content_of(request), str(identity(mapping_id)))
    if not state.stubs.replace(mapping):
        raise _unknown(mapping_id)
    return streamed(json_of_mapping(mapping))


@router.delete("/mappings/{mapping_id}", responses=DONE | NOT_A_UUID | UNKNOWN)
async def remove_mapping(state: State, mapping_id: str) -> JSONResponse:
    """Remove one stub mapping."""
    if not state.stubs.remove(str(identity(mapping_id))):
        raise _unknown(mapping_id)
    return JSONResponse({})


def json_of_mapping(mapping: StubMapping) -> Iterable[str]:
    """Return the JSON of a stub mapping in chunks."""
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
