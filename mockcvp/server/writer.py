"""What a call can do to its connection: be answered, in one piece or not at all."""

import asyncio
import socket
import struct
from contextlib import suppress
from functools import cache, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from mockcvp.oamp.http import CHUNKED, Headers, Response
from mockcvp.pipeline.exchange import LARGE
from mockcvp.stubs.response import Fault

if TYPE_CHECKING:
    from mockcvp.server.protocol import Connection


class ConnectionWriter:
    """One call on a connection, on which others may have come already.

    Args:
        protocol: the connection
        cycle: uvicorn's, of the call
    """

    def __init__(self, protocol: "Connection", cycle: RequestResponseCycle) -> None:
        self._protocol, self._cycle = protocol, cycle
        self._held = False

    @property
    def is_disconnected(self) -> bool:
        """Whether the client has hung up."""
        return self._cycle.disconnected

    async def response(self, response: Response, *, close: bool, has_reason_phrase: bool) -> bool:
        """Send a response at once, framed as its headers say, and return whether its client was still connected.

        As uvicorn does it, but in one piece, and with its head encoded once for all answers that have the same.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await self._drained()
        if cycle.disconnected:
            return False
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        keep_alive = cycle.keep_alive = cycle.keep_alive and not close
        if not keep_alive:
            self._protocol.closes = True
            # a client that is still sending its body would lose the response with the connection
            self._protocol.lingers = not close
        head = response_head(response, has_reason_phrase, cycle.default_headers)
        end = b"\r\n" if keep_alive else b"Connection: close\r\n\r\n"
        body = response.body
        if body and CHUNKED in response.headers:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        self._protocol.outbox.put(self._protocol, head + end + body, close=not keep_alive)
        cycle.message_event.set()
        if len(response.body) > LARGE:
            self.pause_pipeline()
        elif keep_alive:
            cycle.on_response()
        return True

    def pause_pipeline(self) -> None:
        """Have the next call on the connection wait until the answer to this one is taken."""
        self._held = self._protocol.is_held = True
        self._cycle.on_response = _nothing
        self._protocol.flow.pause_reading()

    async def wait_delivered(self) -> bool:
        """Wait until a client has taken all of an answer after ``hold``, and return whether it has."""
        protocol = self._protocol
        protocol.outbox.flush()
        with suppress(asyncio.CancelledError):
            while seconds := protocol.waits():
                await asyncio.sleep(seconds)
        if self._held:
            self._held = protocol.is_held = False
            protocol.on_response_complete()
        return not (protocol.cut_off or self._cycle.disconnected)

    async def _drained(self) -> None:
        # a server that stops has hung up, and cancels what it has hung up on
        with suppress(asyncio.CancelledError):
            await self._cycle.flow.drain()

    def abort(self) -> None:
        """Close the connection at once."""
        self._cycle.disconnected = True
        self._protocol.abort()

    def prepare(self, reason: str | None, *, dated: bool) -> None:
        """Have the coming answer as its mapping says it, where uvicorn would have it otherwise.

        Args:
            reason: the words after its status; None: the usual ones, which are all that uvicorn knows
            dated: whether it has a date of its own
        """
        if reason is not None:
            self._cycle.transport = cast("asyncio.Transport", _Reworded(self._cycle.transport, reason))
        if dated:
            self._cycle.default_headers = [header for header in self._cycle.default_headers if header[0] != b"date"]

    def apply_fault(self, fault: Fault) -> None:
        """Do what a fault says, on the real socket, instead of answering."""
        self._cycle.disconnected = True
        transport = self._protocol.transport
        if fault is Fault.CONNECTION_RESET_BY_PEER:
            # closed with nothing to linger for, a TCP connection is reset
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._protocol.abort()
            return
        if fault is Fault.MALFORMED_RESPONSE_CHUNK:
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b'<?xml version="1.0"')
        elif fault is Fault.RANDOM_DATA_THEN_CLOSE:
            # an end of lines, without which some clients would wait for more of it
            transport.write(bytes(range(128, 256)) * 2 + b"\r\n\r\n")
        if self._protocol.cycle is not None:
            # of calls that came ahead, none is answered
            self._protocol.cycle.disconnected = True
        self._protocol.close_soon()


def response_head(response: Response, has_reason_phrase: bool, dated: list[tuple[bytes, bytes]]) -> bytes:
    """Return the status line and the headers of a response, but for the empty line at their end.

    Args:
        response: the response
        has_reason_phrase: whether the status line ends with a reason phrase
        dated: the ``Date`` header
    """
    return _status_line(response.status, has_reason_phrase) + _encoded(response.headers) + _encoded(tuple(dated))


@lru_cache(maxsize=256)
def _encoded(headers: Headers) -> bytes:
    return b"".join([_cased(name) + b": " + value + b"\r\n" for name, value in headers])


def _cased(name: bytes) -> bytes:
    """Return the name of a header as Tomcat writes it, for clients that compare names with their case."""
    return b"WWW-Authenticate" if name == b"www-authenticate" else name.title()


@cache
def _status_line(status: int, has_reason_phrase: bool) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase if has_reason_phrase else ""
    except ValueError:
        # a stub mapping may have a status that no standard names
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def _nothing() -> None:
    """Do nothing."""


class Closing:
    """A transport, as uvicorn uses it for an answer, that closes once its client has taken all."""

    def __init__(self, connection: "Connection") -> None:
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing
        self.close = connection.close_soon


class _Reworded:
    """A transport that puts other words after the status of the one answer that is written to it."""

    def __init__(self, transport: asyncio.Transport, reason: str) -> None:
        self._transport = transport
        self._reason: bytes | None = reason.encode("latin-1")

    def write(self, data: bytes) -> None:
        if self._reason is not None:
            status_line, end, rest = data.partition(b"\r\n")
            version, status = status_line.split(b" ", 2)[:2]
            data = b" ".join([version, status, self._reason]) + end + rest
            self._reason = None
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
