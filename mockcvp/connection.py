"""The HTTP of one connection: uvicorn's, where a client could not tell it from a Tomcat's."""

import asyncio
import logging
import socket
import ssl
import struct
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NoReturn, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockcvp.certificates import Told
from mockcvp.exchange import MALFORMED_BODY, WIRE
from mockcvp.oamp.api import MALFORMED, Answer, Headers
from mockcvp.settings import Settings
from mockcvp.stubbing.responses import Fault

_log = logging.getLogger(__name__)

# how long a client has for agreeing to the end of a TLS connection; by itself, the loop would give it 30
_AGREE_SECONDS = 0.2


@lru_cache(maxsize=256)
def _hosts(headers: Headers) -> int:
    return [name for name, _ in headers].count(b"host")


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


class _Phase(Enum):
    """What is awaited from a client."""

    REQUEST = "a request"
    HEADERS = "the rest of a request's headers"
    BODY = "the rest of a request's body"


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP, where its own answers and its way to hang up would show a client that this is no Tomcat.

    Args:
        outbox: of its server
        settings: of its server
        uvicorns: what uvicorn gives
    """

    def __init__(self, outbox: Outbox, settings: Settings, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self.outbox = outbox
        self._settings = settings
        self._refused = False
        self._malformed = ""
        self._phase = _Phase.HEADERS
        self._since = self.loop.time()
        self._stuck_since: float | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many already."""
        super().connection_made(transport)
        most = self._settings.max_connections
        if len(self.connections) > most:
            _log.warning("hung up on %s: there are %d connections already", self._who, most)
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of what ended a TLS connection."""
        # with TLS 1.3 the server's part of the handshake may be over before the client looks at the certificate
        tls = self.transport.get_extra_info("ssl_object")
        if isinstance(exc, ssl.SSLError) and isinstance(tls, Told):
            tls.look_at(exc)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what a client sends, as long as the head of a request is not too large."""
        if self._refused:
            # what follows is nothing that anybody reads
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._phase is not _Phase.REQUEST and self._head_bytes > self._settings.max_header_bytes:
            what = "request line and headers" if self._phase is _Phase.HEADERS else "trailers and chunk lines"
            self._malformed = f"the {what} are larger than {self._settings.max_header_bytes} bytes"
            self.send_400_response(self._malformed)

    def on_message_begin(self) -> None:
        """Begin the head of a request."""
        super().on_message_begin()
        self._phase, self._since = _Phase.HEADERS, self.loop.time()

    def on_headers_complete(self) -> None:
        """Begin a request; what is sent as trailers later must not join its headers."""
        self._check_head()
        upgrade = self.parser.should_upgrade()
        if upgrade and {b"content-length", b"transfer-encoding"} & dict(self.headers).keys():
            # the parser would take the body for the other protocol's
            self._fail("an upgrade with a body")
        self._phase = _Phase.BODY
        super().on_headers_complete()
        self.headers = []
        self.cycle.scope["state"][WIRE] = _CallOnIt(self, self.cycle)
        if upgrade:
            # and what follows as well
            self.cycle.keep_alive = False

    def _check_head(self) -> None:
        most, limit = self._settings.max_headers, self._settings.max_header_bytes
        if len(self.headers) > most:
            self._fail(f"the request has more than {most} headers")
        # else all that came is smaller than the limit
        if self._head_bytes > limit:
            # each with a colon, a space and the end of its line
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > limit:
                self._fail(f"the request line and headers are larger than {limit} bytes")
        if _hosts(tuple(self.headers)) != 1 and self.parser.get_http_version() == "1.1":
            self._fail("a request of HTTP/1.1 has one Host header")

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body, after which the head of another piece may come, or trailers."""
        super().on_body(body)
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        super().on_message_complete()
        self._phase, self._head_bytes = _Phase.REQUEST, 0

    def pause_writing(self) -> None:
        """Wait until a client reads on."""
        super().pause_writing()
        self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """Go on, since it does."""
        super().resume_writing()
        self._stuck_since = None

    def end_if_late(self) -> None:
        """Hang up on a client that has let the server wait too long: with a request, or with reading an answer."""
        if self.transport.is_closing():
            return
        settings, now = self._settings, self.loop.time()
        waited = now - self._since
        if self._stuck_since is not None and now - self._stuck_since > settings.body_seconds:
            self._end("it did not read its answer", settings.body_seconds)
        elif self._phase is _Phase.HEADERS and waited > settings.header_seconds:
            self._end("it did not send a request's headers", settings.header_seconds)
        elif self._phase is _Phase.BODY and waited > settings.body_seconds:
            self._end("it did not send a request's body", settings.body_seconds)
        elif self._phase is _Phase.REQUEST and waited > settings.keep_alive_seconds and self._is_idle:
            self.close_soon()

    def _end(self, why: str, seconds: float) -> None:
        _log.warning("hung up on %s: %s within %g s", self._who, why, seconds)
        self.hang_up()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    @property
    def _who(self) -> str:
        return self.client[0] if self.client else "-"

    def _fail(self, why: str) -> NoReturn:
        """End the reading of a request that is none; the parser has an exception end in ``send_400_response``."""
        self._malformed = why
        raise ValueError(why)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as Tomcat's connector does, once the calls before it are answered."""
        if self._refused:
            return
        self._refused = True
        _log.warning("400 to %s: %s", self._who, self._malformed or msg)
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
        elif self._phase is _Phase.REQUEST:
            self._since = self.loop.time()
        if self._refused:
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

    async def answer(self, answer: Answer, *, close: bool) -> bool:
        """Send an answer whole, with the length that its headers say, and return whether its client was still there.

        As uvicorn does it, but in one piece, and with its head encoded once for all answers that have the same.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return False
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
        return True

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
