"""Requests that the mock server sends to its own OAMP, for a user of the control API."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request as StarletteRequest
from starlette.types import Message, Scope

from mockcvp.journal import Call
from mockcvp.oamp.http import Headers, Response
from mockcvp.pipeline.extension import CONNECTION, writer_of
from mockcvp.stubs.response import Fault


class _Writer:
    """The writer of a response that nobody reads; it has the members of ``ResponseWriter``."""

    is_disconnected = False
    malformed = ""
    is_stopping = False
    port = 0
    admin_port: int | None = None
    certificate: Path | None = None

    def respond(self, response: Response, *, close: bool, has_reason_phrase: bool) -> bool:  # noqa: ARG002 - nobody reads
        return True

    async def wait_delivered(self) -> bool:
        return True

    def prepare(self, reason: str | None, *, dated: bool) -> None:
        pass

    def apply_fault(self, fault: Fault) -> None:
        pass

    def abort(self) -> None:
        pass


async def send(control: StarletteRequest, method: str, target: str, headers: Headers, body: bytes) -> Call | None:
    """Send a request to the OAMP without a connection, and return its call; None after a reset meanwhile.

    Args:
        control: the control request
        method: the method
        target: the path and the query, encoded
        headers: the headers, with names in lower case
        body: the body
    """
    root_path: str = control.scope.get("root_path", "")
    raw, _, query = target.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": control.scope.get("asgi", {"version": "3.0"}),
        "http_version": "1.1",
        "method": method,
        "scheme": control.scope["scheme"],
        "root_path": root_path,
        "path": root_path + unquote(raw),
        "raw_path": (root_path + raw).encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "headers": list(headers),
        "client": control.scope.get("client"),
        "server": control.scope.get("server"),
        "state": {},
        "extensions": {CONNECTION: _Writer()} if writer_of(control.scope) else {},
    }
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def ignore(message: Message) -> None:
        pass

    pipeline: Any = control.app.pipeline
    call: Call | None = await pipeline(scope, receive, ignore)
    return call
