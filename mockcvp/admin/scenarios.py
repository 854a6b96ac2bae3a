"""Scenarios and global settings under ``/__admin``."""

from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mockcvp.admin.mappings import json_of_mapping
from mockcvp.admin.schemas import Unprocessable, body, content_of
from mockcvp.admin.streaming import list_of, streamed
from mockcvp.messages import error_lines
from mockcvp.state import MockState
from mockcvp.stubs.mapping import STARTED, Scenario
from mockcvp.stubs.mapping_schema import ScenarioState, SettingsForm


def router(state: MockState) -> APIRouter:
    """Return the routes of one mock server's scenarios and settings."""
    routes = APIRouter()
    stubs = state.stubs

    @routes.get("/scenarios")
    async def scenarios() -> Response:
        """Return the scenarios, their states and their mappings."""
        return streamed(list_of("scenarios", map(_json_of, stubs.scenarios)))

    @routes.post("/scenarios/reset")
    async def reset_scenarios() -> JSONResponse:
        """Bring every scenario back to its beginning."""
        stubs.reset_scenarios()
        return JSONResponse({})

    @routes.put("/scenarios/{name}/state")
    async def set_state(request: Request, name: str) -> JSONResponse:
        """Bring a scenario into a state; without a body, back to its beginning."""
        scenario_state = (await body(request, ScenarioState)).state if await request.body() else STARTED
        try:
            stubs.set_state(name, scenario_state)
        except KeyError:
            raise HTTPException(404, f"there is no scenario {name!r}") from None
        except ValueError as exc:
            raise Unprocessable(str(exc)) from None
        return JSONResponse({})

    @routes.get("/settings")
    async def settings() -> JSONResponse:
        """Return the global settings."""
        return JSONResponse({"settings": stubs.settings})

    @routes.api_route("/settings", methods=["POST", "PUT"])
    async def set_settings(request: Request) -> JSONResponse:
        """Replace the global settings."""
        content = await content_of(request)
        # as it is returned, it can be given back
        if isinstance(content, dict) and content.keys() == {"settings"}:
            content = content["settings"]
        try:
            form = SettingsForm.model_validate(content)
        except ValidationError as exc:
            raise Unprocessable(*error_lines(exc, content)) from None
        stubs.set_delays(form.delays, {name: value for name, value in content.items() if value is not None})
        return JSONResponse({})

    return routes


def _json_of(scenario: Scenario) -> Iterator[str]:
    others = {
        "id": scenario.name,
        "name": scenario.name,
        "state": scenario.state,
        "possibleStates": list(scenario.possible_states),
    }
    return list_of("mappings", map(json_of_mapping, scenario.mappings), others)
