"""The ASGI app of one mock server: the only place that knows all the rooms."""

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
    """Return the app of a mock server, ready for any ASGI server.

    Args:
        settings: of a new mock server; the defaults where neither this nor ``state`` is given
        state: the mock server to serve, instead of a new one
    """
    served = state or MockState(settings or Settings())
    return Exchange(_WhenAsked(lambda: _guarded(control_of(served), served)), PATH, served)


class _WhenAsked:
    """An ASGI app that is made when it is first asked: many a mock server is never controlled over HTTP.

    All that is FastAPI is loaded then, which takes longer than all else that a start loads.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._make()
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
    """Return the FastAPI app that controls a mock server and its tenants."""
    from mockcvp.admin.router import ControlApp

    return ControlApp(state)
