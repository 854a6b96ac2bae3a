"""The documentation of both APIs under ``/__admin``: an OpenAPI document and a web page."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, Response

from mockcvp.admin.openapi import control_router, responds
from mockcvp.admin.responses import OpenApiDocument
from mockcvp.settings import __version__

_METHODS = ("get", "head", "post", "put", "patch", "delete")
_PAGE = "The page. It needs no JavaScript and nothing from another site."
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid #8888 }
code, pre { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
section { border-top: 1px solid #8888; margin-top: 2rem }
ul { margin: 0; padding-left: 1.2rem }
summary { cursor: pointer }
"""


router = control_router("mock server")


# these are not coroutines, since the first calls take long and FastAPI runs plain functions in a thread
@router.get("/openapi.json", responses=responds(200, "The document, in OpenAPI 3.1.", OpenApiDocument))
def openapi() -> Response:
    """Return this document."""
    return Response(_content(), media_type="application/json")


@router.get("/docs", response_class=HTMLResponse, responses={200: {"description": _PAGE}})
def docs() -> Response:
    """Return this document as a web page."""
    return HTMLResponse(_cached_page(), headers=_HEADERS)


@cache
def _content() -> bytes:
    return json.dumps(_document()).encode()


@cache
def _cached_page() -> str:
    return _page(_document())


@cache
def _document() -> dict[str, Any]:
    import yaml

    text = Path(__file__).with_name("openapi.yaml").read_text("utf-8")
    # libyaml's loader is many times as fast, but some machines lack it
    document: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # nosec B506 # noqa: S506 - it is safe
    document["info"]["version"] = __version__
    return document


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>',
        f"<h1>{title}</h1>{_prose(info['summary'])}{_prose(info['description'])}",
        "<p>As a document for programs: <code>openapi.json</code>.</p>",
        "<h2>Credentials</h2>",
        *(_scheme(name, scheme) for name, scheme in document["components"]["securitySchemes"].items()),
        *(line for tag in document["tags"] for line in _tag(document, tag)),
        "<h2>Schemas</h2>",
    ]
    for name, schema in document["components"]["schemas"].items():
        lines.append(f'<details id="{escape(name)}" open><summary><code>{escape(name)}</code></summary>')
        lines.append(f"{_schema(schema)}</details>")
    return "\n".join([*lines, "</body></html>"])


def _tag(document: dict[str, Any], tag: dict[str, Any]) -> Iterator[str]:
    found = [
        (method, path, item, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item and tag["name"] in item[method]["tags"]
    ]
    yield f"<h2>{escape(tag['name'].capitalize())}</h2>{_prose(tag['description'])}"
    yield _table(
        ("method", "path", ""),
        (
            (method.upper(), _link(operation["operationId"], path), escape(operation["summary"]))
            for method, path, _, operation in found
        ),
    )
    for method, path, item, operation in found:
        yield f'<section id="{escape(operation["operationId"])}">'
        yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>{_prose(operation['summary'])}"
        yield _prose(operation.get("description", "")) + _security(document, operation)
        yield from _exchanged(document, [*item.get("parameters", ()), *operation.get("parameters", ())], operation)
        yield "</section>"


def _scheme(name: str, scheme: dict[str, Any]) -> str:
    return f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>{_prose(scheme["description"])}'


def _security(document: dict[str, Any], operation: dict[str, Any]) -> str:
    wanted = operation.get("security", document["security"])
    # the description of the scheme says when credentials are required
    links = ", ".join(_link(name, name) for one in wanted for name in one)
    if not links:
        return ""
    return f"<p>Credentials{', where they are required' if {} in wanted else ''}: {links}</p>"


def _exchanged(document: dict[str, Any], parameters: list[Any], operation: dict[str, Any]) -> Iterator[str]:
    if parameters:
        named = [_resolved(document, parameter) for parameter in parameters]
        rows = (
            (
                f"<code>{escape(one['name'])}</code>",
                escape(one["in"]),
                _prose(one.get("description", "")),
                _schema(one["schema"]),
            )
            for one in named
        )
        yield _table(("parameter", "in", "", ""), rows)
    if body := operation.get("requestBody"):
        yield _table(("body", "required" if body["required"] else "may be left out"), _media(body["content"]))
    response_rows = []
    for status, response in operation["responses"].items():
        response = _resolved(document, response)
        headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", ()))
        bodies = _table((), _media(response["content"])) if "content" in response else ""
        error_lines = _prose(response["description"]) + (f"<p>Headers: {headers}</p>" if headers else "")
        response_rows.append((escape(status), error_lines, bodies))
    yield _table(("status", "", "body"), response_rows)


def _media(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for media, described in content.items():
        error_lines = _schema(described["schema"])
        for example in described.get("examples", {}).values():
            value = example["value"]
            text = value if isinstance(value, str) else json.dumps(value, indent=2)
            error_lines += (
                f"<details><summary>{escape(example['summary'])}</summary><pre>{escape(text)}</pre></details>"
            )
        yield f"<code>{escape(media)}</code>", error_lines


def _resolved(document: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in described:
        return described
    for step in described["$ref"].removeprefix("#/").split("/"):
        document = document[step]
    return document


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heading = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<tr>{heading}</tr>' if heading else ''}{body}</table>"


def _link(place: str, text: str) -> str:
    return f'<a href="#{escape(place)}"><code>{escape(text)}</code></a>'


def _prose(text: str) -> str:
    """Return the paragraphs of a text as HTML, with code for text in backticks."""
    paragraphs = [part for part in text.strip().split("\n\n") if part]
    return "".join(f"<p>{_coded(paragraph)}</p>" for paragraph in paragraphs)


def _coded(text: str) -> str:
    return "".join(f"<code>{escape(one)}</code>" if at % 2 else escape(one) for at, one in enumerate(text.split("`")))


def _schema(schema: dict[str, Any]) -> str:
    """Return a schema as a nested HTML list."""
    error_lines = []
    for keyword, value in schema.items():
        if keyword == "$ref":
            name = value.rpartition("/")[2]
            error_lines.append(_link(name, name))
        elif keyword == "description":
            error_lines.append(_coded(value.strip()))
        elif keyword == "properties":
            error_lines += [f"<code>{escape(name)}</code>: {_schema(one)}" for name, one in value.items()]
        elif keyword in ("oneOf", "anyOf", "allOf"):
            error_lines.append(f"{keyword}: <ul>{''.join(f'<li>{_schema(one)}</li>' for one in value)}</ul>")
        elif keyword in ("items", "not", "additionalProperties") and isinstance(value, dict):
            error_lines.append(f"{keyword}: {_schema(value)}")
        else:
            error_lines.append(f"{escape(keyword)} <code>{escape(json.dumps(value))}</code>")
    return error_lines[0] if len(error_lines) == 1 else f"<ul>{''.join(f'<li>{one}</li>' for one in error_lines)}</ul>"
