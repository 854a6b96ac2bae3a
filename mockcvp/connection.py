"""The HTTP of one connection: uvicorn's, where a client could not tell it from a Tomcat's."""

import asyncio
import logging
import re
import ssl
from collections.abc import Collection, Coroutine, Generator, Iterable
from contextlib import suppress
from enum import Enum
from functools import lru_cache, partial
from inspect import CORO_SUSPENDED, getcoroutinestate
from typing import Any, NoReturn

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockcvp.answering import CallOnIt, Closing, response_head
from mockcvp.certificates import Told
from mockcvp.exchange import MALFORMED_BODY, WIRE, Exchange
from mockcvp.oamp.api import malformed
from mockcvp.settings import Settings
from mockcvp.unsent import Unsent, next_look

_log = logging.getLogger(__name__)
_uvicorns = logging.getLogger("mockcvp.uvicorn")
_uvicorns.setLevel(logging.ERROR)

# how long a client has for agreeing to the end of a TLS connection; by itself, the loop would give it 30
_AGREE_SECONDS = 0.2

_HOST = re.compile(rb"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])?(?::(\d{0,5}))?")
_LARGEST_PORT = 65535


def _fault_in(headers: Iterable[tuple[bytes, bytes]], version: str) -> str | None:
    """Return what keeps headers from being those of a request."""
    if version not in ("1.0", "1.1"):
        return "the version is neither HTTP/1.0 nor HTTP/1.1"
    hosts, codings = 0, 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if not _is_host(value):
                return "the Host is no host and port"
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.strip().lower() != b"chunked":
                return "the Transfer-Encoding is not chunked alone"
    if hosts > 1 or (not hosts and version == "1.1"):
        return "a request of HTTP/1.1 has one Host header"
    return None


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and int(found[1] or 0) <= _LARGEST_PORT


_FEW = 4


class Outbox:
    """The responses of one event-loop iteration, written together when it ends.

    Written one by one, each wakes a client that has gone to sleep since the last, which takes as long as the response.
    With few connections there is little to gain, and a response that is written at once also reaches a client that
    closes its side right after its request: what is written after the end of that side was read is lost.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Connection, bytes, bool]] = []
        # whether the server stops
        self.closed = False

    def put(self, connection: "Connection", data: bytes, *, close: bool) -> None:
        """Write to a connection before any callback that is scheduled from now on runs.

        Args:
            connection: the connection
            data: what to write
            close: whether that is its last
        """
        if len(connection.connections) <= _FEW and not self._waiting:
            _write(connection, data, close=close)
            return
        if not self._waiting:
            connection.loop.call_soon(self.flush)
        self._waiting.append((connection, data, close))

    def flush(self) -> None:
        """Write what is there."""
        waiting, self._waiting = self._waiting, []
        for connection, data, close in waiting:
            _write(connection, data, close=close)


def _write(connection: "Connection", data: bytes, *, close: bool) -> None:
    if not connection.transport.is_closing():
        connection.transport.write(data)
        if close:
            connection.close_soon()


class _Flow(FlowControl):
    """What keeps a client from sending more calls than are answered: uvicorn would read on while some wait."""

    def __init__(self, transport: asyncio.Transport, waiting: Collection[object]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if self.read_paused and not self._waiting:
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
        self.outbox = outbox
        self._settings = settings
        self._refused = False
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
        self.flow = _Flow(transport, self.pipeline)
        self._unsent = Unsent(transport, self._since)
        self._closing = Closing(self)
        most = self._settings.max_connections
        if self.outbox.closed:
            # it has agreed on TLS while the server stops
            self.hang_up()
        elif len(self.connections) > most < sum(_port(other) == _port(self) for other in self.connections):
            _log.warning("hung up on %s: there are %d connections already", self._who, most)
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of what ended a TLS connection."""
        # with TLS 1.3 the server's part of the handshake may be over before the client looks at the certificate
        tls = self.transport.get_extra_info("ssl_object")
        if isinstance(exc, ssl.SSLError) and isinstance(tls, Told):
            tls.look_at(exc)
        self._lost = True
        # one that has taken all goes in another way
        self.cut_off = self.cut_off or (isinstance(exc, ConnectionError) and not self._ends_well)
        self._disconnect()
        super().connection_lost(exc)
        # they know this connection: without them, it is freed at once, with all that TLS takes
        del self.parser, self._closing
        self.cycle = self._at_work = None  # type: ignore[assignment] # uvicorn begins with none too

    def data_received(self, data: bytes) -> None:
        """Take what a client sends, as long as the head of a request is not too large."""
        if self._refused or (self.closes and not self._is_lingering):
            # nothing that follows is read
            return
        self._head_bytes += len(data)
        if self._phase is _Phase.REQUEST:
            self._behind = False
        self._receiving = True
        super().data_received(data)
        self._receiving = False
        if (cycle := self._unbegun) is not None:
            self._unbegun = None
            if cycle.more_body:
                self._begin(cycle.run_asgi(self.app))
            else:
                self._respond_at_once(cycle)
        if self._phase is not _Phase.REQUEST and self._head_bytes > self._settings.max_header_bytes:
            what = "request line and headers" if self._phase is _Phase.HEADERS else "trailers and chunk lines"
            self._malformed = f"the {what} are larger than {self._settings.max_header_bytes} bytes"
            self.send_400_response(self._malformed)

    def eof_received(self) -> None:
        """Write what is there for a client that half-closes the connection: TLS is shut down next."""
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
            rest = _Rest(begun, begun.send(None))
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
        self._refused = self._refused or self.closes
        self._phase, self._since = _Phase.HEADERS, self.loop.time()

    def on_headers_complete(self) -> None:
        """Begin a request; what is sent as trailers later must not join its headers."""
        if self._refused:
            self._fail("a request after a response that closes the connection")
        self._check_head()
        upgrade = self.parser.should_upgrade()
        if upgrade and {b"content-length", b"transfer-encoding"} & dict(self.headers).keys():
            # the parser would take the body for the other protocol's
            self._fail("an upgrade with a body")
        super().on_headers_complete()
        self._phase = _Phase.BODY
        self.headers = []
        self.cycle.scope["state"][WIRE] = CallOnIt(self, self.cycle)
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
        fault = _fault_in(self.headers, version)
        if fault:
            self._fail(fault)
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
        if self._unsent.look(now) > settings.body_seconds:
            self._end("it did not read its answer", settings.body_seconds)
        elif self._refused:
            # it has nothing more to send
            return
        elif self._phase is _Phase.HEADERS and waited > settings.header_seconds:
            self._end("it did not send a request's headers", settings.header_seconds)
        elif self._phase is _Phase.BODY and waited > settings.body_seconds:
            self._end("it did not send a request's body", settings.body_seconds)
        elif self._unsent.some:
            # the time to the next request begins when all is sent
            self._since = now
        elif self._phase is _Phase.REQUEST and waited > settings.keep_alive_seconds and self._is_idle:
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
        self.hang_up()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    @property
    def _is_lingering(self) -> bool:
        return self.lingers and self._phase is _Phase.BODY

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
        if self.pipeline:
            self._at_work, app = self.pipeline.pop()
            self._start_asgi_task(self._at_work, app)
        elif self._phase is _Phase.REQUEST:
            self._since = self.loop.time()
        if self._refused:
            self._send_malformed()

    def _send_malformed(self) -> None:
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        release = self._exchange.release
        head = response_head(
            malformed(release, self._malformed), release.has_reason_phrase, self.server_state.default_headers
        )
        self.outbox.put(self, head + b"Connection: close\r\n\r\n", close=True)

    def hang_up(self) -> None:
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
        if waited > self._settings.body_seconds:
            self._end("it did not read its answer", self._settings.body_seconds)
        elif self._unsent.some or (self._is_lingering and now - self._since < self._settings.body_seconds):
            self.loop.call_later(next_look(waited), self._close_when_taken)
        else:
            self._ends_well = True
            self.transport.close()
            self.loop.call_later(_AGREE_SECONDS, self.transport.abort)

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
            self.hang_up()


class _Rest:
    """What is left of a coroutine that has begun without a task, and waits for a future."""

    def __init__(self, begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    async def run(self) -> None:
        """Go on to the end."""
        await self

    def end(self, _: object) -> None:
        """Cancel the coroutine, where its task was cancelled before it went on."""
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


def _port(connection: Any) -> int:
    return connection.server[1] if connection.server else 0
