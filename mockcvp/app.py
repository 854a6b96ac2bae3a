"""The ASGI app of one double: the only place that knows all the rooms."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.control import PATH
from mockcvp.control.guard import Guard
from mockcvp.double import Double
from mockcvp.exchange import Exchange
from mockcvp.settings import Settings


def create_app(settings: Settings | None = None, *, double: Double | None = None) -> FastAPI:
    """Return the app of a double, ready for any ASGI server.

    Args:
        settings: of a new double; the defaults where neither this nor ``double`` is given
        double: the double to serve, instead of a new one
    """
    served = double or Double(settings or Settings())
    middleware = []
    username, password = served.settings.admin_username, served.settings.admin_password
    if username is not None and password is not None:
        middleware.append(Middleware(Guard, username, password.get_secret_value(), f"{PATH}/health"))
    app = _App(title="mockcvp", middleware=middleware, openapi_url=None, redirect_slashes=False)
    app.exchange = Exchange(app.control, PATH, served)
    app.mount("", _WhenAsked(lambda: control_of(served)))
    return app


class _App(FastAPI):
    """An app whose calls to the OAMP do not pass the framework, which is for the routes of the control API."""

    exchange: Exchange

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Take every call."""
        return self.exchange(scope, receive, send)

    async def control(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a call that controls the double."""
        await super().__call__(scope, receive, send)


class _WhenAsked:
    """An ASGI app that is made when it is first asked: many a double is never controlled over HTTP."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)


def control_of(double: Double) -> FastAPI:
    """Return the app that controls a double, and its tenants."""
    from mockcvp.control import api, tenants

    def of_tenant(tenant: Double) -> FastAPI:
        routes = api.router(tenant)
        app = FastAPI(exception_handlers=api.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
        app.include_router(routes)
        # WireMock's own clients put this before every path
        app.include_router(routes, prefix=PATH)
        return app

    app = FastAPI(exception_handlers=api.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
    app.include_router(api.router(double), prefix=PATH)
    path = f"{PATH}/cvp/tenants"
    app.include_router(tenants.router(double, path), prefix=f"{PATH}/cvp")
    app.mount(path, tenants.Controls(double, of_tenant))
    return app
