"""Requests from ASGI scopes."""

from functools import lru_cache
from urllib.parse import quote

from starlette.types import Scope

from mockcvp.oamp.http import Headers, Request
from mockcvp.pipeline.request_body import RequestBody


def route_path(scope: Scope) -> str:
    """Return the path of a request without the path at which the app is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def requests_page(scope: Scope) -> bool:
    """Return whether a browser requests a web page."""
    return scope["method"] == "GET" and any(
        name == b"accept" and b"text/html" in value for name, value in scope["headers"]
    )


def headers_of(scope: Scope) -> Headers:
    """Return the headers of a request."""
    try:
        return _cached(tuple(scope["headers"]))
    except TypeError:
        # ASGI permits a list for each header
        return _cached(tuple((name, value) for name, value in scope["headers"]))


@lru_cache(maxsize=256)
def _cached(headers: Headers) -> Headers:
    # The journal stores the headers of each call, and most calls of a client have the same.
    return headers


def request_of(scope: Scope, headers: Headers, body: RequestBody, exceeded: int = 0, throttled: str = "") -> Request:
    """Return the request of a scope.

    Args:
        scope: the ASGI scope
        headers: the headers
        body: the body, or the part of it that was read
        exceeded: the limit that the body exceeds, in bytes; 0 if it exceeds none
        throttled: the reason why the server has no capacity for the request; usually empty
    """
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or quote(path, safe="/%").encode()
    root: str = scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        path, raw = path[len(root) :], raw.removeprefix(quote(root).encode())
    query: bytes = scope["query_string"]
    target = path if not query and len(raw) == len(path) else (raw + b"?" + query if query else raw).decode("latin-1")
    server = scope.get("server")
    authority = _authority(*server) if server else "localhost"
    method, version = scope["method"], scope["http_version"]
    return Request(method, path, target, headers, body.content, exceeded, throttled, authority, version, root_path=root)


@lru_cache(maxsize=16)
def _authority(host: str, port: int | None) -> str:
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"
