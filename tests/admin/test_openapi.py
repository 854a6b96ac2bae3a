"""The OpenAPI document matches the routes, the models and the responses of mock servers."""

import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import BaseModel

from mockcvp import MockCVP, __version__
from mockcvp.admin import schemas
from mockcvp.app import control_of
from mockcvp.oamp import errors
from mockcvp.oamp.deployment import Deployment, Server, ServerType, Version
from mockcvp.settings import Settings
from mockcvp.state import MockState
from mockcvp.stubs import mapping_schema, pattern_schema
from mockcvp.stubs.matchers.content_pattern import ContentPattern
from mockcvp.stubs.response import Fault
from tests.admin_client import SERVERS, VXML, Admin
from tests.server_process import JSON, PASSWORD, PATIENCE, SYNCHRONIZE, USER, XML, ServerProcess

METHODS = ("get", "head", "post", "put", "patch", "delete")
SAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "sync-up").iterdir())
UUID, NOBODYS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
GUARDED_BY = ("tester", "secret")


@cache
def document() -> dict[str, Any]:
    with MockCVP() as cvp, cvp.client(timeout=PATIENCE) as client:
        reported: dict[str, Any] = client.get(f"{cvp.admin_url}/openapi.json").json()
    return reported


def resolved(described: dict[str, Any]) -> dict[str, Any]:
    """Return the target of a reference, merged with the members beside the reference."""
    while "$ref" in described:
        beside = {name: value for name, value in described.items() if name != "$ref"}
        found = document()
        for step in described["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        described = found | beside
    return described


def faults(schema: dict[str, Any], instance: Any) -> list[str]:
    """Return the errors of an instance by a schema of the document."""
    validator = validator_of(json.dumps(schema))
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(instance)]


@cache
def validator_of(schema: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"components": document()["components"], **json.loads(schema)},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def operations(beginning: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each method and path of the document with its operation."""
    for path, item in document()["paths"].items():
        if path.startswith(beginning):
            yield from ((method, path, item[method]) for method in METHODS if method in item)


def template(path: str) -> str:
    """Return the documented path that a path matches."""
    for documented in sorted(document()["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", documented), path):
            return str(documented)
    raise AssertionError(f"{path} is not in the document")


def checked(response: httpx.Response, path: str | None = None) -> tuple[str, str, str]:
    """Check a response against the document, and return its method, documented path and status."""
    documented = template((path or response.request.url.path).removesuffix("/"))
    method, status = response.request.method.lower(), str(response.status_code)
    responses = document()["paths"][documented][method]["responses"]
    where = f"{method} {response.request.url} {status}: {response.text[:300]}"
    assert status in responses, where
    check_response(response, resolved(responses[status]), where)
    return method, documented, status


def check_response(response: httpx.Response, described: dict[str, Any], where: str) -> None:
    for name, header in described.get("headers", {}).items():
        assert not faults(resolved(header)["schema"], response.headers.get(name)), f"{where}: {name}"
    if "content" not in described:
        assert response.content == b"", where
        return
    media = response.headers["content-type"].partition(";")[0]
    assert media in described["content"], where
    if response.request.method == "HEAD":
        assert response.content == b""
        return
    schema = described["content"][media]["schema"]
    if media == JSON:
        assert not faults(schema, response.json()), where
    elif media == XML:
        tree = fromstring(response.content)
        assert resolved(schema)["xml"]["name"] == tree.tag, where
        assert not faults(schema, converted(tree, schema)), where


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and its alternatives, without the schemas of its members."""
    schema = resolved(schema)
    yield schema
    for keyword in ("oneOf", "anyOf", "allOf"):
        for one in schema.get(keyword, ()):
            yield from parts(one)
    if "items" in schema:
        yield from parts(schema["items"])


def converted(element: Element, schema: dict[str, Any]) -> Any:
    """Return the JSON of an XML element by the names and the `xml` of its schema."""
    members: dict[str, tuple[str, dict[str, Any]]] = {}
    attributes: dict[str, str] = {}
    reported: dict[str, Any] = {}
    for part in parts(schema):
        for name, its in part.get("properties", {}).items():
            xml = resolved(its).get("xml", {})
            if not xml.get("attribute"):
                members[name if "items" in its else xml.get("name", name)] = (name, its)
            elif xml["prefix"] == "xmlns":
                # the parser does not return namespace declarations
                if element.attrib:
                    reported[name] = its["const"]
            else:
                attributes[f"{{{xml['namespace']}}}{xml['name']}"] = name
    if not members:
        return element.text or ""
    reported = {attributes[name]: value for name, value in element.items()} | reported
    for child in element:
        assert child.tag in members, f"{child.tag} in {element.tag} is not in the document"
        name, its = members[child.tag]
        value = converted(child, its)
        if name not in reported:
            reported[name] = value
        else:
            reported[name] = [*(reported[name] if isinstance(reported[name], list) else [reported[name]]), value]
    return reported or None


def in_both_forms(client: httpx.Client, method: str, path: str, **options: Any) -> int:
    """Send a request for JSON and for XML, check both responses against the document, and return their status."""
    options["headers"] = options.get("headers", {}) | {"Accept": JSON}
    as_json = client.request(method, path, **options)
    options["headers"] |= {"Accept": XML}
    as_xml = client.request(method, path, **options)
    (verb, documented, status), other = checked(as_json), checked(as_xml)
    assert other == (verb, documented, status)
    if as_xml.content and as_json.headers["content-type"] == JSON:
        content = resolved(document()["paths"][documented][verb]["responses"][status])["content"]
        tree = fromstring(as_xml.content)
        assert {tree.tag: converted(tree, content[XML]["schema"])} == as_json.json()
    return int(status)


def test_the_document_is_valid() -> None:
    validate(document())
    assert document()["info"]["version"] == __version__
    assert document()["servers"] == [{"url": "https://localhost:8111"}]


def test_the_document_has_exactly_the_routes_of_the_app() -> None:
    app = control_of(MockState(Settings()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FastAPI warns of two routes with one function
        routes = app.openapi()["paths"]
    # the OAMP's routes are not FastAPI's
    there = {(method, path) for path, item in routes.items() for method in item}
    assert there == {(method, path) for method, path, _ in operations("/__admin")}


def test_the_document_has_exactly_the_paths_of_the_contract() -> None:
    contract = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")
    named = set(re.findall(r"`(GET|POST) (/cvp-config/[^`?]+)`", contract)) | {("GET", "/cvp-config/server")}
    there = {(method.upper(), path) for method, path, _ in operations("/cvp-config") if method != "head"}
    assert there == named
    # every path with GET has HEAD
    assert {path for method, path, _ in operations("/cvp-config") if method == "head"} == {
        path for method, path in named if method == "GET"
    }


@pytest.mark.parametrize(
    ("schema", "model"),
    [
        ("RequestPattern", pattern_schema.RequestPatternForm),
        ("Operators", ContentPattern),
        ("StubMapping", mapping_schema.StubMappingForm),
        ("ResponseDefinition", mapping_schema.ResponseForm),
        ("Settings", mapping_schema.SettingsForm),
        ("ScenarioState", mapping_schema.ScenarioState),
        ("Deployment", Deployment),
        ("DeployedServer", Server),
        ("ServerChange", schemas.Change),
        ("ClockChange", schemas.ClockChange),
        ("NewTenant", schemas.NewTenant),
        ("Version", Version),
    ],
)
def test_a_schema_has_exactly_the_fields_of_its_model(schema: str, model: type[BaseModel]) -> None:
    read = {field.alias or name for name, field in model.model_fields.items()}
    assert document()["components"]["schemas"][schema]["properties"].keys() == read


def test_a_path_has_exactly_the_parameters_of_its_model() -> None:
    models: dict[str, type[BaseModel]] = {
        "/__admin/requests": schemas.WhichRequests,
        "/__admin/mappings": schemas.WhichMappings,
        "/__admin/cvp/synchronizations": schemas.Which,
    }
    for path, model in models.items():
        named = {resolved(one)["name"] for one in document()["paths"][path]["get"]["parameters"]}
        assert named == model.model_fields.keys()


def test_the_document_has_every_type_fault_and_error() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["ServerType"]["enum"] == [*ServerType]
    assert schemas["Fault"]["enum"] == [*Fault]
    rows = [row for row in vars(errors).values() if isinstance(row, errors.ErrorType)]
    assert rows
    for row in rows:
        described = [
            resolved(operation["responses"][str(row.status)])["description"]
            for _, _, operation in operations("/cvp-config")
            if str(row.status) in operation["responses"]
        ]
        assert any(f"`{row.name}`" in text for text in described), row
        if row.detail:
            assert any(schema["properties"]["-xsi:type"]["const"] == row.detail for schema in map(resolved, details()))


def details() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document()["components"]["schemas"]["ApiError"]["properties"]["errorDetail"]["oneOf"]
    return found


@pytest.mark.parametrize("servers", [[], SERVERS[:1], SERVERS[2:4], SERVERS], ids=len)
def test_oamp_responses_match_the_document(admin: Admin, cvp: httpx.Client, servers: list[dict[str, Any]]) -> None:
    admin("PUT", "cvp/deployment", {"servers": servers})
    for sincetime in (None, "0", "7"):
        if sincetime:
            entries = [
                {"refURL": one["id"], "sincetime": sincetime} for one in servers if one["type"] not in ("CALL", "RPT")
            ]
            body = {"synchronize": {"servers": {"server": entries} if entries else None}}
            assert in_both_forms(cvp, "POST", SYNCHRONIZE, json=body) == 202
        for path in ("server", "server/", "server?q=type:VXML", "server/synchronize", "version"):
            assert in_both_forms(cvp, "GET", path) == in_both_forms(cvp, "HEAD", path) == 200
        for server in servers:
            assert in_both_forms(cvp, "GET", f"server/{server['id']}") == 200
            synchronized = server["type"] not in ("CALL", "RPT")
            assert in_both_forms(cvp, "GET", f"server/{server['id']}/synchronize") == (200 if synchronized else 404)
        admin("PUT", "cvp/clock", {"advance": 31})
    assert in_both_forms(cvp, "GET", "server/nobody") == in_both_forms(cvp, "HEAD", "server/nobody") == 404
    assert in_both_forms(cvp, "GET", "server?q=type:*") == in_both_forms(cvp, "HEAD", "server?q=name:x") == 400


def test_the_response_to_each_sample_matches_the_document(admin: Admin, cvp: httpx.Client) -> None:
    assert admin
    schema = document()["paths"]["/cvp-config/command/synchronize"]["post"]["requestBody"]["content"][JSON]["schema"]
    for sample in SAMPLES:
        form, wanted = f"application/{sample.suffix.removeprefix('.')}", int(sample.name[:3])
        headers = {"Content-Type": form}
        assert in_both_forms(cvp, "POST", SYNCHRONIZE, content=sample.read_bytes(), headers=headers) == wanted
        # a schema can express neither duplicate servers nor malformed JSON
        if form == JSON and sample.stem not in ("400-server-twice", "400-not-json"):
            wrong = faults(schema, json.loads(sample.read_text("utf-8")))
            assert bool(wrong) == (wanted == 400), f"{sample.name}: {wrong}"


def test_oamp_errors_match_the_document(admin: Admin, deployed: ServerProcess) -> None:
    recipes: dict[str, dict[str, Any]] = {
        "400": {"headers": {}},
        "401": {"auth": ("wsmadmin", "wrong")},
        "404": {},
        "406": {"headers": {"Accept": "text/html"}},
        "413": {"content": b" " * (2 * 1024**2 + 1), "headers": {"Content-Type": JSON, "Accept": JSON}},
        "415": {"content": b"x", "headers": {"Content-Type": "text/plain", "Accept": JSON}},
        "500": {},
        "503": {},
    }
    with deployed.client() as client:
        for method, path, operation in operations("/cvp-config"):
            url = path.removeprefix("/cvp-config/").replace("{id}", "nobody")
            for status in operation["responses"].keys() - {"200", "202"}:
                options = {"headers": {"Accept": JSON}} | recipes[status]
                if status in ("500", "503"):
                    plan(admin, status)
                response = client.request(method, url, **options)
                if status in ("500", "503"):
                    admin("DELETE", "mappings")
                assert checked(response) == (method, path, status)
            for planned in ("401", "503"):
                plan(admin, planned)
                assert in_both_forms(client, method, url) == int(planned)
            admin("DELETE", "mappings")


def plan(admin: Admin, status: str) -> None:
    admin("DELETE", "mappings")
    response = {
        "status": int(status),
        "transformers": ["mockcvp"],
        "transformerParameters": {"errorType": "planned.bythetest"},
    }
    assert admin.client.post("mappings", json={"response": response}).status_code == 201


def test_the_405_of_each_path_matches_the_document(admin: Admin, cvp: httpx.Client) -> None:
    responses = document()["components"]["responses"]
    for path, item in document()["paths"].items():
        url = f"{str(cvp.base_url).removesuffix('/cvp-config/')}{path}"
        for method in ("get", "post", "patch"):
            # a path that also matches a template has the methods of both
            overlaps = path.startswith(("/__admin/requests/", "/__admin/mappings/", "/__admin/cvp/tenants/"))
            if method in item or (overlaps and "{" not in path) or path.endswith("tenants/{name}"):
                continue
            response = (cvp if path.startswith("/cvp-config") else admin.client).request(method, url)
            assert response.status_code == 405, f"{method} {path}"
            allowed = response.headers["allow"].lower().split(", ")
            assert sorted(allowed) == sorted(item.keys() & {*METHODS}), path
            described = "MethodNotAllowed" if path.startswith("/cvp-config") else "ControlMethodNotAllowed"
            check_response(response, resolved(responses[described]), path)


PATTERN = {
    "method": "POST",
    "urlPathTemplate": "/cvp-config/command/{what}",
    "headers": {"accept": {"or": [{"equalTo": JSON}, {"absent": True}]}},
    "queryParameters": {"q": {"not": {"contains": "x"}}},
    "basicAuthCredentials": {"username": "wsmadmin", "password": "wsmadmin"},
    "bodyPatterns": [
        {"equalToJson": "{}", "ignoreExtraElements": True, "ignoreArrayOrder": True},
        {"matchesJsonPath": {"expression": "$.synchronize", "matches": ".*"}},
    ],
}
MAPPING = {
    "id": UUID,
    "name": "rich",
    "priority": 3,
    "request": PATTERN,
    "response": {
        "status": 404,
        "statusMessage": "Gone",
        "headers": {"X-One": "1", "X-Two": ["1", "2"]},
        "jsonBody": {"any": None},
        "fixedDelayMilliseconds": 1,
        "delayDistribution": {"type": "lognormal", "median": 0.1, "sigma": 0.1, "maxValue": 1},
        "chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 2},
    },
    "scenarioName": "story",
    "requiredScenarioState": "Started",
    "newScenarioState": "done",
    "metadata": {"any": "thing"},
    "persistent": None,
}
UNKNOWN = {"nonsense": 1}
# method, path, body, status; a body with a status that is no refusal is documented, one with a refusal is not
Step = tuple[str, str, Any, int]
JOURNAL: list[Step] = [
    ("GET", "requests", None, 200),
    ("GET", "requests?limit=1&unmatched=true&since=2020-01-31T12:00:00Z", None, 200),
    ("GET", "requests?limit=-1", None, 422),
    ("GET", "requests?nonsense=1", None, 422),
    ("GET", f"requests/{NOBODYS}", None, 404),
    ("GET", "requests/x", None, 400),
    ("DELETE", "requests/x", None, 400),
    ("POST", "requests/count", {}, 200),
    ("POST", "requests/count", PATTERN, 200),
    ("POST", "requests/count", UNKNOWN, 422),
    ("POST", "requests/count", {"headers": {"a": {"equalTo": "x", "contains": "x"}}}, 422),
    ("POST", "requests/count", {"headers": {"a": {"contains": "x", "caseInsensitive": True}}}, 422),
    ("POST", "requests/count", {"bodyPatterns": [{"and": [{"contains": "x"}]}]}, 422),
    ("POST", "requests/count", {"bodyPatterns": [{"matchesXPath": {"contains": "x"}}]}, 422),
    ("POST", "requests/find", {"customMatcher": {"name": "mockcvp", "parameters": {"synchronized": True}}}, 200),
    ("POST", "requests/find", {"method": ""}, 422),
    ("GET", "requests/unmatched", None, 200),
    ("POST", "near-misses/request-pattern", PATTERN, 200),
    ("POST", "near-misses/request-pattern", [], 422),
    ("POST", "requests/remove", {"urlPath": "/cvp-config/server"}, 200),
    ("POST", "requests/remove", None, 422),
]
MAPPINGS: list[Step] = [
    ("POST", "mappings", MAPPING, 201),
    ("POST", "mappings", {"response": {"fault": "EMPTY_RESPONSE"}, "request": {"url": "/nowhere"}}, 201),
    ("POST", "mappings", {"response": {"base64Body": "eA=="}, "request": {"url": "/cvp-config/version"}}, 201),
    ("POST", "mappings", UNKNOWN, 422),
    ("POST", "mappings", {"response": {"status": 199}}, 422),
    ("POST", "mappings", {"response": {"delayDistribution": {"type": "uniform", "lower": 1}}}, 422),
    ("POST", "mappings", {"id": "x"}, 422),
    ("GET", "mappings?limit=2&offset=1", None, 200),
    ("GET", "mappings?limit=x", None, 422),
    ("GET", f"mappings/{UUID}", None, 200),
    ("GET", f"mappings/{NOBODYS}", None, 404),
    ("GET", "mappings/x", None, 400),
    ("PUT", f"mappings/{UUID}", MAPPING, 200),
    ("PUT", f"mappings/{NOBODYS}", {}, 404),
    ("PUT", "mappings/x", {}, 400),
    ("PUT", f"mappings/{UUID}", UNKNOWN, 422),
    ("GET", "requests/unmatched/near-misses", None, 200),
    ("GET", "scenarios", None, 200),
    ("PUT", "scenarios/story/state", {"state": "done"}, 200),
    ("PUT", "scenarios/story/state", None, 200),
    ("PUT", "scenarios/story/state", {"state": ""}, 422),
    ("PUT", "scenarios/nobody/state", None, 404),
    ("POST", "scenarios/reset", None, 200),
    ("POST", "mappings/remove", {"id": UUID}, 200),
    ("POST", "mappings/remove", UNKNOWN, 422),
    ("DELETE", f"mappings/{UUID}", None, 404),
    ("POST", "mappings", {"id": UUID}, 201),
    ("DELETE", f"mappings/{UUID}", None, 200),
    ("DELETE", "mappings/x", None, 400),
    ("GET", "settings", None, 200),
    ("POST", "settings", {"fixedDelay": 1}, 200),
    ("GET", "settings", None, 200),
    ("PUT", "settings", {"settings": {"delayDistribution": {"type": "uniform", "lower": 0, "upper": 1}}}, 200),
    ("GET", "settings", None, 200),
    ("POST", "settings", {"fixedDelay": -1}, 422),
    ("PUT", "settings", UNKNOWN, 422),
    ("POST", "mappings/reset", None, 200),
    ("DELETE", "mappings", None, 200),
]
DEPLOYMENT: list[Step] = [
    ("GET", "cvp/deployment", None, 200),
    ("GET", "cvp/synchronizations?limit=2", None, 200),
    ("GET", "cvp/synchronizations?limit=x", None, 422),
    ("PATCH", f"cvp/servers/{VXML}", {"duration": 2.5, "outcome": None}, 200),
    ("PATCH", f"cvp/servers/{VXML}", {"outcome": "Failure"}, 200),
    ("PATCH", f"cvp/servers/{VXML}", {"duration": -1}, 422),
    ("PATCH", f"cvp/servers/{VXML}", {}, 422),
    ("PATCH", "cvp/servers/nobody", {"duration": 2}, 404),
    ("GET", "cvp/clock", None, 200),
    ("PUT", "cvp/clock", {"frozen": True, "now": "2035-01-31T12:00:00Z", "advance": None}, 200),
    ("PUT", "cvp/clock", {"now": "2036-01-31T12:00:00Z", "advance": 1}, 422),
    ("PUT", "cvp/clock", {"advance": -1}, 422),
    ("PUT", "cvp/clock", {"advance": 1.5}, 200),
    ("PUT", "cvp/deployment", {"servers": SERVERS, "version": {"majorVersion": 15}}, 200),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "id": "a/synchronize"}]}, 422),
    ("PUT", "cvp/deployment", {"servers": [{**SERVERS[0], "ipaddr": "10.0.0"}]}, 422),
    ("PUT", "cvp/deployment", {"servers": [], "version": {"nonsense": "1"}}, 422),
    ("PUT", "cvp/deployment", UNKNOWN, 422),
]
SERVER: list[Step] = [
    ("GET", "health", None, 200),
    ("HEAD", "health", None, 200),
    ("GET", "version", None, 200),
    ("GET", "openapi.json", None, 200),
    ("GET", "docs", None, 200),
    ("POST", "requests/reset", None, 200),
    ("DELETE", "requests", None, 200),
    ("POST", "reset", None, 200),
]
TENANTS: list[Step] = [
    ("POST", "cvp/tenants", None, 201),
    ("POST", "cvp/tenants", {"username": "run-7", "password": None}, 201),
    ("POST", "cvp/tenants", {"username": "a b"}, 422),
    ("POST", "cvp/tenants", UNKNOWN, 422),
    ("GET", "cvp/tenants", None, 200),
    ("DELETE", "cvp/tenants/run-7", None, 200),
    ("DELETE", "cvp/tenants/run-7", None, 404),
]


@pytest.mark.parametrize("whose", ["its own", "a tenant's"])
def test_control_responses_match_the_document(shared_server: ServerProcess, client: httpx.Client, whose: str) -> None:
    below = control = f"https://localhost:{shared_server.port}/__admin"
    auth = USER, PASSWORD
    if whose == "a tenant's":
        made = client.post(f"{control}/cvp/tenants").json()
        below, auth = f"https://localhost:{shared_server.port}{made['admin']}", (made["username"], made["password"])
    seen = set()

    def ask(method: str, path: str, body: Any, status: int) -> Any:
        response = client.request(method, f"{below}/{path}", **({} if body is None else {"json": body}))
        assert response.status_code == status, f"{method} {path} {body}: {response.text}"
        found = checked(response, f"/__admin/{path.partition('?')[0]}")
        if body is not None:
            described = document()["paths"][found[1]][found[0]]["requestBody"]["content"][JSON]["schema"]
            wrong = faults(described, body)
            assert bool(wrong) == (status == 422), f"{method} {path} {body}: {wrong}"
        seen.add(found)
        return response.json() if response.headers["content-type"] == JSON and method != "HEAD" else None

    ask("PUT", "cvp/deployment", {"servers": SERVERS}, 200)
    calls(client, auth)
    first = ask("GET", "requests", None, 200)["requests"][0]["id"]
    for step in JOURNAL:
        ask(*step)
    ask("GET", f"requests/{first}", None, 200)
    ask("DELETE", f"requests/{first}", None, 200)
    for step in (*MAPPINGS[:3], *DEPLOYMENT[:3]):
        ask(*step)
    calls(client, auth)
    ask("DELETE", "mappings", None, 200)
    for step in (("GET", "requests", None, 200), *MAPPINGS, *DEPLOYMENT, *SERVER):
        ask(*step)
    if whose == "its own":
        made = ask(*TENANTS[0])
        for step in TENANTS[1:]:
            ask(*step)
        ask("DELETE", f"cvp/tenants/{made['username']}", None, 200)
    else:
        assert client.delete(f"{control}/cvp/tenants/{auth[0]}").status_code == 200
    documented = {
        (method, path, status)
        for method, path, operation in operations("/__admin")
        for status in operation["responses"].keys() - {"401", "403"}
        if whose == "its own" or operation["tags"] != ["tenants"]
    }
    assert documented == seen


def calls(client: httpx.Client, auth: Any) -> None:
    """Make calls of every kind that the journal records."""
    options: Any = {"headers": {"Accept": JSON}, "auth": auth}
    body = {"synchronize": {"servers": {"server": ["media", {"refURL": VXML, "sincetime": 5}], "huh": 1}}}
    for _ in range(2):
        client.post(SYNCHRONIZE, json=body, **options)
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": {}}}}, **options)
    client.get("version", **options)
    client.get("server?q=type:CALL&x=1&x=2", **options)
    client.get("nowhere", **options)
    for path in ("/nowhere", "/cvp-config/version"):
        try:
            client.get(f"https://localhost:{client.base_url.port}{path}", **options)
        except httpx.RemoteProtocolError:
            assert path == "/nowhere"


def test_the_401_of_each_operation_matches_the_document() -> None:
    username, password = GUARDED_BY
    with MockCVP(admin_username=username, admin_password=password) as cvp, cvp.client(timeout=PATIENCE) as client:
        root = cvp.admin_url.removesuffix("/__admin")
        for method, path, operation in operations("/__admin"):
            response = client.request(method, f"{root}{re.sub('{.*?}', 'x', path)}")
            if "401" not in operation["responses"]:
                assert operation["security"] == []
                assert response.status_code == 200
                continue
            assert checked(response, path) == (method, path, "401")
            assert operation.get("security", document()["security"]) == [{}, {"adminAuth": []}]


def test_responses_of_a_full_journal_match_the_document() -> None:
    with MockCVP(journal_max_calls=1) as cvp, cvp.client(timeout=PATIENCE) as client:
        for _ in range(2):
            client.post(SYNCHRONIZE, headers={"Accept": JSON})
        for method, path in (("GET", "requests"), ("POST", "requests/count"), ("POST", "requests/find")):
            response = client.request(method, f"{cvp.admin_url}/{path}", json={})
            assert checked(response)
            assert '"dropped":1' in response.text
        assert checked(client.get(f"{cvp.admin_url}/requests/unmatched"))
        assert checked(client.get(f"{cvp.admin_url}/cvp/synchronizations"))


def test_the_page_describes_the_authentication_once() -> None:
    settings: dict[str, Any] = {"admin_access": "guarded"}
    with MockCVP(**settings) as cvp, cvp.client(base_url=cvp.admin_url) as client:
        assert client.get("docs", auth=None).status_code == 401
        page = client.get("docs").text
        served = client.get("openapi.json").json()
    for option in ("--admin-username", "--admin-access guarded", "--admin-access auto"):
        assert page.count(f"<code>{option}</code>") == 1
    assert page.count('id="adminAuth"') == page.count('id="oampAuth"') == 1
    assert page.count('href="#adminAuth"') == sum(
        {"adminAuth": []} in operation.get("security", served["security"]) for _, _, operation in operations()
    )


def test_the_page_is_complete_and_needs_no_other_site(shared_server: ServerProcess) -> None:
    with shared_server.client(auth=None) as client:
        response = client.get(f"https://localhost:{shared_server.port}/__admin/docs")
    page = response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    for method, path, operation in operations():
        assert f"<code>{method.upper()} {path}</code>" in page
        assert f'href="#{operation["operationId"]}"' in page
    linked = set(re.findall(r'(?:href|src)="([^"]*)"', page))
    places = re.findall(r'id="([^"]*)"', page)
    assert all(link.startswith("#") for link in linked)
    assert {link.removeprefix("#") for link in linked} <= {*places}
    assert len(places) == len({*places})
    assert "<script" not in page
    assert not re.search(r"(?:href|src)\s*=\s*['\"]?https?://|url\(|@import", page)
    # no text of the document is markup
    tree = re.sub(r"<!DOCTYPE html>|<meta[^>]*>| open(?=>)", "", page)
    assert fromstring(tree).tag == "html"
