"""The access control of the control API, and its security headers for browsers."""

import ipaddress
from collections.abc import Mapping
from hmac import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.admin import PATH
from mockcvp.admin.access_log import AccessLog, changes
from mockcvp.admin.indentation import indented
from mockcvp.admin.origin import is_own
from mockcvp.oamp.authentication import sent_credentials
from mockcvp.pipeline.extension import writer_of
from mockcvp.pipeline.request_body import MAX_CONTROL_BYTES, RequestBody, UnfinishedBodies, read_body
from mockcvp.settings import Settings
from mockcvp.state import MockState

_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI middleware that rejects the web pages of other sites, and clients without the credentials.

    Args:
        app: the control API
        credentials: the required user name and password; None where no credentials are required
        remote_credentials: those that other machines need if another ASGI server serves the app
        whose: the owner of the credentials, for the error message
        open_path: the path that needs no credentials
        unfinished: the request bodies that the server is reading
        settings: the settings of the mock server
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: tuple[str, str] | None,
        remote_credentials: tuple[str, str] | None,
        whose: str,
        open_path: str,
        unfinished: UnfinishedBodies,
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._app = app
        self._unfinished = unfinished
        self._whose = whose
        self._wanted, self._wanted_remotely = _encoded(credentials), _encoded(remote_credentials)
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or send 401 or 403."""
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
        writer = writer_of(scope)
        # a request may have several Origin headers
        foreign = [
            origin
            for origin in headers.getlist("origin")
            if not is_own(origin, headers.get("host"), self._settings, writer.certificate if writer else None)
        ]
        if foreign:
            what = f"a page of {foreign[0][:100]} may not use the control API"
            hint = "the pages of a host that the certificate covers may: --tls-name adds one"
            app = _rejection(403, f"{what}; {hint}")
        elif scope["path"] != self._open_path and not _knows(headers, self._wanted_of(scope)):
            sent = sent_credentials(headers.get("authorization"))
            what = "user name or password are wrong" if sent else "no user name and password were sent"
            if len(headers.getlist("authorization")) > 1:
                what = "more than one Authorization header was sent"
            hint = f"{what}: the control API requires {self._whose}"
            app = _rejection(401, hint, {"www-authenticate": 'Basic realm="mockcvp"'})
        elif self._settings.console == "read" and "sec-fetch-site" in headers and changes(scope):
            app = _rejection(403, "a browser may only read: --console full lets it change the mock server")
        else:
            body = await read_body(receive, MAX_CONTROL_BYTES, self._unfinished)
            malformed = writer.malformed if writer else ""
            if not body.is_complete and not malformed:
                return
            app, receive = self._error_of(body, malformed) or app, _again(body.content, receive)
        await app(scope, receive, sealed)

    def _error_of(self, body: RequestBody, malformed: str) -> ASGIApp | None:
        if malformed:
            headers = {"connection": "close", "x-mockcvp-reason": f"the request is malformed HTTP: {malformed}"}
            return Response(status_code=400, headers=headers)
        if body.is_oversize:
            return _rejection(413, f"the body is larger than {MAX_CONTROL_BYTES} bytes")
        if body.is_crowded:
            return _rejection(503, self._unfinished.crowded)
        return None

    def _wanted_of(self, scope: Scope) -> bytes | None:
        """Return the credentials that a request needs."""
        # The settings do not have the address that another server listens on.
        return self._wanted_remotely if writer_of(scope) is None and _is_remote(scope) else self._wanted


def _encoded(credentials: tuple[str, str] | None) -> bytes | None:
    return None if credentials is None else ":".join(credentials).encode()


def _is_remote(scope: Scope) -> bool:
    """Return whether the client of a request is on another machine; a test client has no IP address."""
    try:
        address = ipaddress.ip_address(str((scope.get("client") or ("",))[0]).partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_loopback


def _knows(headers: Headers, wanted: bytes | None) -> bool:
    if wanted is None:
        return True
    if len(headers.getlist("authorization")) > 1:
        # the OAMP rejects such a request too
        return False
    sent = sent_credentials(headers.get("authorization"))
    return sent is not None and compare_digest(":".join(sent).encode(errors="replace"), wanted)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return an ASGI ``receive`` for a request whose body was read."""
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _rejection(status: int, what: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"errors": [{"code": 10, "title": what}]}, status, headers)


def guarded(app: ASGIApp, state: MockState) -> ASGIApp:
    """Return an app that guards and logs the requests of the control API, and indents its JSON for people.

    Args:
        app: serves the requests that pass
        state: the mock server
    """
    settings = state.settings
    own = settings.admin_username is not None
    whose = "those of --admin-username and --admin-password" if own else "the OAMP's"
    guard = Guard(
        app,
        settings.admin_credentials,
        settings.remote_admin_credentials,
        whose,
        f"{PATH}/health",
        state.unfinished,
        settings,
    )
    return indented(AccessLog(guard))
