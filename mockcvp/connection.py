"""The HTTP of one connection: uvicorn's, where a client could not tell it from a Tomcat's."""

import asyncio
import logging
import socket
import ssl
import struct
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockcvp.certificates import Told
from mockcvp.exchange import MALFORMED_BODY, WIRE
from mockcvp.oamp.api import MALFORMED, Answer, Headers
from mockcvp.stubbing.responses import Fault

_log = logging.getLogger(__name__)

# how long a client has for agreeing to the end of a TLS connection; by itself, the loop would give it 30
_AGREE_SECONDS = 0.2


class Outbox:
    """The answers that come of one turn of the loop, written together when it ends.

    Written one by one, each wakes a client that has gone to sleep since the last, which takes as long as the answer.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Connection, bytes, bool]] = []

    def put(self, connection: "Connection", data: bytes, *, close: bool) -> None:
        """Write to a connection before anything is called that the loop is told to call from now on.

        Args:
            connection: the connection
            data: what to write
            close: whether that is its last
        """
        if not self._waiting:
            connection.loop.call_soon(self.flush)
        self._waiting.append((connection, data, close))

    def flush(self) -> None:
        """Write what is there."""
        waiting, self._waiting = self._waiting, []
        for connection, data, close in waiting:
            if not connection.transport.is_closing():
                connection.transport.write(data)
                if close:
                    connection.close_soon()


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP, where its own answers and its way to hang up would show a client that this is no Tomcat.

    Args:
        outbox: of its server
        uvicorns: what uvicorn gives
    """

    def __init__(self, outbox: Outbox, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self.outbox = outbox

    malformed = False
    idle_since: float | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of what ended a TLS connection."""
        # with TLS 1.3 the server's part of the handshake may be over before the client looks at the certificate
        tls = self.transport.get_extra_info("ssl_object")
        if isinstance(exc, ssl.SSLError) and isinstance(tls, Told):
            tls.look_at(exc)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what a client sends."""
        self.idle_since = None
        super().data_received(data)

    def end_if_idle(self, before: float) -> None:
        """Close a connection on which no call came since a time of the loop's."""
        if self.idle_since is not None and self.idle_since < before and not self.transport.is_closing():
            self.close_soon()

    def on_headers_complete(self) -> None:
        """Begin a request; what is sent as trailers later must not join its headers."""
        upgrade = self.parser.should_upgrade()
        if upgrade and {b"content-length", b"transfer-encoding"} & dict(self.headers).keys():
            # the parser would take the body for the other protocol's
            raise ValueError("an upgrade with a body")
        super().on_headers_complete()
        self.headers = []
        self.cycle.scope["state"][WIRE] = _CallOnIt(self, self.cycle)
        if upgrade:
            # and what follows as well
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as Tomcat's connector does, once the calls before it are answered."""
        if self.malformed:
            return
        self.malformed = True
        _log.warning("400 to %s: %s", self.client[0] if self.client else "-", msg)
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body:
            # the body of a request has turned out to be none: that request is answered
            self.cycle.scope["state"][MALFORMED_BODY] = True
            self.cycle.more_body = False
            self.cycle.message_event.set()
        else:
            self._send_malformed()

    def on_response_complete(self) -> None:
        """Go on with the next call that has come already.

        As uvicorn does it, but for the end of idle connections, for which it would set up a timer at each call.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = self.loop.time()
        if self.malformed:
            self._send_malformed()

    def _send_malformed(self) -> None:
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        headers = [*self.server_state.default_headers, *MALFORMED.headers]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
        self.outbox.put(self, b"\r\n".join([*lines, b"", b""]), close=True)

    def hang_up(self) -> None:
        """Close the connection at once, whatever is in flight on it."""
        if self.cycle is not None:
            # said here, since uvicorn would wonder why the call has no answer until the loop tells it
            self.cycle.disconnected = True
        self.transport.abort()

    def close_soon(self) -> None:
        """Close the connection once all is written, whether or not a TLS client agrees to the end."""
        self.transport.close()
        self.loop.call_later(_AGREE_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Hang up on an idle client at once: a TLS client that reads nothing would not agree to the end for long."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.get_write_buffer_size():
            self.hang_up()
        else:
            super().shutdown()


class _CallOnIt:
    """One call on a connection, on which others may have come already."""

    def __init__(self, protocol: Connection, cycle: RequestResponseCycle) -> None:
        self._protocol, self._cycle = protocol, cycle

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._cycle.disconnected

    async def answer(self, answer: Answer, *, close: bool) -> None:
        """Send an answer whole, with the length that its headers say.

        As uvicorn does it, but in one piece, and with its head encoded once for all answers that have the same.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        keep_alive = cycle.keep_alive = cycle.keep_alive and not close
        dated = _encoded(tuple(cycle.default_headers))
        head = _STATUS_LINES[answer.status] + dated + _encoded(answer.headers)
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        self._protocol.outbox.put(self._protocol, head + end + answer.body, close=not keep_alive)
        cycle.message_event.set()
        if keep_alive:
            cycle.on_response()

    def hang_up(self) -> None:
        """Close the connection at once."""
        self._cycle.disconnected = True
        self._protocol.hang_up()

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

    def misbehave(self, fault: Fault) -> None:
        """Do what a fault says, on the real socket, instead of answering."""
        self._cycle.disconnected = True
        transport = self._protocol.transport
        if fault is Fault.CONNECTION_RESET_BY_PEER:
            # closed with nothing to linger for, a TCP connection is reset
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._protocol.hang_up()
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


@lru_cache(maxsize=256)
def _encoded(headers: Headers) -> bytes:
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers])


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


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
