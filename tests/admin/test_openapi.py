"""The OpenAPI document of both APIs."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from fastapi import APIRouter, FastAPI
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from mockcvp import __version__, create_app
from mockcvp.oamp import errors, examples
from mockcvp.oamp.codecs import XML as XML_CODEC
from mockcvp.oamp.deployment import ServerType
from mockcvp.oamp.operation import OampRoute
from mockcvp.oamp.releases import RELEASES
from mockcvp.stubs.response import Fault
from tests.admin.openapi_document import METHODS, converted, document, operations, resolved, schema_errors
from tests.server_process import JSON, XML

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "docs" / "contract.md").read_text("utf-8")
OAMP = [pytest.param(operation, id=f"{method} {path}") for method, path, operation in operations("/cvp-config")]
CONTROL = [pytest.param(operation, id=f"{method} {path}") for method, path, operation in operations("/__admin")]


def test_the_document_is_valid() -> None:
    validate(document())
    assert document()["openapi"].startswith("3.1.")
    assert document()["info"]["version"] == __version__
    assert document()["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def test_the_served_document_is_that_of_the_app() -> None:
    assert document() == create_app().openapi()


def test_every_reference_has_a_target() -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document())))
    assert references
    for reference in references:
        assert resolved({"$ref": reference})


def test_operation_ids_are_unique() -> None:
    ids = Counter(operation["operationId"] for _, _, operation in operations())
    assert ids.most_common(1)[0][1] == 1


def test_every_tag_is_described() -> None:
    used = {tag for _, _, operation in operations() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document()["tags"] if tag["description"]}


@pytest.mark.parametrize("operation", [*OAMP, *CONTROL])
def test_an_operation_is_described(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["summary"] not in operation.get("description", "")
    assert "``" not in json.dumps(operation)
    for response in operation["responses"].values():
        assert response["description"]
    for parameter in operation.get("parameters", ()):
        assert parameter["schema"]


def test_descriptions_have_no_markup_of_the_code() -> None:
    texts = re.findall(r'"description": "((?:[^"\\]|\\.)*)"', json.dumps(document()["components"]["schemas"]))
    assert [text for text in texts if "``" in text or "(contract" in text] == []


@pytest.mark.parametrize("operation", OAMP)
def test_an_oamp_operation_requires_credentials(operation: dict[str, Any]) -> None:
    assert operation["security"] == [{"oampAuth": []}]


@pytest.mark.parametrize("operation", CONTROL)
def test_a_control_operation_responds_in_the_documented_form(operation: dict[str, Any]) -> None:
    forms = {"docs": "text/html", "events": "text/event-stream"}
    for status, response in operation["responses"].items():
        media_type = forms.get(operation["operationId"], JSON) if status == "200" else JSON
        assert list(response["content"]) == [media_type]
        assert response["content"][media_type]["schema"]


def test_the_authentication_of_both_apis_is_described() -> None:
    schemes = document()["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "oampAuth": ("http", "basic"),
        "adminAuth": ("http", "basic"),
    }
    for option in ("--admin-username", "--admin-access guarded", "--admin-access auto"):
        assert f"`{option}`" in schemes["adminAuth"]["description"]
    assert "`--username`" in schemes["oampAuth"]["description"]


def test_the_document_has_exactly_the_paths_of_the_contract() -> None:
    named = set(re.findall(r"`(GET|POST) (/cvp-config/[^`?]+)`", CONTRACT)) | {("GET", "/cvp-config/server")}
    documented = {(method.upper(), path) for method, path, _ in operations("/cvp-config") if method != "head"}
    assert documented == named
    # every path with GET has HEAD
    assert {path for method, path, _ in operations("/cvp-config") if method == "head"} == {
        path for method, path in named if method == "GET"
    }


def test_methods_and_statuses_are_those_of_the_contract() -> None:
    table = {
        f"/cvp-config{path}": (methods, statuses.split(", "))
        for paths, methods, statuses in re.findall(r"^\| (`/.*?) \| (.*?) \| ([\d, ]+) \|", CONTRACT, re.MULTILINE)
        for path in re.findall("`(.*?)`", paths)
    }
    for method, path, operation in operations("/cvp-config"):
        methods, statuses = table[path]
        assert method.upper().replace("HEAD", "GET") in methods, path
        assert [status for status in operation["responses"] if status < "300"] == statuses, path


@pytest.mark.parametrize("row", errors.TABLE, ids=lambda row: row.name)
def test_an_error_is_documented_as_in_the_contract(row: errors.ErrorType) -> None:
    found = re.search(rf"^\| {row.status} \| `{re.escape(row.name)}`[^|]*\| (.*?) \|", CONTRACT, re.MULTILINE)
    # the contract names this error in section 7 alone, and leaves some messages to the mock server
    assert found or row is errors.INVALID_QUERY
    assert found is None or found[1] in (row.message, "(ours)")
    described = [
        operation["responses"][str(row.status)]
        for _, _, operation in operations("/cvp-config")
        if str(row.status) in operation["responses"]
    ]
    named = [response for response in described if f"- `{row.name}`: {row.message}" in response["description"]]
    assert named
    for response in named:
        for content in response.get("content", {}).values():
            assert row.name in content["examples"]
    if row.detail:
        assert row.detail in document()["components"]["schemas"]["ErrorDetail"]["properties"]["-xsi:type"]["enum"]


def test_every_server_type_and_fault_is_documented() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["ServerEntry"]["properties"]["type"]["enum"] == schemas["ServerType"]["enum"] == [*ServerType]
    assert schemas["Fault"]["enum"] == [*Fault]


def test_the_response_headers_are_those_of_release_10() -> None:
    release = RELEASES["10.0"]
    for method, path, operation in operations("/cvp-config"):
        headers = (*release.headers, *(() if method == "post" else release.no_cache_headers))
        for response in operation["responses"].values():
            documented = {
                name.lower().encode(): resolved(header)["schema"]["const"].encode()
                for name, header in response["headers"].items()
                if "const" in resolved(header)["schema"]
            }
            assert documented == dict(headers), f"{method} {path}"


def test_a_head_operation_is_its_get_without_content() -> None:
    for path, item in document()["paths"].items():
        if path.startswith("/cvp-config") and "get" in item:
            for status, response in item["get"]["responses"].items():
                assert response.pop("content")
                assert item["head"]["responses"][status] == response
            assert item["head"]["parameters" if "parameters" in item["get"] else "tags"]
    document.cache_clear()


def test_the_id_in_a_path_is_described() -> None:
    parameters = [
        parameter for _, _, operation in operations("/cvp-config") for parameter in operation.get("parameters", ())
    ]
    ids = [parameter for parameter in parameters if parameter["in"] == "path"]
    assert {parameter["name"] for parameter in ids} == {"id"}
    assert all("`refURL`" in parameter["description"] for parameter in ids)


@pytest.mark.parametrize("operation", [*OAMP, *CONTROL])
def test_the_examples_match_their_schemas(operation: dict[str, Any]) -> None:
    for described in (operation.get("requestBody", {}), *operation["responses"].values()):
        for media_type, content in described.get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                value = example["value"]
                if media_type in (XML, "text/xml"):
                    value = converted(fromstring(value), content["schema"])
                assert schema_errors(content["schema"], value) == [], name


def test_the_examples_of_requests_are_sample_files() -> None:
    for name, formats in examples.SYNCHRONIZE.items():
        for codec, example in formats.items():
            extension = "xml" if codec is XML_CODEC else "json"
            sample = (ROOT / "fixtures" / "sync-up" / f"{name}.{extension}").read_text("utf-8")
            assert example == (sample if extension == "xml" else json.loads(sample)), name


@pytest.mark.parametrize("value", [None, "", " ", {}, [], [{}], {"servers": None}, {"other": 1}])
def test_the_root_of_a_request_may_be_empty(value: Any) -> None:
    content = document()["paths"]["/cvp-config/command/synchronize"]["post"]["requestBody"]["content"][JSON]
    assert schema_errors(content["schema"], {"synchronize": value}) == []


@pytest.mark.parametrize(("sincetime", "is_valid"), [("7", True), (7, True), (None, True), ("x", False), (-1, False)])
def test_a_sincetime_beside_the_servers_is_a_number(sincetime: Any, is_valid: bool) -> None:
    content = document()["paths"]["/cvp-config/command/synchronize"]["post"]["requestBody"]["content"][JSON]
    body = {"synchronize": {"servers": {"server": "media-1", "sincetime": sincetime}}}
    assert (schema_errors(content["schema"], body) == []) == is_valid


def test_the_url_of_a_mounted_app_is_documented() -> None:
    site = FastAPI()
    site.mount("/oamp", create_app())
    with TestClient(site) as client:
        assert client.get("/oamp/__admin/openapi.json").json()["servers"] == [{"url": "/oamp"}]
        client.post("/oamp/__admin/cvp/tenants", json={"username": "run-7"})
        served = client.get("/oamp/__admin/cvp/tenants/run-7/openapi.json").json()
    assert served["servers"] == [{"url": "/oamp"}]
    assert served["paths"]["/__admin/requests"]["servers"] == [{"url": "/oamp/__admin/cvp/tenants/run-7"}]


def test_the_document_of_a_tenant_has_the_tenants_urls() -> None:
    with TestClient(create_app()) as client:
        client.post("/__admin/cvp/tenants", json={"username": "run-7"})
        served = client.get("/__admin/cvp/tenants/run-7/__admin/openapi.json").json()
        assert "servers" not in client.get("/__admin/openapi.json").json()
        for path, item in served["paths"].items():
            is_of_tenant = path.startswith("/__admin") and not path.startswith("/__admin/cvp/tenants")
            assert item.get("servers") == ([{"url": "/__admin/cvp/tenants/run-7"}] if is_of_tenant else None)
            # The stream of events does not end.
            if is_of_tenant and "get" in item and "{" not in path and not path.endswith("/events"):
                assert client.get(f"{item['servers'][0]['url']}{path}").status_code == 200
    validate(served)


def added() -> dict[str, str]:
    return {}


def test_the_document_is_encoded_once() -> None:
    app = create_app()
    with TestClient(app) as client:
        first = client.get("/__admin/openapi.json").json()
        encoded = app.state.openapi_content[1]
        client.get("/__admin/openapi.json")
        assert app.state.openapi_content[1] is encoded
        # FastAPI generates the document again for a user who has added a route
        app.add_api_route("/added", added, name="added")
        app.openapi_schema = None
        second = client.get("/__admin/openapi.json").json()
    assert second["paths"].keys() - first["paths"].keys() == {"/added"}


def test_a_user_can_give_a_summary_and_a_description() -> None:
    router = APIRouter(prefix="/cvp-config", route_class=OampRoute)

    @router.get("/first")
    def first() -> None:
        """Return the first.

        It has more.
        """

    @router.get("/second", summary="Second", description="Another text.")
    def second() -> None:
        """Return the second."""

    app = create_app()
    app.include_router(router)
    app.add_api_route("/__admin/mine", lambda: None, name="mine")
    paths = app.openapi()["paths"]
    validate(app.openapi())
    described = [
        (paths[path]["get"]["summary"], paths[path]["get"]["description"])
        for path in ("/cvp-config/first", "/cvp-config/second")
    ]
    assert described == [("Return the first", "It has more."), ("Second", "Another text.")]
    assert paths["/__admin/mine"]["get"]["summary"] == "Mine"
    assert {*METHODS} & paths["/cvp-config/first"].keys() == {"get", "head"}
