"""The FastAPI app of one mock server."""

import asyncio
import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.admin import PATH
from mockcvp.oamp import documentation, operation, routes
from mockcvp.oamp.http import BASE_PATH, Headers, Request, Response
from mockcvp.oamp.releases import Release
from mockcvp.oamp.service import OAMP
from mockcvp.pipeline.exchange import Services
from mockcvp.pipeline.pipeline import Pipeline
from mockcvp.settings import Settings, __version__
from mockcvp.state import MockState

_log = logging.getLogger(__name__)

_DESCRIPTION = """\
This document describes two APIs: the OAMP's, under `/cvp-config`, and the control API, under `/__admin`, for tests.

A method that a path lacks gets 405 with `Allow`: without a body under `/cvp-config`, with an error in JSON under
`/__admin`. A path that does not exist gets 404.

The response headers of the OAMP are those of `--release 10.0`.
"""


def create_app(settings: Settings | None = None, *, state: MockState | None = None) -> "MockApp":
    """Create the app of a mock server, for any ASGI server.

    Args:
        settings: the settings of a new mock server, by default those of the ``MOCKCVP_…`` environment variables
        state: the state of an existing mock server

    Raises:
        ValueError: a variable is not valid
        FileError: the file of the deployment or of a stub mapping is not valid
    """
    return MockApp(state or MockState(settings or Settings.from_environment()))


class MockApp(FastAPI):
    """A FastAPI app that records every request but those of the control API.

    FastAPI's stack takes several times as long as an operation of the OAMP, so the operations are called directly.
    FastAPI's stack serves routes that a user has added. It serves all requests once a user has added middleware or
    overridden a dependency.

    Attributes:
        pipeline: serves every request but those of the control API
    """

    def __init__(self, state: MockState) -> None:
        super().__init__(
            title="mockcvp",
            version=__version__,
            summary="The OAMP server of Cisco Unified CVP, mocked for tests, and the control API of the mock server.",
            description=_DESCRIPTION,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            openapi_url=None,
            redirect_slashes=False,
            generate_unique_id_function=lambda route: to_camel(route.name),
            exception_handlers={HTTPException: _http_error, RequestValidationError: _invalid},
        )
        self.state.mock = state
        self.include_router(routes.router)
        self._own_routes = len(self.router.routes)
        self._control: ASGIApp | None = None
        services = Services(state.unfinished, routes.dispatcher, self._respond, self._needs_fastapi, self._has_added)
        self.pipeline = Pipeline(PATH, state, services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the lifespan of the app."""
        if scope["type"] != "http":
            # FastAPI builds its middleware stack here, which needs the exception handlers of the control API.
            self._with_control()
            await super().__call__(scope, receive, send)
        elif self.pipeline.controls(scope):
            await self._with_control()(scope, receive, send)
        else:
            await self.pipeline(scope, receive, send)

    def _with_control(self) -> ASGIApp:
        """Add the control API, and return the app that serves its requests.

        The import takes longer than the rest of a start, and many mock servers get no control request.
        """
        if self._control is None:
            from mockcvp.admin.access import guarded
            from mockcvp.admin.docs import with_redirects
            from mockcvp.admin.error_handlers import ERROR_HANDLERS
            from mockcvp.admin.router import include_control

            own, added = self.router.routes[: self._own_routes], self.router.routes[self._own_routes :]
            self.router.routes[:] = own
            include_control(self)
            self._own_routes = len(self.router.routes)
            # A user may have mounted an app at the root, which would match every path of the control API.
            self.router.routes += added
            self.exception_handlers = ERROR_HANDLERS | self.exception_handlers
            self._control = guarded(with_redirects(super().__call__, self.state.mock.settings), self.state.mock)
        return self._control

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the OAMP, of the control API, and those that a user has added."""
        self._with_control()
        return super().routes

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""
        return self.pipeline.release

    def controls(self, scope: Scope) -> bool:
        """Return whether the control API serves a request."""
        return self.pipeline.controls(scope)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            from mockcvp.admin import openapi as control

            self._with_control()
            self.openapi_tags = [*documentation.TAGS, *control.TAGS]
            self.openapi_schema = control.completed(documentation.completed(super().openapi()))
        return self.openapi_schema

    def _needs_fastapi(self, path: str, method: str) -> bool:
        """Return whether FastAPI's stack has to serve a request."""
        if self.user_middleware or self.dependency_overrides:
            return True
        return len(self.router.routes) > self._own_routes and not routes.dispatcher.has(path, method)

    def _has_added(self, scope: Scope) -> bool:
        """Return whether a route that a user has added serves a request."""
        return any(route.matches(scope)[0] is Match.FULL for route in self.router.routes[self._own_routes :])

    async def _respond(self, scope: Scope, oamp: OAMP, request: Request) -> Response:
        """Return the response of FastAPI's stack to a request."""
        self._with_control()
        if asyncio.current_task() is None:
            # The server begins a call without a task, and middleware may need one.
            await asyncio.sleep(0)
        served = operation.Served(oamp, request)
        messages: list[Message] = [{"type": "http.request", "body": request.body}]
        start: Message = {"status": 500}
        body = bytearray()

        async def receive() -> Message:
            if request.exceeded:
                raise HTTPException(413, f"the body is larger than {request.exceeded} bytes")
            if not messages:
                # The client stays connected: a disconnected one receives no response.
                await asyncio.get_running_loop().create_future()
            return messages.pop()

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
        try:
            await super().__call__({**scope, "path": path, "method": method, "extensions": extensions}, receive, send)
        except Exception:
            # FastAPI has sent a response with status 500.
            _log.exception("error in the response to %s %r", request.method, request.path)
        content = bytes(body)
        headers = _with_length(tuple((name.lower(), value) for name, value in start.get("headers", ())), content)
        known = served.response or Response(0, ())
        shown = b"" if request.method == "HEAD" else content
        return known._replace(status=start["status"], headers=headers, body=shown, parts=None)


def _with_length(headers: Headers, body: bytes) -> Headers:
    """Return the headers of a response with one header for its length, which an app or its middleware may lack."""
    names = {name for name, _ in headers}
    if (b"content-length" in names) != (b"transfer-encoding" in names):
        return headers
    others = tuple(header for header in headers if header[0] not in (b"content-length", b"transfer-encoding"))
    return (*others, (b"content-length", b"%d" % len(body)))


async def _http_error(request: StarletteRequest, exc: Exception) -> StarletteResponse:
    assert isinstance(exc, HTTPException)
    if not operation.is_served(request):
        return await _control_error(HTTPException, request, exc)
    # A route that a user has added may raise these errors too.
    has_no_route = exc.status_code == 404 and "endpoint" not in request.scope
    if has_no_route or (exc.status_code == 405 and exc.detail == "Method Not Allowed"):
        return operation.not_found(request, exc)
    return await http_exception_handler(request, exc)


async def _invalid(request: StarletteRequest, exc: Exception) -> StarletteResponse:
    assert isinstance(exc, RequestValidationError)
    if not operation.is_served(request):
        return await _control_error(RequestValidationError, request, exc)
    return await request_validation_exception_handler(request, exc)


async def _control_error(kind: type[Exception], request: StarletteRequest, exc: Exception) -> StarletteResponse:
    from mockcvp.admin.error_handlers import ERROR_HANDLERS

    response: StarletteResponse = await ERROR_HANDLERS[kind](request, exc)
    return response
