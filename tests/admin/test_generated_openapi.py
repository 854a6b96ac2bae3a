"""The OpenAPI document that FastAPI generates for the control API."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from mockcvp import MockCVP
from mockcvp.app import control_of
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.admin.test_openapi import DEPLOYMENT, JOURNAL, MAPPINGS, METHODS, SERVER, TENANTS, Step, calls
from tests.admin_client import SERVERS
from tests.server_process import PASSWORD, PATIENCE, USER

WRITTEN = Path(__file__).parents[2] / "mockcvp" / "admin" / "openapi.yaml"
Operations = dict[tuple[str, str], dict[str, Any]]


@cache
def generated() -> dict[str, Any]:
    return control_of(MockState(Settings())).openapi()


def operations(document: dict[str, Any]) -> Operations:
    return {
        (method, path): item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item and path.startswith("/__admin")
    }


@cache
def written() -> Operations:
    document: dict[str, Any] = yaml.safe_load(WRITTEN.read_text("utf-8"))
    return {key: operation for key, operation in operations(document).items() if key[0] != "head"}


def test_the_generated_document_is_valid() -> None:
    validate(generated())


@pytest.mark.parametrize("key", written(), ids=" ".join)
def test_an_operation_has_the_documented_statuses(key: tuple[str, str]) -> None:
    assert operations(generated())[key]["responses"].keys() == written()[key]["responses"].keys()


@pytest.mark.parametrize("key", written(), ids=" ".join)
def test_an_operation_has_the_documented_parameters(key: tuple[str, str]) -> None:
    shared = yaml.safe_load(WRITTEN.read_text("utf-8"))["paths"][key[1]].get("parameters", [])
    wanted = {
        one.get("name") or one["$ref"].rpartition("/")[2] for one in (*shared, *written()[key].get("parameters", ()))
    }
    assert {one["name"] for one in operations(generated())[key].get("parameters", ())} == wanted


@pytest.mark.parametrize("key", written(), ids=" ".join)
def test_an_operation_has_the_documented_tag_and_body(key: tuple[str, str]) -> None:
    operation, before = operations(generated())[key], written()[key]
    assert operation["tags"] == before["tags"]
    assert operation["summary"]
    assert operation["security"] == before.get("security", [{}, {"adminAuth": []}])
    assert operation.get("requestBody", {}).get("required") == before.get("requestBody", {}).get("required")
    for response in operation["responses"].values():
        (media,) = response["content"].values()
        assert response["description"]
        assert media["schema"]


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for operation in operations(generated()).values()]
    assert len(ids) == len(set(ids))


def path_of(path: str) -> str:
    """Return the documented path of a control request's path."""
    path = f"/__admin/{path.partition('?')[0]}"
    found = sorted({documented for _, documented in operations(generated())}, key=lambda one: one.count("{"))
    return next(one for one in found if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path))


@pytest.mark.parametrize("step", [step for step in (*JOURNAL, *MAPPINGS, *DEPLOYMENT, *TENANTS) if step[2] is not None])
def test_a_body_schema_accepts_exactly_the_valid_bodies(step: Step) -> None:
    method, path, body, status = step
    content = operations(generated())[method.lower(), path_of(path)]["requestBody"]["content"]["application/json"]
    errors = errors_of(content["schema"], body)
    assert bool(errors) == (status == 422), errors


def errors_of(schema: dict[str, Any], value: Any) -> list[str]:
    whole = {"components": generated()["components"], **schema}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def test_each_response_matches_its_schema() -> None:
    first: list[Step] = [("PUT", "cvp/deployment", {"servers": SERVERS}, 200)]
    more: list[Step] = [("GET", "requests", None, 200), *JOURNAL, *MAPPINGS[:3], *DEPLOYMENT[:3]]
    last: list[Step] = [("DELETE", "mappings", None, 200), *MAPPINGS, *DEPLOYMENT, *SERVER, *TENANTS]
    with MockCVP() as cvp, cvp.client(timeout=PATIENCE) as client:
        for steps in (first, more, last):
            for method, path, body, status in steps:
                response = client.request(method, f"{cvp.admin_url}/{path}", **({} if body is None else {"json": body}))
                assert response.status_code == status
                if method == "HEAD" or path == "docs":
                    continue
                responses = operations(generated())[method.lower(), path_of(path)]["responses"]
                schema = responses[str(status)]["content"]["application/json"]["schema"]
                assert errors_of(schema, response.json()) == [], f"{method} {path}"
            calls(client, (USER, PASSWORD))
