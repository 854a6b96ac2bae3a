"""The ASGI app of one double: the only place that knows all the rooms."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.admin import PATH
from mockcvp.pipeline.exchange import Exchange
from mockcvp.settings import Settings
from mockcvp.state import Double

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app(settings: Settings | None = None, *, double: Double | None = None) -> Exchange:
    """Return the app of a double, ready for any ASGI server.

    Args:
        settings: of a new double; the defaults where neither this nor ``double`` is given
        double: the double to serve, instead of a new one
    """
    served = double or Double(settings or Settings())
    return Exchange(_WhenAsked(lambda: _guarded(control_of(served), served)), PATH, served)


class _WhenAsked:
    """An ASGI app that is made when it is first asked: many a double is never controlled over HTTP.

    All that is FastAPI is loaded then, which takes longer than all else that a start loads.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)


def _guarded(app: ASGIApp, double: Double) -> ASGIApp:
    from mockcvp.admin.access import Guard
    from mockcvp.admin.access_log import AccessLog

    settings = double.settings
    own = settings.admin_username is not None
    whose = "those of --admin-username and --admin-password" if own else "the OAMP's"
    guard = Guard(app, settings.admin_credentials, whose, f"{PATH}/health", double.unfinished, settings)
    return AccessLog(guard)


def control_of(double: Double) -> "FastAPI":
    """Return the app that controls a double, and its tenants."""
    from fastapi import FastAPI

    from mockcvp.admin import router, tenants

    def of_tenant(tenant: Double) -> FastAPI:
        routes = router.router(tenant)
        app = FastAPI(exception_handlers=router.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
        app.include_router(routes)
        # WireMock's own clients put this before every path
        app.include_router(routes, prefix=PATH)
        return app

    app = FastAPI(exception_handlers=router.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
    app.include_router(router.router(double), prefix=PATH)
    path = f"{PATH}/cvp/tenants"
    app.include_router(tenants.router(double, path), prefix=f"{PATH}/cvp")
    app.mount(path, tenants.Controls(double, of_tenant))
    return app
