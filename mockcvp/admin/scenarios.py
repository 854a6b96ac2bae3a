"""Scenarios and global settings under ``/__admin``."""

from collections.abc import Iterator

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.bodies import Unprocessable, body, content_of
from mockcvp.admin.dependencies import State
from mockcvp.admin.mappings import json_of_mapping
from mockcvp.admin.openapi import DONE, UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.responses import Scenarios, SettingsDocument
from mockcvp.admin.streaming import list_of, streamed
from mockcvp.messages import error_lines
from mockcvp.stubs.mapping import STARTED, Scenario
from mockcvp.stubs.mapping_schema import ScenarioState, SettingsForm

_SETTINGS = json_body(SettingsForm, SettingsDocument)

router = control_router("stub mappings")


@router.get("/scenarios", responses=responds(200, "The scenarios.", Scenarios))
async def list_scenarios(state: State) -> Response:
    """List the scenarios, their states and their stub mappings."""
    return streamed(list_of("scenarios", map(_json_of, state.stubs.scenarios)))


@router.post("/scenarios/reset", responses=DONE)
async def reset_scenarios(state: State) -> JSONResponse:
    """Set every scenario to the state ``Started``."""
    state.stubs.reset_scenarios()
    return JSONResponse({})


@router.put(
    "/scenarios/{name}/state",
    openapi_extra=json_body(ScenarioState, required=False),
    responses=DONE | UNKNOWN | UNPROCESSABLE,
)
async def set_state(state: State, request: Request, name: str) -> JSONResponse:
    """Set the state of a scenario; without a body, the state ``Started``."""
    scenario_state = (await body(request, ScenarioState)).state if await request.body() else STARTED
    try:
        state.stubs.set_state(name, scenario_state)
    except KeyError:
        raise HTTPException(404, f"there is no scenario {name!r}") from None
    except ValueError as exc:
        raise Unprocessable(str(exc)) from None
    return JSONResponse({})


@router.get("/settings", responses=responds(200, "The settings.", SettingsDocument))
async def get_settings(state: State) -> JSONResponse:
    """Return the global settings."""
    return JSONResponse({"settings": state.stubs.settings})


@router.put("/settings", operation_id="putSettings", openapi_extra=_SETTINGS, responses=DONE | UNPROCESSABLE)
@router.post("/settings", openapi_extra=_SETTINGS, responses=DONE | UNPROCESSABLE)
async def set_settings(state: State, request: Request) -> JSONResponse:
    """Replace the global settings."""
    content = await content_of(request)
    # a client may send the response of GET
    if isinstance(content, dict) and content.keys() == {"settings"}:
        content = content["settings"]
    try:
        form = SettingsForm.model_validate(content)
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc, content)) from None
    state.stubs.set_delays(form.delays, {name: value for name, value in content.items() if value is not None})
    return JSONResponse({})


def _json_of(scenario: Scenario) -> Iterator[str]:
    others = {
        "id": scenario.name,
        "name": scenario.name,
        "state": scenario.state,
        "possibleStates": list(scenario.possible_states),
    }
    return list_of("mappings", map(json_of_mapping, scenario.mappings), others)
