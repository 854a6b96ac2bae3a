"""HTTP/1.1 on one connection. Requests have limits of size and time, and are served one after the other."""

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from enum import Enum
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from mockcvp.oamp.http import malformed
from mockcvp.pipeline.extension import CONNECTION
from mockcvp.pipeline.request_body import MAX_CONTROL_BYTES
from mockcvp.server.cycle import Cycle
from mockcvp.server.request_head import MalformedError, RequestHead
from mockcvp.server.request_reader import RequestReader
from mockcvp.server.shared import Service
from mockcvp.server.tls import ReportingSSLObject
from mockcvp.server.writer import Output, response_head, write_fault
from mockcvp.stubs.response import Fault

# This much data is parsed in one event-loop iteration. The worst case, chunks of one byte, takes a few milliseconds.
_SLICE_BYTES = 16 * 1024
# If more bytes wait to be parsed, reading is paused.
_MOST_BUFFERED = 64 * 1024
# The timeout of a TLS shutdown for a client that has read everything.
_TLS_SHUTDOWN_SECONDS = 0.2

_log = logging.getLogger(__name__)


class State(Enum):
    """What a connection waits for."""

    IDLE = "the next request"
    HEAD = "the rest of a request's head"
    BODY = "the rest of a request's body, and its response"
    RESPONSE = "the response, and then the client to read it"
    REST = "the rest of the body, after the response"
    CLOSING = "the client to read the last response"


_RECEIVING = frozenset([State.IDLE, State.HEAD, State.BODY, State.REST])


class Connection(asyncio.Protocol):
    """One connection, for ``uvicorn.Config(http=functools.partial(Connection, service))``.

    Args:
        service: the shared state of the connections; uvicorn passes all other arguments
    """

    output: Output

    def __init__(
        self,
        service: Service,
        *,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.service, self._settings = service, service.settings
        self._connections: set[Any] = server_state.connections
        self._tasks = server_state.tasks
        self._loop = _loop or asyncio.get_running_loop()
        # The common part of all scopes.
        self._base: dict[str, Any] = {"root_path": config.root_path}
        self._app_state = app_state
        # The scope of a request before the app is called.
        self._scope: dict[str, Any] = {}
        # A new connection has the timeout of headers, and not the keep-alive timeout.
        self._state = State.HEAD
        # The start of the timeout of this state.
        self._since = 0.0
        # Received data that is not parsed.
        self._buffer = bytearray()
        self._is_parsing = self._is_parsing_scheduled = self._is_reading_paused = False
        self._reader = RequestReader(self._settings)
        self._cycle: Cycle | None = None
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as asyncio documents
        """Start the connection, unless there are too many."""
        self._transport = transport
        self.output = Output(transport, self.service.batch, self._after_writing)
        # A low-water mark of 0 follows: writing is resumed when the buffer of the transport is empty.
        transport.set_write_buffer_limits(high=1)
        # The last bytes of the handshake may have paused writing, and no response has to wait for them.
        self.output.paused_since, self.output.was_paused = None, False
        self._client_address, self._server_address = _address(transport, "peername"), _address(transport, "sockname")
        scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._base |= {"client": self._client_address, "server": self._server_address, "scheme": scheme}
        self._connections.add(self)
        self._since = self._loop.time()
        most = self._settings.max_connections
        if self.service.is_stopping:
            # The handshake was completed after the server had closed all idle connections.
            self.abort()
        elif len(self._connections) > most and sum(other.port == self.port for other in self._connections) > most:
            _log.warning("closed the connection of %s: there are %d connections already", self._who, most)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the TLS error, if there is one, and end the request in flight."""
        # With TLS 1.3, the server may complete the handshake before the client checks the certificate.
        tls = self._transport.get_extra_info("ssl_object")
        if isinstance(exc, ssl.SSLError) and isinstance(tls, ReportingSSLObject):
            tls.report_error(exc)
        elif self._state is State.HEAD and not self._reader.is_in_head and not self._buffer:
            self.service.unused.report(self._who, self._loop.time())
        self._connections.discard(self)
        self._disconnect()
        if self._closing is not None:
            self._closing.cancel()
        # Without these reference cycles, the connection is freed at once.
        self._cycle = self._closing = None
        self._reader.end_body()
        self._scope = {}

    def data_received(self, data: bytes) -> None:
        """Parse data, one slice in each event-loop iteration."""
        if self._state is State.CLOSING:
            return
        if self._buffer or not self._can_parse or len(data) > _SLICE_BYTES:
            self._buffer += data
            self._schedule()
        elif (parsed := self._parse(data)) < len(data):
            self._buffer += data[parsed:]
            self._schedule()

    def eof_received(self) -> None:
        """Serve all received requests now, since asyncio shuts down TLS next."""
        self.service.batch.flush()
        while self._parse_slice():
            self.service.batch.flush()

    def pause_writing(self) -> None:
        """Pause writing until the client reads."""
        self.output.pause()

    def resume_writing(self) -> None:
        """Resume writing."""
        self.output.resume()

    @property
    def _can_parse(self) -> bool:
        """Whether further data can be parsed now."""
        if self._state is State.BODY:
            return self._cycle is not None and not self._cycle.is_full
        return self._state in _RECEIVING

    def _schedule(self) -> None:
        """Parse buffered data in the next event-loop iteration, and pause reading if there is much."""
        if not self._is_parsing_scheduled and self._can_parse:
            self._is_parsing_scheduled = True
            self._loop.call_soon(self._parse_next)
        if not self._is_reading_paused and len(self._buffer) > _MOST_BUFFERED:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _parse_next(self) -> None:
        self._is_parsing_scheduled = False
        if self._parse_slice() and self._buffer:
            self._schedule()
        if self._is_reading_paused and len(self._buffer) <= _SLICE_BYTES and self._state is not State.CLOSING:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def _parse_slice(self) -> bool:
        """Parse one slice of the buffered data, and return whether any of it was parsed."""
        if not self._buffer or not self._can_parse:
            return False
        parsed = self._parse(bytes(memoryview(self._buffer)[:_SLICE_BYTES]))
        del self._buffer[:parsed]
        return parsed > 0

    def _parse(self, data: bytes) -> int:
        """Parse data as long as requests can be received, and return the position after the parsed data."""
        place, before = 0, -1
        self._is_parsing = True
        try:
            while before < place < len(data) and self._can_parse:
                before = place
                place = self._parse_head(data, place) if self._cycle is None else self._parse_body(data, place)
        except MalformedError as exc:
            self._reject(str(exc))
            # All further data is ignored.
            place = len(data)
        self._is_parsing = False
        if self._cycle is not None and not self._cycle.has_begun and self._state is State.BODY:
            self._spawn(self._cycle, self._call(self._cycle))
        return place

    def _parse_head(self, data: bytes, place: int) -> int:
        head, end = self._reader.read_head(data, place)
        if head is not None:
            return self._begin_request(head, data, end)
        if self._state is State.IDLE and self._reader.is_in_head:
            self._enter(State.HEAD)
        return end

    def _begin_request(self, head: RequestHead, data: bytes, place: int) -> int:
        """Begin a request, and return the position after its complete body, or after its head."""
        self.output.was_paused = False
        cycle = self._cycle = Cycle(self, head)
        scope = self._scope = head.scope | self._base
        scope["state"], scope["extensions"] = self._app_state.copy(), {CONNECTION: cycle}
        if head.length is not None and len(data) - place >= head.length:
            end = place + head.length
            cycle.set_body(data[place:end])
            self._state = State.RESPONSE
            self._respond(cycle)
            return end
        self._enter(State.BODY)
        largest = MAX_CONTROL_BYTES if self.service.app.controls(scope) else self._settings.max_body_bytes
        self._reader.begin_body(head.length, largest, cycle.add_body)
        return place

    def _parse_body(self, data: bytes, place: int) -> int:
        end = self._reader.read_body(data, place)
        if not self._reader.is_in_body:
            self._end_body()
        return end

    def _end_body(self, malformed: str = "") -> None:
        cycle = self._cycle
        assert cycle is not None
        self._state = State.RESPONSE
        cycle.end_body(malformed)
        if not cycle.has_begun:
            self._respond(cycle)
        elif cycle.is_finished:
            self._after_writing()

    def _reject(self, reason: str) -> None:
        """Respond to malformed HTTP like Tomcat's connector, and close the connection."""
        _log.warning("400 to %s: %s", self._who, reason)
        self._buffer.clear()
        if self._cycle is None:
            release = self.service.app.release
            response = malformed(release, reason)
            self.output.write(response_head(response, release.has_reason_phrase, self.service.date, close=True))
            self.close_when_drained()
        elif self._state is State.REST:
            self.close_when_drained()
        else:
            self._cycle.keep_alive = False
            self._end_body(reason)

    def _respond(self, cycle: Cycle) -> None:
        """Serve a complete request; a request of the OAMP needs no task."""
        if self.service.app.controls(self._scope):
            self._spawn(cycle, self._call(cycle))
        else:
            cycle.has_begun = True
            self.service.batch.respond(self._respond_at_once, len(self._connections))

    def _respond_at_once(self) -> None:
        cycle = self._cycle
        if cycle is not None and not cycle.is_disconnected and (rest := cycle.begin(self._call(cycle))) is not None:
            self._spawn(cycle, rest).add_done_callback(rest.end)

    def _call(self, cycle: Cycle) -> Coroutine[Any, Any, None]:
        scope, self._scope = self._scope, {}
        return self.service.app(scope, cycle.receive, cycle.send)

    def _spawn(self, cycle: Cycle, call: Any) -> "asyncio.Task[None]":
        cycle.has_begun = True
        task = self._loop.create_task(cycle.run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def receive_more(self) -> None:
        """Receive more of a body, after the app has received a part."""
        if self._buffer:
            self._schedule()

    def end_response(self) -> None:
        """Receive the rest of the body, and go on when the response is written."""
        if self._state is State.BODY:
            self._state = State.REST
            self.receive_more()
        if self.output.is_drained:
            self._after_writing()

    def _after_writing(self) -> None:
        """Go on with the next request, or close the connection, if the response is written."""
        cycle = self._cycle
        if self._state is State.CLOSING:
            self._close()
        elif cycle is None or not cycle.is_finished or not self.output.is_drained:
            return
        elif not cycle.keep_alive:
            if self._state is State.RESPONSE or not cycle.lingers:
                self.close_when_drained()
        elif self._state is State.RESPONSE:
            self._cycle = None
            self._enter(State.IDLE)
            if self._buffer and not self._is_parsing:
                self._schedule()

    def apply_fault(self, fault: Fault) -> None:
        """Apply a fault to the connection."""
        write_fault(self._transport, self.output.write, fault)
        if fault is Fault.CONNECTION_RESET_BY_PEER:
            self.abort()
        else:
            self.close_when_drained()

    def close_when_drained(self) -> None:
        """Close the connection when the write buffer is empty."""
        self._enter(State.CLOSING)
        self._buffer.clear()
        if self.output.is_drained:
            self._close()

    def _close(self) -> None:
        if not self._transport.is_closing():
            self._transport.close()
            if not self.output.was_paused:
                self._closing = self._loop.call_later(_TLS_SHUTDOWN_SECONDS, self._transport.abort)

    def abort(self) -> None:
        """Close the connection at once."""
        self._state = State.CLOSING
        self._buffer.clear()
        self._disconnect()
        self._transport.abort()

    def _disconnect(self) -> None:
        if self._cycle is not None:
            self._cycle.disconnect()
        self.output.close()

    def shutdown(self) -> None:
        """Close the connection after the response to the request in flight. uvicorn calls this when the server stops.

        An idle connection is aborted, since an idle client would delay a TLS shutdown.
        """
        if self._cycle is not None and self._state is not State.REST:
            self._cycle.keep_alive = False
        elif self.output.was_paused:
            self.close_when_drained()
        elif self._state is not State.CLOSING:
            # A response of this event-loop iteration is sent before the abort.
            self._state = State.CLOSING
            self._loop.call_soon(self.abort)

    def end_if_late(self) -> None:
        """Close the connection if a timeout is over."""
        settings, now, paused = self._settings, self._loop.time(), self.output.paused_since
        waited = now - self._since
        if paused is not None:
            # The keep-alive timeout starts when the client has read everything.
            self._since = now
            if now - paused > settings.body_timeout:
                self._time_out("the client did not read the response", settings.body_timeout)
        elif self._state is State.HEAD and waited > settings.header_timeout:
            self._time_out("the client did not send a request's headers", settings.header_timeout)
        elif self._state in (State.BODY, State.REST):
            if not self._can_parse:
                # The app does not receive the body, so the client cannot send it.
                self._since = now
            elif waited > settings.body_timeout:
                if self._state is State.REST and self._cycle is not None and not self._cycle.keep_alive:
                    self.close_when_drained()
                else:
                    self._time_out("the client did not send a request's body", settings.body_timeout)
        elif self._state is State.IDLE and waited > settings.keep_alive_timeout:
            self.close_when_drained()

    def _time_out(self, why: str, seconds: float) -> None:
        _log.warning("closed the connection of %s: %s within %g s", self._who, why, seconds)
        self.abort()

    def _enter(self, state: State) -> None:
        self._state, self._since = state, self._loop.time()

    @property
    def port(self) -> int:
        """The port of the server."""
        return self._server_address[1] if self._server_address else 0

    @property
    def _who(self) -> str:
        return self._client_address[0] if self._client_address else "-"


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    try:
        address = transport.get_extra_info(name)
    except OSError:
        # The connection is closed already.
        return None
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None
