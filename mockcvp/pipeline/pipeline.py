"""The pipeline of requests: which of them are the OAMP's, and what serves these."""

from starlette.types import Receive, Scope, Send

from mockcvp.oamp.http import Headers, Request
from mockcvp.oamp.releases import Release
from mockcvp.pipeline.exchange import Exchange, Services
from mockcvp.pipeline.extension import writer_of
from mockcvp.pipeline.scope import headers_of, route_path
from mockcvp.state import MockState


class Pipeline:
    """Serves every request but those of the control API.

    Args:
        control_path: the path that those of the control API begin with
        state: the mock server
        services: what serves the requests
    """

    def __init__(self, control_path: str, state: MockState, services: Services) -> None:
        self._control_path = control_path
        self._control_prefix = f"{control_path}/"
        self._state = state
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = headers_of(scope)
        state = self._called(headers) if self._state.tenants else self._state
        await Exchange(self._services, state, scope, headers, receive, send).run()

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""
        return self._state.oamp.release

    def controls(self, scope: Scope) -> bool:
        """Return whether a request is one of the control API."""
        writer = writer_of(scope)
        control_port = writer.admin_port if writer else None
        if control_port is None:
            path = route_path(scope)
            return path.startswith(self._control_path) and f"{path}/".startswith(self._control_prefix)
        server = scope.get("server")
        return bool(server and server[1] == control_port)

    def _called(self, headers: Headers) -> MockState:
        """Return the mock server that a request is for: that of its user's tenant, or the one that is served."""
        user = Request("", "", "", headers).user
        return self._state.tenants.get(user, self._state) if user else self._state
