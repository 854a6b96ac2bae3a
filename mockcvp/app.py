"""The ASGI app of a mock server, which joins all packages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.admin import PATH
from mockcvp.pipeline.exchange import Exchange
from mockcvp.settings import Settings
from mockcvp.state import MockState

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app(settings: Settings | None = None, *, state: MockState | None = None) -> Exchange:
    """Create the app of a mock server for any ASGI server.

    Args:
        settings: the settings of a new mock server, by default those of ``Settings()``
        state: the state of an existing mock server
    """
    served = state or MockState(settings or Settings())
    return Exchange(_LazyApp(lambda: _guarded(control_of(served), served)), PATH, served)


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
