"""The stub mappings for people, with their hits, under ``/__admin/cvp/stubs``."""

from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from mockcvp.admin.call_responses import StubsNow
from mockcvp.admin.dependencies import State
from mockcvp.admin.mappings import json_of_mapping
from mockcvp.admin.openapi import control_router, responds
from mockcvp.admin.streaming import json_of, list_of, streamed
from mockcvp.state import MockState
from mockcvp.stubs.mapping import StubMapping

router = control_router("stub mappings")


@router.get("/stubs", responses=responds(200, "The stub mappings.", StubsNow))
async def list_stubs(state: State) -> Response:
    """List the stub mappings with the number of their responses, and the global settings."""
    states = {scenario.name: scenario.state for scenario in state.stubs.scenarios}
    rows = (_row(state, mapping, states) for mapping in state.stubs.mappings)
    return streamed(list_of("stubs", rows, after={"settings": state.stubs.settings}))


def _row(state: MockState, mapping: StubMapping, states: dict[str, str]) -> Iterator[str]:
    short: dict[str, Any] = {
        "id": mapping.id,
        "name": mapping.name,
        "description": mapping.pattern.description,
        "response": _response(mapping),
        "hits": state.stubs.hits(mapping),
        "left": state.stubs.left(mapping),
        "scenario": mapping.scenario,
        "state": states.get(mapping.scenario) if mapping.scenario else None,
    }
    start = "".join(json_of(short, is_large=False))
    yield f'{start[:-1]},"mapping":'
    yield from json_of_mapping(mapping)
    yield "}"


def _response(mapping: StubMapping) -> str:
    response = mapping.response
    if response.fault is not None:
        return str(response.fault)
    return f"{response.status} {response.error.type.name}" if response.error else str(response.status)
