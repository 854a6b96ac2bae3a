"""The OpenAPI metadata of the OAMP's operations: bodies, responses and errors in XML and JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from mockcvp.oamp import errors
from mockcvp.oamp.codecs import CODECS, JSON, Codec, encode
from mockcvp.oamp.deployment import ServerType
from mockcvp.oamp.errors import ApiErrors, ErrorType, OampError
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.operation import SECURITY as _SECURITY
from mockcvp.oamp.releases import RELEASES
from mockcvp.oamp.schemas import PREFIX, json_schema, reference, schemas

_DESCRIPTIONS = {
    200: "The document.",
    201: "Created.",
    202: "Accepted. No body.",
    400: "A header or the body is not valid.",
    401: "No credentials, wrong ones, or a user without the role.",
    404: "There is no such resource.",
    406: "`Accept` admits neither XML nor JSON.",
    413: "The body is too large, or names too many servers.",
    415: "The body is neither XML nor JSON.",
    500: "An internal error.",
    503: "Too many requests are in flight.",
}
_ALWAYS = (
    errors.MISSING_ACCEPT,
    errors.UNAUTHORIZED,
    errors.NOT_AUTHORIZED,
    errors.NO_ACCESS,
    errors.NOT_ACCEPTABLE,
    errors.FAILED,
    errors.DATABASE_FAILED,
    errors.FILE_FAILED,
    errors.THROTTLED,
)
_WITH_BODY = (errors.XML_SYNTAX, errors.JSON_SYNTAX, errors.TOO_LARGE, errors.UNSUPPORTED_TYPE)
_STUBBED = (errors.NOT_AUTHORIZED, errors.DATABASE_FAILED, errors.FILE_FAILED)
_RELEASE = RELEASES["10.0"]
_HEADERS = {
    **{
        name.decode().title(): {"schema": {"const": value.decode()}}
        for name, value in (*_RELEASE.headers, *_RELEASE.no_cache_headers)
    },
    "X-Mockcvp-Reason": {
        "description": "The reason of an error, which the real server does not give.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "The challenge of basic authentication.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that the path has.", "schema": {"type": "string"}},
}
_SECURITY_SCHEME = {
    "type": "http",
    "scheme": "basic",
    "description": (
        "The OAMP, under `/cvp-config`, requires HTTP basic authentication: `wsmadmin` and `wsmadmin`, or the user "
        "name and password of `--username` and `--password`, or those of a tenant."
    ),
}

TAGS = [
    {
        "name": "OAMP",
        "description": (
            "XML and JSON. Every request needs basic authentication and an `Accept` header: `application/xml`, "
            "`text/xml`, `*/*` and `application/*` get XML, `application/json` gets JSON; the highest q wins.\n\n"
            "A path may end with a slash. The checks have this order, and the first that fails decides the response: "
            "authentication, path, method, `Accept`, `Content-Type`, size, syntax, values. All errors of the values "
            "are reported together. A method that a path lacks gets 405 with `Allow`; another path gets 404.\n\n"
            "JSON is the XML mapped as Jersey 1 maps it: every value is a string; an element that occurs once is an "
            "object, several are an array; an empty container is `null`; the name of an attribute starts with `-`.\n\n"
            "A stub mapping replaces the response. Malformed HTTP gets 400 without a body."
        ),
    }
]
"""The tag of the OAMP's operations."""

PATH_SERVER: dict[str, Any] = {
    "parameters": [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "The id of the server: the last segment of its `refURL`. It may contain slashes.",
            "schema": {"type": "string"},
        }
    ]
}
# The names of the errors of a response. Their examples are built with the document, since they would delay each start.
_ERRORS = "x-errors"

QUERY_TYPE: dict[str, Any] = {
    "parameters": [
        {
            "name": "q",
            "in": "query",
            "description": "The type of the servers, as `type:VXML`, without a wildcard. Without `q`, all servers.",
            "schema": {"type": "string", "pattern": f"^type:({'|'.join(ServerType)})$"},
        }
    ]
}


def documented(
    model: type[OampModel] | None, *rows: ErrorType, status: int = 200, body: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an operation, for FastAPI.

    Args:
        model: the model of a successful response; None if it has no body
        rows: the errors that only some operations have
        status: the status of a successful response
        body: whether the operation reads a body
    """
    success: dict[str, Any] = {"description": _DESCRIPTIONS.get(status, "Success.")}
    if model:
        success["content"] = _content(model)
    responses: dict[int | str, dict[str, Any]] = {status: success}
    by_status: dict[int, list[ErrorType]] = {}
    for row in (*_ALWAYS, *(_WITH_BODY if body else ()), *rows):
        by_status.setdefault(row.status, []).append(row)
    for code, found in sorted(by_status.items()):
        responses[code] = {
            "description": "\n".join([f"{_DESCRIPTIONS.get(code, 'An error.')}\n", *map(_described, found)]),
            "headers": _header_references("X-Mockcvp-Reason", *(["WWW-Authenticate"] if code == 401 else [])),
            "content": _content(ApiErrors),
            _ERRORS: [row.name for row in found],
        }
    return responses


def request_body(
    model: type[OampModel], examples: Mapping[str, Mapping[Codec, Any]] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the request body of an operation, for FastAPI's ``openapi_extra``.

    Args:
        model: the model of the body
        examples: examples in each format, by their names
    """
    content: dict[str, Any] = {}
    for codec in CODECS:
        shown = {name: {"value": example[codec]} for name, example in examples.items() if codec in example}
        for media_type in codec.media_types:
            schema = json_schema(model, is_request=True) if codec is JSON else reference(model)
            content["/".join(media_type)] = {"schema": schema, "examples": shown}
    return {"requestBody": {"required": False, "content": content}}


def _content(model: type[OampModel]) -> dict[str, Any]:
    return {
        "/".join(codec.media_types[0]): {
            "schema": json_schema(model, is_request=False) if codec is JSON else reference(model)
        }
        for codec in CODECS
    }


def _described(row: ErrorType) -> str:
    return f"- `{row.name}`: {row.message}{' (only where a stub mapping names it)' if row in _STUBBED else ''}"


def _header_references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example(document: OampModel, codec: Codec) -> Any:
    text = encode(document, codec).decode()
    return json.loads(text) if codec is JSON else text


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's OpenAPI document with the schemas, headers and HEAD operations of the OAMP.

    Args:
        document: the document that FastAPI generated, which this changes
    """
    requests: set[str] = set()
    responses: set[str] = set()
    for item in document["paths"].values():
        for method, described in list(item.items()):
            if _SECURITY[0] not in described.get("security", []):
                continue
            for response in described["responses"].values():
                _add_examples(response)
            # FastAPI documents its own validation error, which the OAMP does not have.
            described["responses"].pop("422", None)
            requests |= _referred(described.get("requestBody"))
            responses |= _referred(described["responses"])
            for response in described["responses"].values():
                response["headers"] = _release_headers(method) | response.get("headers", {})
            if method == "get":
                item["head"] = _head(described)
    components = document.setdefault("components", {})
    components["securitySchemes"] = components.get("securitySchemes", {}) | {"oampAuth": _SECURITY_SCHEME}
    components["headers"] = components.get("headers", {}) | _HEADERS
    components["responses"] = components.get("responses", {}) | {"MethodNotAllowed": _not_allowed()}
    models = {model.__name__: model for model in _submodels(OampModel)}
    known = components.setdefault("schemas", {})
    known |= schemas(_of(models, responses), _of(models, requests))
    for name in ("HTTPValidationError", "ValidationError"):
        if name not in _referred(document["paths"]):
            known.pop(name, None)
    return document


def _add_examples(response: dict[str, Any]) -> None:
    rows = {row.name: row for row in errors.TABLE}
    for name in response.pop(_ERRORS, ()):
        document = OampError(rows[name].error(actual="-1")).document
        for codec in CODECS:
            content = response["content"]["/".join(codec.media_types[0])]
            content.setdefault("examples", {})[name] = {"value": _example(document, codec)}


def _of(models: Mapping[str, type[OampModel]], names: set[str]) -> list[type[OampModel]]:
    """Return the models with these names, in a constant order; other names are those of FastAPI's schemas."""
    return [models[name] for name in sorted(names) if name in models]


def _release_headers(method: str) -> dict[str, Any]:
    headers = _RELEASE.headers if method == "post" else (*_RELEASE.headers, *_RELEASE.no_cache_headers)
    return _header_references(*(name.decode().title() for name, _ in headers))


def _not_allowed() -> dict[str, Any]:
    headers = _header_references("Allow", "X-Mockcvp-Reason")
    description = "A path of the OAMP lacks the method of the request. No body."
    return {"description": description, "headers": _header_references("Server") | headers}


def _head(get: dict[str, Any]) -> dict[str, Any]:
    """Return the HEAD operation of a GET operation."""
    responses = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in get["responses"].items()
    }
    name = get["operationId"].removeprefix("get").removeprefix("list")
    summary = f"{get['summary']}, without the body"
    return get | {"operationId": f"head{name[:1].upper()}{name[1:]}", "summary": summary, "responses": responses}


def _referred(part: Any) -> set[str]:
    """Return the names of the schemas that a part of a document refers to."""
    return set(re.findall(f'"{re.escape(PREFIX)}([^"]+)"', json.dumps(part)))


def _submodels(model: type[OampModel]) -> Iterator[type[OampModel]]:
    for submodel in model.__subclasses__():
        yield submodel
        yield from _submodels(submodel)
