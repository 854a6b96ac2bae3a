"""One request and its response: the ``receive`` and ``send`` of ASGI, and the ``ResponseWriter`` of the pipeline."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from inspect import CORO_SUSPENDED, getcoroutinestate
from pathlib import Path
from typing import Any, Protocol

from starlette.types import Message

from mockcvp.oamp.http import Response
from mockcvp.server.request_head import RequestHead
from mockcvp.server.shared import Service
from mockcvp.server.writer import CONTINUE, Output, encode_headers, framed, response_head, status_line
from mockcvp.stubs.response import Fault

# If more bytes of a body wait for the app, no more are received.
_MOST_WAITING = 64 * 1024
_ERROR = Response(
    500, ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21")), b"Internal Server Error"
)

_log = logging.getLogger(__name__)


class CycleConnection(Protocol):
    """The members of a connection that a cycle uses."""

    output: Output
    service: Service

    def end_response(self) -> None:
        """Go on after a response."""

    def receive_more(self) -> None:
        """Receive more of a body, after the app has received a part."""

    def apply_fault(self, fault: Fault) -> None:
        """Apply a fault."""

    def close_when_drained(self) -> None:
        """Close the connection when the write buffer is empty."""

    def abort(self) -> None:
        """Close the connection at once."""


class Cycle:
    """One request and its response.

    Args:
        connection: the connection of the request
        head: the head of the request

    Attributes:
        has_begun: whether the app was called
        is_finished: whether the whole response is written
        is_disconnected: whether the connection was closed before that
        keep_alive: whether the connection stays open after the response
        lingers: whether the connection, before it closes, receives the rest of a body that the client may still send
        malformed: the reason why the body is malformed HTTP; empty for a valid body
    """

    __slots__ = (
        "_awaits_continue",
        "_body",
        "_connection",
        "_has_chunks",
        "_is_chunked",
        "_is_complete",
        "_is_dated",
        "_is_head",
        "_is_read",
        "_is_started",
        "_reason",
        "_remaining",
        "_waiting",
        "has_begun",
        "is_disconnected",
        "is_finished",
        "keep_alive",
        "lingers",
        "malformed",
    )

    def __init__(self, connection: CycleConnection, head: RequestHead) -> None:
        self.has_begun = self.is_finished = self.is_disconnected = self.lingers = False
        self.keep_alive = head.keep_alive
        self.malformed = ""
        self._connection = connection
        self._awaits_continue = head.expects_continue
        self._is_head = head.scope["method"] == "HEAD"
        self._has_chunks = head.scope["http_version"] != "1.0"
        self._body: bytes | bytearray = b""
        self._is_complete = self._is_read = False
        self._waiting: asyncio.Future[None] | None = None
        self._is_started = self._is_chunked = self._is_dated = False
        self._remaining: int | None = 0
        self._reason: str | None = None

    @property
    def port(self) -> int:
        """The port of the OAMP."""
        return self._connection.service.port

    @property
    def admin_port(self) -> int | None:
        """The port of the control API; None if it is the port of the OAMP."""
        return self._connection.service.admin_port

    @property
    def is_stopping(self) -> bool:
        """Whether the server stops."""
        return self._connection.service.is_stopping

    @property
    def certificate(self) -> Path | None:
        """The path of the server's certificate."""
        return self._connection.service.certificate

    @property
    def is_full(self) -> bool:
        """Whether so much of the body waits for the app that no more is received."""
        return len(self._body) > _MOST_WAITING and not self.is_finished

    def add_body(self, data: bytes) -> None:
        """Receive a part of the body."""
        if not self.is_finished:
            if self._body:
                self._body += data
            else:
                self._body = bytearray(data)
            self._wake()

    def set_body(self, data: bytes) -> None:
        """Receive the whole body at once."""
        self._body, self._is_complete = data, True

    def end_body(self, malformed: str = "") -> None:
        """Receive the end of the body, or the reason why the body is malformed."""
        self._is_complete, self.malformed = True, malformed
        self._wake()

    def disconnect(self) -> None:
        """Report to the app that the client has disconnected."""
        if not self.is_finished:
            self.is_disconnected = True
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def receive(self) -> Message:
        """Return the next part of the body, or ``http.disconnect`` (ASGI)."""
        if self._awaits_continue and not self.is_disconnected:
            self._connection.output.write(CONTINUE)
        self._awaits_continue = False
        while not (self.is_disconnected or self.is_finished or self._body or (self._is_complete and not self._is_read)):
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self.is_disconnected or self.is_finished:
            return {"type": "http.disconnect"}
        was_full, body, self._body = self.is_full, bytes(self._body), b""
        self._is_read = self._is_complete
        if was_full:
            self._connection.receive_more()
        return {"type": "http.request", "body": body, "more_body": not self._is_complete}

    def respond(self, response: Response, *, close: bool, has_reason_phrase: bool) -> bool:
        """Write a whole response, and return whether the client was still connected."""
        if self.is_disconnected:
            return False
        self._is_started, self._awaits_continue = True, False
        if close:
            self.keep_alive = False
        else:
            # A client that still sends its body could lose the response if the connection closed.
            self.lingers = True
        connection = self._connection
        head = response_head(response, has_reason_phrase, connection.service.date, close=not self.keep_alive)
        connection.output.write(head + framed(response) if response.body else head)
        self._finish()
        return True

    def prepare(self, reason: str | None, *, dated: bool) -> None:
        """Set the reason phrase of the response, and whether it has a separate ``Date`` header."""
        self._reason, self._is_dated = reason, dated

    async def send(self, message: Message) -> None:
        """Write a part of the response (ASGI), after the client has read the earlier parts."""
        output = self._connection.output
        if not self.is_disconnected and output.is_paused:
            await output.drained()
        if self.is_disconnected:
            return
        expected = "http.response.body" if self._is_started else "http.response.start"
        if self.is_finished or message["type"] != expected:
            raise RuntimeError(f"the app sent {message['type']} where {expected} is due, or after the response")
        if self._is_started:
            self._send_body(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            self._send_start(message["status"], list(message.get("headers", ())))

    def _send_start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        fields = {name.lower(): value.lower() for name, value in headers}
        encoded = encode_headers(headers)
        connection = fields.get(b"connection", b"")
        if b"close" in [token.strip() for token in connection.split(b",")]:
            self.keep_alive = False
        else:
            self.lingers = True
            encoded += b"" if self.keep_alive else b"connection: close\r\n"
        if (length := fields.get(b"content-length")) is not None:
            self._remaining = int(length)
        elif fields.get(b"transfer-encoding") == b"chunked":
            self._is_chunked = True
        elif self._is_head or status in (204, 304):
            self._remaining = 0
        elif not self._has_chunks:
            # The end of the connection ends the body.
            self._remaining = None
        else:
            self._is_chunked = True
            encoded += b"transfer-encoding: chunked\r\n"
        date = b"" if self._is_dated else b"date: " + self._connection.service.date + b"\r\n"
        self._is_started, self._awaits_continue = True, False
        self._connection.output.write(status_line(status, self._reason) + date + encoded + b"\r\n")

    def _send_body(self, body: bytes, *, is_last: bool) -> None:
        if self._is_head:
            data, self._remaining = b"", 0
        elif self._is_chunked:
            data = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            data += b"0\r\n\r\n" if is_last else b""
        elif self._remaining is None:
            data = body
        else:
            data, self._remaining = body, self._remaining - len(body)
            if self._remaining < 0 or (is_last and self._remaining):
                raise RuntimeError("the app sent a body of another length than its Content-Length")
        if data:
            self._connection.output.write(data)
        if is_last:
            self._finish()

    def _finish(self) -> None:
        self.is_finished, self._body = True, b""
        self._wake()
        self._connection.end_response()

    async def wait_delivered(self) -> bool:
        """Wait until the response has left the write buffer, and return whether the connection was open until then."""
        with suppress(asyncio.CancelledError):
            return await self._connection.output.drained()
        # A server that stops has closed the connection.
        return False

    def apply_fault(self, fault: Fault) -> None:
        """Apply a fault to the connection instead of a response."""
        self.is_disconnected = True
        self._connection.apply_fault(fault)

    def abort(self) -> None:
        """Close the connection at once."""
        self._connection.abort()

    def begin(self, call: Coroutine[Any, Any, None]) -> "Rest | None":
        """Call the app without a task, and return the rest of the call at its first wait; None if the call is complete.

        With a task, the response would be written after asyncio has closed the connection of a client that has already
        closed its side.
        """
        try:
            return Rest(call, call.send(None))
        except StopIteration:
            self._check_end()
        except Exception as exc:
            self._fail(exc)
        return None

    async def run(self, call: Awaitable[None]) -> None:
        """Await a call of the app, or the rest of one."""
        try:
            await call
        except Exception as exc:
            self._fail(exc)
        else:
            self._check_end()

    def _check_end(self) -> None:
        if not self.is_finished and not self.is_disconnected:
            self._fail(None)

    def _fail(self, exc: Exception | None) -> None:
        """Respond with 500 if the app has not started a response, or close the connection."""
        if exc is None:
            _log.error("the app has returned without a whole response")
        else:
            _log.error("the app has raised an exception", exc_info=exc)
        if self.is_finished:
            # The next request may have begun.
            return
        if self._is_started or self.is_disconnected:
            self._connection.close_when_drained()
        else:
            self.respond(_ERROR, close=True, has_reason_phrase=True)


class Rest:
    """The rest of a coroutine that has begun without a task, and waits for a future."""

    def __init__(self, begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    def end(self, _: object) -> None:
        """Cancel the coroutine if its task was cancelled before the task resumed it."""
        if getcoroutinestate(self._begun) == CORO_SUSPENDED:
            with suppress(StopIteration, asyncio.CancelledError):
                self._begun.throw(asyncio.CancelledError())
            self._begun.close()

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            try:
                result = yield self._waits_for
            except BaseException as exc:
                step = partial(self._begun.throw, exc)
            else:
                step = partial(self._begun.send, result)
            try:
                self._waits_for = step()
            except StopIteration:
                return
