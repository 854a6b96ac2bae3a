"""Who may use the control API, and what a browser may do with its answers."""

import asyncio
from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.exchange import MALFORMED_BODY
from mockcvp.oamp.authentication import sent_credentials

_MOST_BYTES = 64 * 1024**2
_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Guard:
    """The ASGI app in front of the control API.

    It refuses pages of other sites, which a browser would let ask what they like, and who does not know user name and
    password, where they are wanted.

    Args:
        app: what is guarded
        credentials: the user name and the password that are wanted; None: everyone may use it
        whose: they are, in the words of a hint
        open_path: what everyone may ask
    """

    def __init__(self, app: ASGIApp, credentials: tuple[str, str] | None, whose: str, open_path: str) -> None:
        self._app = app
        self._whose = whose
        self._wanted = None if credentials is None else ":".join(credentials).encode()
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 401 or 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    sent.setdefault(name, value)
            await send(message)

        app = self._app
        if (origin := headers.get("origin")) is not None and not _is_own(origin, headers):
            app = _refusal(403, f"a page of {origin[:100]} may not use the control API")
        elif scope["path"] != self._open_path and not self._knows(headers):
            sent = sent_credentials(headers.get("authorization"))
            what = "user name or password are wrong" if sent else "no user name and password were sent"
            hint = f"{what}: the control API wants {self._whose}"
            app = _refusal(401, hint, {"www-authenticate": 'Basic realm="mockcvp"'})
        else:
            body = await _read(receive)
            if scope.get("state", {}).get(MALFORMED_BODY):
                app = Response(status_code=400, headers={"connection": "close"})
            elif body is None:
                return
            elif len(body) > _MOST_BYTES:
                app = _refusal(413, f"the body is larger than {_MOST_BYTES} bytes")
            else:
                receive = _again(body, receive)
        await app(scope, receive, sealed)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        if self._wanted is None:
            return True
        sent = sent_credentials(headers.get("authorization"))
        return sent is not None and compare_digest(":".join(sent).encode(errors="replace"), self._wanted)


async def _read(receive: Receive) -> bytes | None:
    """Return a request's body, or more of it than it may have; None where its client has gone before its end."""
    chunks, size, more = list[bytes](), 0, True
    while more and size <= _MOST_BYTES:
        try:
            message = await receive()
        except asyncio.CancelledError:
            # a server that stops has hung up
            return None
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        size, more = size + len(chunks[-1]), message.get("more_body", False)
    return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what receives a request whose body was read."""
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _is_own(origin: str, headers: Mapping[str, str]) -> bool:
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False


def _refusal(status: int, what: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [{"code": 10, "title": what}]}, status, headers)
