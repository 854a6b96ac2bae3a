"""The FastAPI app of one mock server."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from pydantic.alias_generators import to_camel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp import __version__
from mockcvp.admin import PATH
from mockcvp.oamp import documentation, operation, routes
from mockcvp.oamp.http import BASE_PATH, Request, Response
from mockcvp.oamp.service import OAMP
from mockcvp.pipeline.exchange import Exchange
from mockcvp.settings import Settings
from mockcvp.state import MockState


def create_app(settings: Settings | None = None, *, state: MockState | None = None) -> "MockApp":
    """Create the app of a mock server, for any ASGI server.

    Args:
        settings: the settings of a new mock server, by default those of ``Settings()``
        state: the state of an existing mock server
    """
    return MockApp(state or MockState(settings or Settings()))


class MockApp(FastAPI):
    """A FastAPI app that records every request, and serves the OAMP's own operations without FastAPI's stack.

    FastAPI's stack takes several times as long as the operations. It serves them too where a user of this app has added
    middleware or overridden a dependency, and it serves what a user has added.

    Attributes:
        exchange: serves the requests of the OAMP
    """

    def __init__(self, state: MockState) -> None:
        super().__init__(
            title="mockcvp",
            version=__version__,
            openapi_url=None,
            redirect_slashes=False,
            generate_unique_id_function=lambda route: to_camel(route.name),
            exception_handlers={404: operation.on_http_error, 405: operation.on_http_error},
        )
        self.state.mock = state
        self.include_router(routes.router)
        self._own_routes = len(self.routes)
        self.exchange = Exchange(PATH, state, routes.dispatcher, self._serve, self._is_extended)
        self._admin = _LazyApp(lambda: _guarded(control_of(state), state))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as ASGI has it."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.exchange.controls(scope):
            await self._admin(scope, receive, send)
        else:
            await self.exchange(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with both formats of the OAMP."""
        if self.openapi_schema is None:
            self.openapi_schema = documentation.openapi(super().openapi())
        return self.openapi_schema

    def _is_extended(self, path: str) -> bool:
        """Return whether a path must go through FastAPI."""
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


class _LazyApp:
    """An ASGI app that is created on the first request.

    The import of FastAPI takes longer than the rest of a start, and many mock servers get no control request.
    """

    def __init__(self, create: Callable[[], ASGIApp]) -> None:
        self._create = create
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._create()
        await self._app(scope, receive, send)


def _guarded(app: ASGIApp, state: MockState) -> ASGIApp:
    from mockcvp.admin.access import Guard
    from mockcvp.admin.access_log import AccessLog

    settings = state.settings
    own = settings.admin_username is not None
    whose = "those of --admin-username and --admin-password" if own else "the OAMP's"
    guard = Guard(app, settings.admin_credentials, whose, f"{PATH}/health", state.unfinished, settings)
    return AccessLog(guard)


def control_of(state: MockState) -> "FastAPI":
    """Create the FastAPI app of the control API, for a mock server and its tenants."""
    from fastapi import FastAPI

    from mockcvp.admin import router, tenants

    def of_tenant(tenant: MockState) -> FastAPI:
        routes = router.router(tenant)
        app = FastAPI(exception_handlers=router.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
        app.include_router(routes)
        # WireMock's clients add this prefix to every path.
        app.include_router(routes, prefix=PATH)
        return app

    app = FastAPI(exception_handlers=router.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
    app.include_router(router.router(state), prefix=PATH)
    path = f"{PATH}/cvp/tenants"
    app.include_router(tenants.router(state, path), prefix=f"{PATH}/cvp")
    app.mount(path, tenants.Controls(state, of_tenant))
    return app
