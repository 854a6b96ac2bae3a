"""The OpenAPI document of a mock server, and what compares responses with it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import httpx
from jsonschema import Draft202012Validator

from mockcvp import MockCVP
from tests.server_process import JSON, PATIENCE, XML

METHODS = ("get", "head", "post", "put", "patch", "delete")


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


def schema_errors(schema: dict[str, Any], instance: Any) -> list[str]:
    """Return the errors of an instance by a schema of the document."""
    validator = _validator(json.dumps(schema))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


@cache
def _validator(schema: str) -> Draft202012Validator:
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
        assert not schema_errors(resolved(header)["schema"], response.headers.get(name)), f"{where}: {name}"
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
        assert not schema_errors(schema, response.json()), where
    elif media == XML:
        tree = fromstring(response.content)
        assert resolved(schema)["xml"]["name"] == tree.tag, where
        assert not schema_errors(schema, converted(tree, schema)), where


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


def in_both_formats(client: httpx.Client, method: str, path: str, **options: Any) -> int:
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
