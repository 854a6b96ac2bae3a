"""A line in the log for each call of the control API."""

import json
import logging

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.oamp.authentication import sent_credentials
from mockcvp.text import printable, shortened

_READING_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
# WireMock's admin API has some reading calls with a body
_READING_PATHS = ("/requests/count", "/requests/find", "/near-misses/request-pattern")
_FIRST_ERROR = 400
_MOST_CHARACTERS = 1000

_log = logging.getLogger(__name__)


class AccessLog:
    """The ASGI app that logs each call of the control API: status, method, path, user, address, and what was wrong.

    A call that changes something and one that is rejected are logged at info, any other at debug.

    Args:
        app: the control API
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, and log it before its response is sent."""
        if scope["type"] != "http" or not _log.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        call = _Call(scope, send)
        try:
            await self._app(scope, receive, call.send)
        finally:
            call.log()


class _Call:
    """One call, and what is known of its response."""

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
            self._error += message.get("body", b"") if self._is_rejected else b""
        # the line of a rejected call has the reason, which is in the body
        if not self._is_rejected or (message["type"] == "http.response.body" and not message.get("more_body")):
            self.log()
        await self._send(message)

    def log(self) -> None:
        """Log the call, once."""
        if not self._is_logged:
            self._is_logged = True
            _log.log(logging.INFO if self._is_rejected or self._changes else logging.DEBUG, "%s", self._line)

    @property
    def _is_rejected(self) -> bool:
        return self._status is None or self._status >= _FIRST_ERROR

    @property
    def _changes(self) -> bool:
        return self._scope["method"] not in _READING_METHODS and not self._scope["path"].endswith(_READING_PATHS)

    @property
    def _line(self) -> str:
        scope = self._scope
        credentials = sent_credentials(Headers(scope=scope).get("authorization"))
        user, address = credentials[0] if credentials else "-", scope["client"][0] if scope["client"] else "-"
        line = f"{self._status or '---'} {scope['method']} {scope['path']} {user} from {address}"
        if self._status is None:
            line += ": the connection was closed before the request was complete"
        elif reasons := _reasons(self._error):
            # many a client does not show the body of a response
            line += f": {reasons}"
        return printable(shortened(line, _MOST_CHARACTERS))


def _reasons(error: bytes) -> str:
    try:
        return "; ".join(one["title"] for one in json.loads(error)["errors"])
    except (ValueError, LookupError, TypeError):
        return ""
