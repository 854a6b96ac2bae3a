"""The FastAPI app of one mock server."""

from typing import Any

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp import __version__
from mockcvp.admin import PATH
from mockcvp.admin import openapi as control_openapi
from mockcvp.admin.access import Guard
from mockcvp.admin.access_log import AccessLog
from mockcvp.admin.errors import ERROR_HANDLERS
from mockcvp.admin.router import include_control
from mockcvp.oamp import documentation, operation, routes
from mockcvp.oamp.http import BASE_PATH, Request, Response
from mockcvp.oamp.service import OAMP
from mockcvp.pipeline.exchange import Exchange
from mockcvp.settings import Settings
from mockcvp.state import MockState

_DESCRIPTION = """\
This document describes two APIs: the OAMP's, under `/cvp-config`, and the control API, under `/__admin`, for tests.

A method that a path lacks gets 405 with `Allow`: without a body under `/cvp-config`, with an error in JSON under
`/__admin`. A path that does not exist gets 404.

The response headers of the OAMP are those of `--release 10.0`.
"""


def create_app(settings: Settings | None = None, *, state: MockState | None = None) -> "MockApp":
    """Create the app of a mock server, for any ASGI server.

    Args:
        settings: the settings of a new mock server, by default those of ``Settings()``
        state: the state of an existing mock server
    """
    return MockApp(state or MockState(settings or Settings()))


class MockApp(FastAPI):
    """A FastAPI app that records every request, and calls the operations of the OAMP without FastAPI's stack.

    FastAPI's stack takes several times as long as an operation. It serves all requests of the OAMP once a user of this
    app has added middleware or overridden a dependency, and those of routes that a user has added.

    Attributes:
        exchange: serves the requests of the OAMP
    """

    def __init__(self, state: MockState) -> None:
        super().__init__(
            title="mockcvp",
            version=__version__,
            summary="The OAMP server of Cisco Unified CVP, mocked for tests, and the control API of the mock server.",
            description=_DESCRIPTION,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_tags=[*documentation.TAGS, *control_openapi.TAGS],
            openapi_url=None,
            redirect_slashes=False,
            generate_unique_id_function=lambda route: to_camel(route.name),
            exception_handlers=ERROR_HANDLERS | {HTTPException: _http_error, RequestValidationError: _invalid},
        )
        self.state.mock = state
        self.include_router(routes.router)
        include_control(self)
        self._own_routes = len(self.routes)
        self.exchange = Exchange(PATH, state, routes.dispatcher, self._serve, self._is_extended)
        self._control = _guarded(super().__call__, state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as ASGI has it."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.exchange.controls(scope):
            await self._control(scope, receive, send)
        else:
            await self.exchange(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = control_openapi.completed(documentation.completed(super().openapi()))
        return self.openapi_schema

    def _is_extended(self, path: str) -> bool:
        """Return whether a request for a path of the OAMP needs FastAPI's stack."""
        if self.user_middleware or self.dependency_overrides:
            return True
        return len(self.routes) > self._own_routes and not routes.dispatcher.has(path)

    async def _serve(self, scope: Scope, oamp: OAMP, request: Request) -> Response:
        """Return the response of FastAPI's stack to a request."""
        served = operation.Served(oamp, request)
        messages: list[Message] = [{"type": "http.request", "body": request.body}]
        start: Message = {}
        body = bytearray()

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        # a path and the same path with a slash are one resource, and HEAD is GET without the body (contract, section 1)
        path: str = scope["path"]
        if request.path.startswith(f"{BASE_PATH}/"):
            path = path.removesuffix("/")
        method = "GET" if request.method == "HEAD" else request.method
        extensions = {**scope.get("extensions", {}), operation.EXTENSION: served}
        await super().__call__({**scope, "path": path, "method": method, "extensions": extensions}, receive, send)
        headers = tuple((name.lower(), value) for name, value in start["headers"])
        content = b"" if request.method == "HEAD" else bytes(body)
        known = served.response or Response(0, ())
        return known._replace(status=start["status"], headers=headers, body=content, parts=None)


def _guarded(app: ASGIApp, state: MockState) -> ASGIApp:
    settings = state.settings
    own = settings.admin_username is not None
    whose = "those of --admin-username and --admin-password" if own else "the OAMP's"
    guard = Guard(app, settings.admin_credentials, whose, f"{PATH}/health", state.unfinished, settings)
    return AccessLog(guard)


async def _http_error(request: StarletteRequest, exc: Exception) -> StarletteResponse:
    assert isinstance(exc, HTTPException)
    if not operation.is_served(request):
        control_error: StarletteResponse = await ERROR_HANDLERS[HTTPException](request, exc)
        return control_error
    if exc.status_code in (404, 405):
        return operation.not_found(request, exc)
    return await http_exception_handler(request, exc)


async def _invalid(request: StarletteRequest, exc: Exception) -> StarletteResponse:
    assert isinstance(exc, RequestValidationError)
    if operation.is_served(request):
        return await request_validation_exception_handler(request, exc)
    control_error: StarletteResponse = await ERROR_HANDLERS[RequestValidationError](request, exc)
    return control_error
