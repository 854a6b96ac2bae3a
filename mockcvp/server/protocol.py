"""The HTTP of one connection: uvicorn's, where a client could not tell it from a Tomcat's."""

import asyncio
import logging
import ssl
from collections.abc import Collection, Coroutine
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Any, NoReturn

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockcvp.oamp.http import malformed
from mockcvp.pipeline.exchange import MALFORMED_BODY, WRITER, Exchange
from mockcvp.pipeline.request_body import MAX_CONTROL_BYTES
from mockcvp.server.begun import Begun
from mockcvp.server.outbox import Outbox
from mockcvp.server.request_head import headers_error, is_request_line, is_target
from mockcvp.server.tls import ReportingSSLObject
from mockcvp.server.unsent import Unsent, next_look
from mockcvp.server.writer import Closing, ConnectionWriter, response_head
from mockcvp.settings import Settings

_log = logging.getLogger(__name__)
_uvicorns = logging.getLogger("mockcvp.uvicorn")
_uvicorns.setLevel(logging.ERROR)

# how much data is parsed in one event-loop iteration: in chunks of one byte, it takes a few milliseconds
_SLICE_BYTES = 16 * 1024
# how many bytes of a chunked body there may be on the wire for each byte that a body may have: a chunk of one has six
_WIRE_FACTOR = 8


class _Flow(FlowControl):
    """What keeps a client from sending more calls than are answered: uvicorn would read on while some wait."""

    def __init__(self, transport: asyncio.Transport, *waiting: Collection[object]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if self.read_paused and not any(self._waiting):
            super().resume_reading()


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
        exchange: the app
        uvicorns: what uvicorn gives
    """

    def __init__(self, outbox: Outbox, settings: Settings, exchange: Exchange, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._exchange = exchange
        # whether data is being parsed, and the request in it that is not served yet
        self._receiving = False
        self._unbegun: RequestResponseCycle | None = None
        # what is received and not parsed yet
        self._backlog = bytearray()
        # whether parsing that is scheduled, and whether it waits until a response is received
        self._is_due = self.is_held = False
        # the beginning of a request line; None where a request has begun
        self._line: bytes | None = b""
        # of the body that is being received, and how many they may be
        self._wire_bytes = self._most_on_wire = 0
        self.outbox = outbox
        self._settings = settings
        self._rejected = False
        # whether the last answer is on its way, after which nobody reads on
        self.closes = False
        # whether the rest of a request's body is read and discarded before the connection is closed
        self.lingers = False
        self._waits_to_close = False
        self._at_work: RequestResponseCycle | None = None
        self._behind = False
        self._malformed = ""
        self._phase = _Phase.HEADERS
        self._since = self.loop.time()
        self._head_bytes = 0
        # whether it was ended here when all was taken; whether it has ended; whether before its client had taken all
        self._ends_well = self._lost = self.cut_off = False
        # uvicorn's own lines would say less than ours
        self.logger = _uvicorns

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many already."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline, self._backlog)
        self._unsent = Unsent(transport, self._since)
        self._closing = Closing(self)
        most = self._settings.max_connections
        if self.outbox.closed:
            # it has agreed on TLS while the server stops
            self.abort()
        elif len(self.connections) > most < sum(_port(other) == _port(self) for other in self.connections):
            _log.warning("hung up on %s: there are %d connections already", self._who, most)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of what ended a TLS connection."""
        # with TLS 1.3 the server's part of the handshake may be over before the client looks at the certificate
        tls = self.transport.get_extra_info("ssl_object")
        if isinstance(exc, ssl.SSLError) and isinstance(tls, ReportingSSLObject):
            tls.report_error(exc)
        self._lost = True
        # one that has taken all goes in another way
        self.cut_off = self.cut_off or (isinstance(exc, ConnectionError) and not self._ends_well)
        self._disconnect()
        super().connection_lost(exc)
        # they know this connection: without them, it is freed at once, with all that TLS takes
        del self.parser, self._closing
        self.cycle = self._at_work = None  # type: ignore[assignment] # uvicorn begins with none too

    def data_received(self, data: bytes) -> None:
        """Parse what a client sends, a slice in each event-loop iteration."""
        if self._backlog or self.is_held:
            self._backlog += data
            return
        if len(data) > _SLICE_BYTES:
            self._backlog += data[_SLICE_BYTES:]
            data = data[:_SLICE_BYTES]
            self.flow.pause_reading()
            self._schedule_backlog()
        self._parse(data)

    def _schedule_backlog(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._parse_backlog)

    def _parse_backlog(self) -> None:
        self._is_due = False
        if self.is_held or not self._backlog or self.transport.is_closing():
            return
        data = bytes(self._backlog[:_SLICE_BYTES])
        del self._backlog[:_SLICE_BYTES]
        if self._backlog:
            self._schedule_backlog()
        self._parse(data)
        if not self._backlog:
            self.flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        if self._rejected or (self.closes and not self._is_lingering):
            # nothing that follows is read
            return
        self._head_bytes += len(data)
        if self._phase is _Phase.REQUEST:
            self._behind = False
        if self._line is not None and not self._check_request_line(data):
            return
        self._receiving = True
        super().data_received(data)
        self._receiving = False
        if (cycle := self._unbegun) is not None:
            self._unbegun = None
            if cycle.more_body:
                self._begin(cycle.run_asgi(self.app))
            else:
                self.outbox.respond(self, partial(self._respond_at_once, cycle))
        if self._phase is _Phase.REQUEST:
            self._line = b""
        elif self._phase is _Phase.BODY:
            self._wire_bytes += len(data)
        if self._malformed_size:
            self._malformed = self._malformed_size
            self.send_400_response(self._malformed)

    @property
    def _malformed_size(self) -> str:
        """Why the request is larger than it may be; empty where it is not."""
        most = self._settings.max_header_bytes
        if self._phase is not _Phase.REQUEST and self._head_bytes > most:
            what = "request line and headers" if self._phase is _Phase.HEADERS else "trailers and chunk lines"
            return f"the {what} are larger than {most} bytes"
        if self._phase is _Phase.BODY and self._wire_bytes > self._most_on_wire:
            return f"the body has more than {self._most_on_wire} bytes on the wire"
        return ""

    def _check_request_line(self, data: bytes) -> bool:
        """Check the line that a request begins with, as far as it is there; httptools is more tolerant."""
        line = (self._line or b"") + data[: data.find(b"\n") + 1 or None]
        # an empty line before a request is allowed (RFC 9112, section 2.2)
        while line == b"\r\n":
            data = data[data.find(b"\n") + 1 :]
            line = data[: data.find(b"\n") + 1 or None]
        self._line = None if line.endswith(b"\n") else line
        if self._line is None and not is_request_line(line):
            self.send_400_response("the request line is not METHOD TARGET VERSION with one space between them")
            return False
        return True

    def eof_received(self) -> None:
        """Serve what is there for a client that half-closes the connection: TLS is shut down next."""
        while self._backlog and not (self.is_held or self.transport.is_closing()):
            self._parse_backlog()
        self.outbox.flush()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._receiving and not self._exchange.controls(cycle.scope):  # type: ignore[arg-type] # a TypedDict is a mapping
            self._unbegun = cycle
        else:
            self._begin(cycle.run_asgi(app))

    def _respond_at_once(self, cycle: RequestResponseCycle) -> None:
        """Serve a request that is complete, as far as that needs no waiting; a task does the rest.

        A client that closes its side right after its request gets the response so.
        """
        begun = cycle.run_asgi(self.app)
        with suppress(StopIteration):
            rest = Begun(begun, begun.send(None))
            self._begin(rest.run()).add_done_callback(rest.end)

    def _begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        return task

    def on_message_begin(self) -> None:
        """Begin the head of a request."""
        super().on_message_begin()
        # no request is served after a response that closes the connection
        self._rejected = self._rejected or self.closes
        self._phase, self._since = _Phase.HEADERS, self.loop.time()

    def on_headers_complete(self) -> None:
        """Begin a request; what is sent as trailers later must not join its headers."""
        if self._rejected:
            self._fail("a request after a response that closes the connection")
        self._check_head()
        upgrade = self.parser.should_upgrade()
        if upgrade and {b"content-length", b"transfer-encoding"} & dict(self.headers).keys():
            # the parser would take the body for the other protocol's
            self._fail("an upgrade with a body")
        super().on_headers_complete()
        self._phase = _Phase.BODY
        self.headers = []
        controls = self._exchange.controls(self.cycle.scope)  # type: ignore[arg-type] # a TypedDict is a mapping
        largest = MAX_CONTROL_BYTES if controls else self._settings.max_body_bytes
        self._wire_bytes, self._most_on_wire = 0, _WIRE_FACTOR * (largest + self._settings.max_header_bytes)
        self.cycle.scope["state"][WRITER] = ConnectionWriter(self, self.cycle)
        self.cycle.transport = self._closing  # type: ignore[assignment] # it has what a cycle uses
        if not self.pipeline:
            # it was begun at once
            self._at_work = self.cycle
        if upgrade:
            # and what follows as well
            self.cycle.keep_alive = False

    def _check_head(self) -> None:
        most, limit = self._settings.max_headers, self._settings.max_header_bytes
        if len(self.headers) > most:
            self._fail(f"the request has more than {most} headers")
        # else all that came is smaller than the limit
        if self._head_bytes > limit or self._behind:
            # each with a colon, a space and the end of its line
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > limit:
                self._fail(f"the request line and headers are larger than {limit} bytes")
        version = self.parser.get_http_version()
        if error := headers_error(self.headers, version):
            self._fail(error)
        if not is_target(self.url):
            self._fail("the request target has a character that must be percent-encoded, or a fragment")
        # one of HTTP/1.0 would not understand the answer
        self.expect_100_continue = self.expect_100_continue and version == "1.1"

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body, after which the head of another piece may come, or trailers."""
        super().on_body(body)
        self._head_bytes = 0

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        super().on_message_complete()
        self._phase, self._head_bytes = _Phase.REQUEST, 0
        # what came with it may have the head of another
        self._behind = True

    def end_if_late(self) -> None:
        """Hang up on a client that has let the server wait too long: with a request, or with reading an answer."""
        if self.transport.is_closing() or self.closes:
            return
        settings, now = self._settings, self.loop.time()
        busy = self._at_work is not None and not self._at_work.response_complete
        if self.flow.read_paused or (busy and self._phase is _Phase.HEADERS):
            # it is the server that has the client wait
            self._since = now
        waited = now - self._since
        if not self._is_idle:
            self._unsent.written = True
        if self._unsent.look(now) > settings.body_timeout:
            self._end("it did not read its answer", settings.body_timeout)
        elif self._rejected:
            # it has nothing more to send
            return
        elif self._phase is _Phase.HEADERS and waited > settings.header_timeout:
            self._end("it did not send a request's headers", settings.header_timeout)
        elif self._phase is _Phase.BODY and waited > settings.body_timeout:
            self._end("it did not send a request's body", settings.body_timeout)
        elif self._unsent.some:
            # the time to the next request begins when all is sent
            self._since = now
        elif self._phase is _Phase.REQUEST and waited > settings.keep_alive_timeout and self._is_idle:
            self.close_soon()

    def waits(self) -> float:
        """Return in how many seconds to look again whether its client has taken all; 0: it has, or has gone."""
        if self._lost or self._ends_well:
            return 0
        if self.transport.is_closing():
            # how it ends is told soon, and what was not sent is forgotten by now
            return next_look(0)
        self._unsent.written = True
        waited = self._unsent.look(self.loop.time())
        return next_look(waited) if self._unsent.some else 0

    def _end(self, why: str, seconds: float) -> None:
        _log.warning("hung up on %s: %s within %g s", self._who, why, seconds)
        self.abort()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    @property
    def _is_lingering(self) -> bool:
        return self.lingers and self._phase is _Phase.BODY and not self._rejected

    @property
    def _who(self) -> str:
        return self.client[0] if self.client else "-"

    def _fail(self, why: str) -> NoReturn:
        """End the reading of a request that is none; the parser has an exception end in ``send_400_response``."""
        self._malformed = why
        raise ValueError(why)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as Tomcat's connector does, once the calls before it are answered."""
        if self._rejected:
            return
        self._rejected = True
        self._malformed = self._malformed or msg
        _log.warning("400 to %s: %s", self._who, self._malformed)
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body:
            # the body of a request has turned out to be none: that request is answered
            self.cycle.scope["state"][MALFORMED_BODY] = self._malformed
            self.cycle.more_body = self.cycle.keep_alive = False
            self.cycle.message_event.set()
        elif self._phase is _Phase.BODY:
            # that request was answered before its body came
            self.close_soon()
        else:
            self._send_malformed()

    def on_response_complete(self) -> None:
        """Go on with the next call that has come already.

        As uvicorn does it, but for the end of idle connections, for which it would set up a timer at each call.
        """
        self.server_state.total_requests += 1
        self._unsent.written = True
        if self.transport.is_closing() or self.closes:
            return
        self.flow.resume_reading()
        if self._backlog:
            self._schedule_backlog()
        if self.pipeline:
            self._at_work, app = self.pipeline.pop()
            self._start_asgi_task(self._at_work, app)
        elif self._phase is _Phase.REQUEST:
            self._since = self.loop.time()
        if self._rejected:
            self._send_malformed()

    def _send_malformed(self) -> None:
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        release = self._exchange.release
        head = response_head(
            malformed(release, self._malformed), release.has_reason_phrase, self.server_state.default_headers
        )
        self.outbox.put(self, head + b"Connection: close\r\n\r\n", close=True)

    def abort(self) -> None:
        """Close the connection at once, whatever is in flight on it."""
        # said here, since uvicorn would wonder why the call has no answer until the loop tells it
        self._disconnect()
        self.cut_off = True
        self.transport.abort()

    def _disconnect(self) -> None:
        for cycle in (self.cycle, self._at_work):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def close_soon(self) -> None:
        """Close the connection once a client has taken all, whether or not it agrees to the end of TLS."""
        if self._waits_to_close:
            return
        self.closes = self._waits_to_close = True
        self._unsent = Unsent(self.transport, self.loop.time())
        self._unsent.written = True
        self._close_when_taken()

    def _close_when_taken(self) -> None:
        if self.transport.is_closing():
            return
        now = self.loop.time()
        waited = self._unsent.look(now)
        if waited > self._settings.body_timeout:
            self._end("it did not read its answer", self._settings.body_timeout)
        elif self._unsent.some or (self._is_lingering and now - self._since < self._settings.body_timeout):
            self.loop.call_later(next_look(waited), self._close_when_taken)
        else:
            self._ends_well = True
            self.transport.close()

    def shutdown(self) -> None:
        """Hang up on an idle client at once: a TLS client that reads nothing would not agree to the end for long."""
        if not self._is_idle:
            super().shutdown()
            return
        self._unsent.written = True
        self._unsent.look(self.loop.time())
        if self._unsent.some:
            self.close_soon()
        else:
            self.abort()


def _port(connection: Any) -> int:
    return connection.server[1] if connection.server else 0
