"""The OpenAPI metadata of the control API's routes, and the parts of the document that FastAPI does not generate."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from mockcvp.admin import PATH
from mockcvp.admin.parameters import Change, ClockChange, NewCall, NewTenant
from mockcvp.admin.responses import Empty, Errors, SettingsDocument
from mockcvp.oamp.deployment import Deployment, Server
from mockcvp.stubs.mapping_schema import ScenarioState, SettingsForm, StubMappingForm
from mockcvp.stubs.pattern_schema import RequestPatternForm

Responses = dict[int | str, dict[str, Any]]

_REFERENCE_TO_CONTRACT = re.compile(r" \(contract, sections? [^)]*\)")
_REFERENCE = "#/components/schemas/{model}"
_BODIES = (
    RequestPatternForm,
    StubMappingForm,
    ScenarioState,
    SettingsForm,
    SettingsDocument,
    Deployment,
    Change,
    ClockChange,
    NewCall,
    NewTenant,
    Server,
)
_SECURITY: list[dict[str, list[str]]] = [{}, {"adminAuth": []}]
SECURITY_SCHEMES = {
    "adminAuth": {
        "type": "http",
        "scheme": "basic",
        "description": (
            "The control API requires credentials in three cases, except for `/__admin/health`:\n\n"
            "With `--admin-username` and `--admin-password`, it requires these.\n\n"
            "With `--admin-access guarded`, it requires the user name and password of the OAMP's user.\n\n"
            "With `--admin-access auto`, the default, it requires the same, but only on a host that other machines "
            "reach.\n"
        ),
    }
}
"""The authentication of the control API."""

TAGS = [
    {"name": "mock server", "description": "The health, the version, the documentation and the reset."},
    {
        "name": "journal",
        "description": "The calls of the OAMP's API, in the names and forms of WireMock's admin API.",
    },
    {
        "name": "stub mappings",
        "description": "The responses that replace those of the OAMP, in the names and forms of WireMock's admin API. "
        "An unknown member leads to 422.",
    },
    {
        "name": "deployment",
        "description": "The servers, the clock that determines the states of sync-ups, the sync-ups.",
    },
    {
        "name": "tenants",
        "description": "Test runs that share a mock server each have a user. The calls of each user have a separate "
        "deployment, clock, stub mappings and journal. Every path of the control API but those of the tenants exists "
        "for each tenant: `/__admin/requests` is `/__admin/cvp/tenants/{name}/requests`, and for WireMock's clients "
        "also `/__admin/cvp/tenants/{name}/__admin/requests`.",
    },
]
"""The tags of the control API's routes."""


def json_body(*models: type[BaseModel], required: bool = True, examples: Mapping[str, Any] | None = None) -> Any:
    """Return the ``openapi_extra`` of a route that reads a JSON body.

    Args:
        models: the model of the body, or the alternatives
        required: whether the body must be there
        examples: OpenAPI's examples by their names
    """
    references = [{"$ref": _REFERENCE.format(model=model.__name__)} for model in models]
    content: dict[str, Any] = {"schema": references[0] if len(references) == 1 else {"oneOf": references}}
    if examples:
        content["examples"] = dict(examples)
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


def responds(status: int, description: str, model: type[BaseModel]) -> Responses:
    """Return the ``responses`` of a route: one response with a JSON body."""
    return {status: {"description": description, "model": model}}


def _error(status: int, description: str, headers: Mapping[str, str] | None = None) -> Responses:
    described = {name: {"description": text, "schema": {"type": "string"}} for name, text in (headers or {}).items()}
    return {status: {"description": description, "model": Errors} | ({"headers": described} if headers else {})}


_UNAUTHORIZED = _error(
    401,
    "The control API requires credentials, and those of the request are absent or wrong.",
    {"WWW-Authenticate": "The challenge of HTTP basic authentication."},
)
FORBIDDEN = _error(403, "The `Origin` of the request is another site.")
NOT_A_UUID = _error(400, "The id is not a UUID.")
UNKNOWN = _error(404, "Nothing has that name or id.")
UNPROCESSABLE = _error(
    422,
    "The request is not valid, and has changed nothing. Each title names an error. A search also gets it if "
    "a regular expression takes more than 1 s of processor time.",
)
_BODY_ERRORS = {
    "413": "The body is larger than 64 MiB.",
    "503": "The unfinished bodies of all requests take too much memory.",
}
DONE = responds(200, "Done.", Empty)


def operation_id(route: APIRoute) -> str:
    """Return the id of a route's operation in the OpenAPI document."""
    return to_camel(route.name)


def control_router(tag: str) -> APIRouter:
    """Return a router for routes of the control API.

    Args:
        tag: the tag of the routes in the OpenAPI document
    """
    responses = _UNAUTHORIZED | FORBIDDEN
    return APIRouter(tags=[tag], responses=responses, generate_unique_id_function=operation_id)


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a generated OpenAPI document, completed for the control API's paths.

    FastAPI reads no body of the control API, so the document that it generates lacks the schemas of these bodies.

    Args:
        document: as FastAPI generates it; it is changed
    """
    for path, item in document["paths"].items():
        if path.startswith(PATH):
            for operation in item.values():
                _complete(operation)
    components = document.setdefault("components", {})
    _, bodies = models_json_schema([(model, "validation") for model in _BODIES], ref_template=_REFERENCE)
    components["schemas"] = components.get("schemas", {}) | bodies["$defs"]
    _clean(components["schemas"])
    if not any("HTTPValidationError" in str(item) for item in document["paths"].values()):
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
    components["securitySchemes"] = components.get("securitySchemes", {}) | SECURITY_SCHEMES
    headers = {"Allow": {"description": "The methods that the path has.", "schema": {"type": "string"}}}
    not_allowed = _error_response("A path of the control API lacks the method of the request.", headers=headers)
    components["responses"] = components.get("responses", {}) | {"ControlMethodNotAllowed": not_allowed}
    return document


def _clean(schemas: Any) -> None:
    """Remove the markup of docstrings from the descriptions of schemas."""
    if isinstance(schemas, list):
        for schema in schemas:
            _clean(schema)
    elif isinstance(schemas, dict):
        if isinstance(text := schemas.get("description"), str):
            schemas["description"] = _REFERENCE_TO_CONTRACT.sub("", text.replace("``", "`"))
        for schema in schemas.values():
            _clean(schema)


def _complete(operation: dict[str, Any]) -> None:
    # the docstring of a route is its summary and, after an empty line, its description
    summary, _, description = operation.pop("description", "").partition("\n\n")
    if summary:
        operation["summary"] = summary.replace("\n", " ").replace("``", "`").removesuffix(".")
    if description:
        operation["description"] = description.replace("``", "`")
    operation.setdefault("security", _SECURITY)
    # FastAPI adds its own 422 to each route that has a parameter
    if "HTTPValidationError" in str(operation["responses"].get("422")):
        del operation["responses"]["422"]
    for response in operation["responses"].values():
        # FastAPI documents errors in the media type of the page
        content = response.get("content", {})
        if _REFERENCE.format(model=Errors.__name__) in str(content.get("text/html")):
            response["content"] = {"application/json": content["text/html"]}
    if "requestBody" in operation:
        operation["responses"] |= {status: _error_response(text) for status, text in _BODY_ERRORS.items()}


def _error_response(description: str, **members: Any) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=Errors.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}, **members}
