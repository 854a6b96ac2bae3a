"""Who may use the control API."""

import logging
from collections.abc import Mapping
from hmac import compare_digest

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.oamp.authentication import sent_credentials
from mockcvp.wording import printable

_log = logging.getLogger(__name__)


class Guard:
    """The ASGI app that lets through those who know a user name and a password, and everyone to ``open_path``.

    Args:
        app: what is guarded
        username: of those
        password: of those
        open_path: what everyone may ask
    """

    def __init__(self, app: ASGIApp, username: str, password: str, open_path: str) -> None:
        self._app = app
        self._wanted = f"{username}:{password}".encode()
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 401."""
        if scope["type"] != "http" or scope["path"] == self._open_path or self._knows(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        sent = sent_credentials(Headers(scope=scope).get("authorization"))
        what = "user name or password are wrong" if sent else "no user name and password were sent"
        _log.info("%s", printable(f"401 {scope['method']} {scope['path']} {what}"))
        title = f"{what}: the control API needs the user name and password of --admin-username and --admin-password"
        headers = {"www-authenticate": 'Basic realm="mockcvp"'}
        await JSONResponse({"errors": [{"code": 10, "title": title}]}, 401, headers)(scope, receive, send)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        sent = sent_credentials(headers.get("authorization"))
        return sent is not None and compare_digest(":".join(sent).encode(errors="replace"), self._wanted)
