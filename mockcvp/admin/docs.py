"""The documentation of both APIs under ``/__admin``: the OpenAPI document, and Swagger UI as its web page."""

import json
import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.admin import PATH, TENANTS_PATH
from mockcvp.admin.openapi import control_router, responds
from mockcvp.admin.responses import OpenApiDocument
from mockcvp.pipeline.scope import requests_page, route_path
from mockcvp.settings import Settings, __version__

SWAGGER_UI = Path(__file__).with_name("swagger_ui")
"""The directory with the files of Swagger UI."""

_VERSION = "5.35.0"
_MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
# a browser of the next version of mockcvp requests other URLs
_CACHE_CONTROL = "private, max-age=31536000, immutable"
# the URLs are relative: a user may mount the app below a prefix
_REDIRECTS = {"/": f"{PATH[1:]}/", PATH: f"{PATH[1:]}/", f"{PATH}/": ""}
_PAGE = "The web page. It loads nothing from another site."

router = control_router("mock server")


# these are not coroutines, since the first calls take long and FastAPI runs plain functions in a thread
@router.get("/openapi.json", responses=responds(200, "The document, in OpenAPI 3.1.", OpenApiDocument))
def openapi(request: Request) -> Response:
    """Return this document."""
    app, root_path = request.app, request.scope.get("root_path", "")
    tenant = request.path_params.get("tenant")
    content = _content(app, root_path) if tenant is None else _encoded(app.openapi(), root_path, tenant)
    return Response(content, media_type="application/json")


@router.get("/docs", response_class=HTMLResponse, responses={200: {"description": _PAGE}})
def docs() -> Response:
    """Return this document as a web page."""
    page, policy = _page()
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def swagger_ui_file(request: Request) -> FileResponse:
    """Return a file of Swagger UI."""
    name = request.scope["route"].name
    return FileResponse(SWAGGER_UI / name, media_type=_MEDIA_TYPES[name], headers={"Cache-Control": _CACHE_CONTROL})


for _name in _MEDIA_TYPES:
    router.add_api_route(f"/docs/{_name}", swagger_ui_file, name=_name, include_in_schema=False)


def with_redirects(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return an app that redirects the root, for a browser, and the path of the control API to the console.

    Args:
        app: serves all other requests
        settings: without a console, the redirects lead to the documentation
    """
    page = "docs" if settings.console == "off" else "console/"

    async def redirecting(scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else ""
        if path in _REDIRECTS and (path != "/" or requests_page(scope)):
            await RedirectResponse(_REDIRECTS[path] + page)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return redirecting


def _content(app: FastAPI, root_path: str) -> bytes:
    """Return the encoded document of an app, from the app's cache while the document is the same."""
    key = app.openapi(), root_path
    known, content = getattr(app.state, "openapi_content", (None, b""))
    if known is None or known[0] is not key[0] or known[1] != key[1]:
        content = _encoded(*key)
        app.state.openapi_content = key, content
    return content


def _encoded(document: dict[str, Any], root_path: str, tenant: str | None = None) -> bytes:
    """Return a document as JSON, with the URL that an app is mounted at, and those of a tenant's control API."""
    if root_path:
        document = document | {"servers": [{"url": root_path}]}
    if tenant is not None:
        servers = {"servers": [{"url": f"{root_path}{TENANTS_PATH}/{tenant}"}]}
        paths = {
            path: item | servers if path.startswith(PATH) and not path.startswith(TENANTS_PATH) else item
            for path, item in document["paths"].items()
        }
        document = document | {"paths": paths}
    return json.dumps(document, separators=(",", ":")).encode()


@cache
def _page() -> tuple[str, str]:
    """Return the web page and its content security policy."""
    # URLs are relative: the page also has the paths of tenants and of mounted apps
    response = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=f"mockcvp {__version__}",
        swagger_js_url=f"docs/swagger-ui-bundle.js?v={_VERSION}",
        swagger_css_url=f"docs/swagger-ui.css?v={_VERSION}",
        swagger_favicon_url=f"docs/favicon-32x32.png?v={_VERSION}",
        swagger_ui_parameters={"validatorUrl": None},
    )
    page = bytes(response.body).decode()
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in _inline_scripts(page)]
    scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
    policy = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _inline_scripts(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
