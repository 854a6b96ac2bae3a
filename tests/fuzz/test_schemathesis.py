"""Both APIs, called with whatever the OpenAPI document allows, and with what it does not.

About 15 seconds; with MOCKCVP_FUZZ=long, 20,000 cases and more. At its end it prints how many there were, where
no pytest-xdist swallows it.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import pytest
import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister_all

from tests.admin.openapi_document import converted, resolved, schema_errors
from tests.server_process import JSON, PASSWORD, USER, XML, ServerProcess

# a framework's own deprecations are none of the product's
pytestmark = pytest.mark.filterwarnings("default")

LONG = os.environ.get("MOCKCVP_FUZZ") == "long"
EXAMPLES = 700 if LONG else 2
LEAST_CASES = 20_000 if LONG else 500
# each form, and what is as good as a form
ACCEPTED = [JSON, XML, "*/*", "text/xml;q=0.5, application/json;q=0.4"]
# the operations whose bodies make a hundred cases and more for each combination of what they may hold; of those with
# request patterns, the long run takes all combinations for two
COMBINED = [
    "setSettings",
    "putSettings",
    "countRequests",
    "addMapping",
    "findRequests",
    "removeRequests",
    "nearMissesOfPattern",
    "removeLike",
    "replaceMapping",
]
# a request that says of its body what is not so is no HTTP, and gets 400 without a body, as the document says of all paths
# of the 8 KiB of a head, less what the other lines and the path take
LONGEST_QUERY = 7_000
NO_HTTP = ["transfer-encoding", "content-length"]
SERVER = {"id": "media-1", "hostname": "m.example", "ipaddr": "10.0.0.1", "type": "MEDIA"}
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "xml_schema_conformance",
]


class Fuzzed:
    """A mock server that is fuzzed, and its way back to where it can be judged."""

    def __init__(self, server: ServerProcess) -> None:
        self.admin = server.client(base_url=f"https://localhost:{server.port}/__admin/")
        self.cvp = server.client(headers={"Accept": JSON})
        self.cases: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.mapped = False
        self.slowest = (0.0, "")

    def before(self, case: Case[Any]) -> None:
        """Bring what answers into a state in which the document says what it answers; and say what is accepted."""
        for name in NO_HTTP:
            case.headers.pop(name, None)
        if len(urlencode(case.query or {}, doseq=True, errors="replace")) > LONGEST_QUERY:
            # more than a head may have, and so no HTTP either
            case.query = {}
        if case.path_parameters and case.path_parameters.get("id") == "synchronize":
            # by this name there is another operation
            case.path_parameters["id"] = "another"
        number, form = self.cases.total(), "control"
        if number % 100 == 0:
            self.fill()
        if case.path.startswith("/cvp-config"):
            if self.mapped:
                # a stub mapping may answer anything, a 500 or nothing among it, and a setting may hold an answer back
                # for an hour: the document says so, and no check could tell
                self.unmap()
            form = ACCEPTED[number % len(ACCEPTED)]
            case.headers["Accept"] = form
        elif case.method != "GET" and ("/mappings" in case.path or "/settings" in case.path):
            self.mapped = True
        self.cases[form] += 1

    def after(self, case: Case[Any], response: Response) -> None:
        """Count an answer."""
        self.statuses[response.status_code] += 1
        if response.elapsed > self.slowest[0]:
            self.slowest = (
                response.elapsed,
                f"{case.method} {response.request.url} {(response.request.body or b'')[:1500]!r}",
            )

    def unmap(self) -> None:
        """Take away all stub mappings and settings."""
        assert self.admin.delete("mappings").status_code == 200
        assert self.admin.post("settings", json={}).status_code == 200
        self.mapped = False

    def fill(self) -> None:
        """Have something of each kind in the journal, and a server: what is fuzzed clears them."""
        self.unmap()
        assert self.admin.put("cvp/deployment", json={"servers": [SERVER]}).status_code == 200
        mapping = {"request": {"urlPath": "/cvp-config/planned"}, "response": {"status": 418, "body": "planned"}}
        assert self.admin.post("mappings", json=mapping).status_code == 201
        assert self.cvp.get("planned").status_code == 418
        assert self.cvp.get("nothing").status_code == 404
        body = {"synchronize": {"servers": {"server": "media-1"}}}
        assert self.cvp.post("command/synchronize", json=body).status_code == 202
        self.mapped = True


def operator(name: str, value: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The schema of a pattern with one operator."""
    return {
        "type": "object",
        "required": [name],
        "properties": {name: value} | options,
        "additionalProperties": False,
    }


def some(*values: str) -> dict[str, Any]:
    """The schema of texts: these, or any."""
    return {"anyOf": [{"enum": list(values)}, {"type": "string"}]}


def generable(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with request bodies whose patterns are said one operator at a time.

    What the document says of patterns is recursive in eight places, with conditions at each: generating from it takes
    minutes before a first case is there. What is said of answers stays as it is.
    """
    schemas = document["components"]["schemas"]
    path = some("$..*", "$.synchronize.servers.server[?(@.refURL == 'media-1')]", "$[")
    xpath = some("//server/refURL/text()", "count(//*) > 1", "//b:c")
    boolean, leaf = {"type": "boolean"}, {"$ref": "#/components/schemas/GenerableLeaf"}
    several = {"type": "array", "minItems": 2, "maxItems": 3, "items": leaf}
    leaves = [
        operator("equalTo", {"type": "string"}, caseInsensitive=boolean),
        operator("contains", some("media")),
        operator("doesNotContain", {"type": "string"}),
        operator("matches", some("[a-z&&[^b]]+.*", "(a|b)*", "(")),
        operator("doesNotMatch", some("\\\\Qa\\\\E", "a{2,3}")),
        operator("absent", {"const": True}),
        operator("equalToJson", {}, ignoreArrayOrder=boolean, ignoreExtraElements=boolean),
        operator("matchesJsonPath", path),
        operator("equalToXml", some("<synchronize/>", "<a b='c'>d</a>", "<")),
        operator("matchesXPath", xpath, xPathNamespaces={"type": "object", "additionalProperties": {"type": "string"}}),
    ]
    schemas["GenerableLeaf"] = {"anyOf": leaves}
    nested = [operator("and", several), operator("or", several), operator("not", leaf)]
    found = [
        operator(f"matches{language}", operator("expression", expression, equalTo={"type": "string"}))
        for language, expression in (("JsonPath", path), ("XPath", xpath))
    ]
    schemas["GenerableContentPattern"] = {"anyOf": [leaf, *nested, *found]}
    text = json.dumps({name: schemas[name] for name in ("RequestPatternForm", "StubMappingForm")})
    for name, schema in json.loads(_generable(text)).items():
        schemas[f"Generable{name}"] = schema
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["requestBody"] = json.loads(_generable(json.dumps(operation["requestBody"])))
    return document


def _generable(text: str) -> str:
    return re.sub(
        "#/components/schemas/(ContentPattern|RequestPatternForm|StubMappingForm)",
        r"#/components/schemas/Generable\1",
        text,
    )


@schemathesis.check
def xml_schema_conformance(_: Any, response: Response, case: Case[Any]) -> None:
    """Hold an answer in XML against the schema that the document has for it."""
    if response.headers.get("content-type", [""])[0].partition(";")[0] != XML or not response.content:
        return
    described = case.operation.definition.raw["responses"].get(str(response.status_code))
    if described is None:
        return  # which another check says
    schema = resolved(described)["content"][XML]["schema"]
    tree = fromstring(response.content)
    assert resolved(schema)["xml"]["name"] == tree.tag
    wrong = schema_errors(schema, converted(tree, schema))
    assert not wrong, wrong


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, "--admin-access", "guarded", "--log-level", "error") as running:
        yield running


def settings_of(server: ServerProcess) -> dict[str, Any]:
    """How it is fuzzed, in the words of schemathesis's configuration file."""
    return {
        "base-url": f"https://localhost:{server.port}",
        "tls-verify": str(server.certificate),
        "request-timeout": 60,
        "continue-on-failure": True,
        "auth": {"basic": {"username": USER, "password": PASSWORD}},
        "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
        "generation": {
            "max-examples": EXAMPLES,
            "no-shrink": True,
            "deterministic": not LONG,
            "database": "none",
        },
        "phases": {"stateful": {"generation": {"max-examples": EXAMPLES}}},
        "operations": [
            {"include-operation-id": COMBINED[4:] if LONG else COMBINED, "phases": {"coverage": {"enabled": False}}}
        ],
    }


def faults_of(event: events.EngineEvent) -> Iterator[str]:
    """What an event of a run tells that is wrong."""
    if isinstance(event, events.ScenarioFinished):
        for checks in event.recorder.checks.values():
            for check in checks:
                if found := check.failure_info:
                    yield f"{check.name} {event.label}: {found.failure.title}: {found.failure.message}\n{found.code_sample}"
    elif isinstance(event, events.NonFatalError):
        yield f"{event.label}: {event.value!r}"
    elif isinstance(event, events.FatalError):
        yield repr(event.exception)


def test_each_operation_answers_as_the_document_says(server: ServerProcess, capsys: pytest.CaptureFixture[str]) -> None:
    fuzzed = Fuzzed(server)

    @schemathesis.hook
    def before_call(_: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        fuzzed.before(case)

    @schemathesis.hook
    def after_call(_: HookContext, case: Case[Any], response: Response) -> None:
        fuzzed.after(case, response)

    with fuzzed.admin, fuzzed.cvp:
        document = generable(fuzzed.admin.get("openapi.json").json())
        configuration = schemathesis.Config.from_dict(settings_of(server))
        schema = schemathesis.openapi.from_dict(document, config=configuration)
        wrong: Counter[str] = Counter()
        phases: Counter[str] = Counter()
        asked = 0
        try:
            for event in from_schema(schema).execute():
                wrong.update(faults_of(event))
                if isinstance(event, events.PhaseFinished):
                    phases[event.phase.name.value] += fuzzed.cases.total() - asked
                    asked = fuzzed.cases.total()
        finally:
            unregister_all()
    cases = fuzzed.cases.total()
    with capsys.disabled():
        seconds, slowest = fuzzed.slowest
        print(  # noqa: T201 - it proves what was done
            f"\nschemathesis: {cases} cases: {dict(+phases)}, {dict(fuzzed.cases)}; statuses {dict(fuzzed.statuses)}; "
            f"{len(wrong)} findings; slowest {seconds * 1000:.0f} ms: {slowest}"
        )
    assert not wrong, "\n\n".join(f"{times} times: {one[:2000]}" for one, times in wrong.most_common())
    assert cases >= LEAST_CASES
    assert {"examples", "coverage", "fuzzing", "stateful"} <= (+phases).keys()
    assert {JSON, XML} <= fuzzed.cases.keys()
