"""The first step of a request: to the OAMP of the mock server or of a tenant, or to the control API."""

from starlette.types import Receive, Scope, Send

from mockcvp.journal import Call
from mockcvp.oamp.http import Headers, Request
from mockcvp.oamp.releases import Release
from mockcvp.pipeline.exchange import Exchange, Services
from mockcvp.pipeline.extension import writer_of
from mockcvp.pipeline.request_body import RequestBody
from mockcvp.pipeline.scope import headers_of, request_of, requests_page, route_path
from mockcvp.state import MockState


class Pipeline:
    """Serves every request but those of the control API.

    Args:
        control_path: the path of the control API
        state: the state of the mock server
        services: the services of the app
    """

    def __init__(self, control_path: str, state: MockState, services: Services) -> None:
        self._control_path = control_path
        self._control_prefix = f"{control_path}/"
        self._state = state
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Call | None:
        """Serve one request, and return the call; None if it is not recorded."""
        headers = headers_of(scope)
        return await Exchange(self._services, self._called(headers), scope, headers, receive, send).run()

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""
        return self._state.oamp.release

    def controls(self, scope: Scope) -> bool:
        """Return whether the control API serves a request, which may be that of a browser for the root."""
        writer = writer_of(scope)
        control_port = writer.admin_port if writer else None
        if control_port is None:
            path = route_path(scope)
            if path == "/":
                return requests_page(scope) and not self._is_replaced(scope)
            return path.startswith(self._control_path) and f"{path}/".startswith(self._control_prefix)
        server = scope.get("server")
        return bool(server and server[1] == control_port)

    def _is_replaced(self, scope: Scope) -> bool:
        """Return whether a route that a user has added, or a stub mapping, serves a request."""
        headers = headers_of(scope)
        request = request_of(scope, headers, RequestBody())
        return self._services.has_added(scope) or self._called(headers).stubs.would_serve(request)

    def _called(self, headers: Headers) -> MockState:
        """Return the state of the tenant with the name of the user, or that of the mock server."""
        if not self._state.tenants:
            return self._state
        user = Request("", "", "", headers).user
        return self._state.tenants.get(user, self._state) if user else self._state
