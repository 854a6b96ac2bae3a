"""The access log of the control API."""

import json
import logging

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.oamp.authentication import sent_credentials
from mockcvp.text import printable, shortened

_READING_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
# WireMock's admin API has reading calls with a body
_READING_PATHS = ("/requests/count", "/requests/find", "/near-misses/request-pattern")
_FIRST_ERROR = 400
_MOST_CHARACTERS = 1000

_log = logging.getLogger(__name__)


def changes(scope: Scope) -> bool:
    """Return whether a control request may change something."""
    return scope["method"] not in _READING_METHODS and not scope["path"].endswith(_READING_PATHS)


class AccessLog:
    """An ASGI middleware that logs each control call: status, method, path, user, address and errors.

    The level of a call that changes something, or of an error response, is INFO, and of any other DEBUG.

    Args:
        app: the control API
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, and log it before the response is sent."""
        if scope["type"] != "http" or not _log.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        call = _Call(scope, send)
        try:
            await self._app(scope, receive, call.send)
        finally:
            call.log()


class _Call:
    """A control call and its response."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._status: int | None = None
        self._error = b""
        self._is_logged = False

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._error += message.get("body", b"") if self._is_error else b""
        # the line of an error response has the errors of the body
        if not self._is_error or (message["type"] == "http.response.body" and not message.get("more_body")):
            self.log()
        await self._send(message)

    def log(self) -> None:
        """Log the call, once."""
        level = logging.INFO if self._is_error or changes(self._scope) else logging.DEBUG
        if not self._is_logged and _log.isEnabledFor(level):
            _log.log(level, "%s", self._line)
        self._is_logged = True

    @property
    def _is_error(self) -> bool:
        return self._status is None or self._status >= _FIRST_ERROR

    @property
    def _line(self) -> str:
        scope = self._scope
        credentials = sent_credentials(Headers(scope=scope).get("authorization"))
        user, address = credentials[0] if credentials else "-", (scope.get("client") or "-")[0]
        line = f"{self._status or '---'} {scope['method']} {scope['path']} {user} from {address}"
        if self._status is None:
            line += ": the connection was closed before the request was complete"
        elif titles := _titles(self._error):
            # many clients do not show the body of a response
            line += f": {titles}"
        return printable(shortened(line, _MOST_CHARACTERS))


def _titles(error: bytes) -> str:
    try:
        return "; ".join(one["title"] for one in json.loads(error)["errors"])
    except (ValueError, LookupError, TypeError):
        return ""
