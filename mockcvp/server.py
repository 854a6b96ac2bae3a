"""One listening double: sockets, TLS, uvicorn, and an end that loses no call."""

import asyncio
import errno
import logging
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import lru_cache
from http import HTTPStatus
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mockcvp.certificates import CertificateError, Told, certificate, log_failure
from mockcvp.control import PATH
from mockcvp.exchange import CONTROL_PORT, MALFORMED_BODY, WIRE
from mockcvp.oamp.api import BASE_PATH, MALFORMED, Answer, Headers
from mockcvp.settings import Settings
from mockcvp.stubbing.responses import Fault

_log = logging.getLogger(__name__)

# Tomcat's own default
_KEEP_ALIVE_SECONDS = 20
# how long a client has for agreeing to the end of a TLS connection; by itself, the loop would give it 30
_AGREE_SECONDS = 0.2


class StartError(Exception):
    """What keeps a double from serving, in one line."""


class Server:
    """A double on its socket. The socket listens from here on; ``run`` serves it.

    Args:
        app: what to serve
        settings: where and how
        drain_seconds: how long a stop waits for calls in flight
        tell: called with the reason where a client gives up on a TLS connection

    Raises:
        StartError: the address cannot be listened on, or the certificate cannot be used
    """

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        drain_seconds: float = 5.0,
        tell: Callable[[str], None] = log_failure,
    ) -> None:
        # first the socket: a start that fails must not have made a certificate that clients would have to trust anew
        self._sockets = _listening(settings.host, settings.port)
        self._admin_host = settings.admin_host or settings.host
        self._admin_sockets: list[socket.socket] = []
        try:
            if settings.admin_port is not None:
                self._admin_sockets = _listening(self._admin_host, settings.admin_port, "--admin")
            self._certificate = certificate(settings, tell)
        except (CertificateError, StartError) as fault:
            for listener in (*self._sockets, *self._admin_sockets):
                listener.close()
            raise StartError(str(fault)) from None
        self._host = settings.host
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # what a client says of itself in X-Forwarded-For is not where it called from
            proxy_headers=False,
        )
        config.load()
        config.ssl = self._certificate.context
        self._uvicorn = _Uvicorn(config)
        self._uvicorn.drain_seconds = drain_seconds
        self._uvicorn.control_port = self._admin_sockets[0].getsockname()[1] if self._admin_sockets else None

    @property
    def url(self) -> str:
        """The URL of the OAMP's API."""
        return f"https://{_reached(self._host)}:{self.port}{BASE_PATH}"

    @property
    def admin_url(self) -> str:
        """The URL of the control API."""
        if not self._admin_sockets:
            return f"https://{_reached(self._host)}:{self.port}{PATH}"
        return f"https://{_reached(self._admin_host)}:{self._admin_sockets[0].getsockname()[1]}{PATH}"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def certificate(self) -> str:
        """The path of the certificate, a PEM file, that a client trusts."""
        return str(self._certificate.path)

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop`` or, in the main thread, SIGTERM or SIGINT; calls in flight are finished.

        Args:
            ready: called once, when calls are answered
        """
        self._uvicorn.ready = ready
        self._uvicorn.run([*self._sockets, *self._admin_sockets])

    def serving(self) -> Callable[[], None]:
        """Run in a thread of its own, and return, once calls are answered, what stops that."""
        settled, failed = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                self.run(settled.set)
            except BaseException as fault:
                failed.append(fault)
            finally:
                settled.set()

        # a daemon, so that a double that nobody stops does not keep the interpreter from ending
        thread = threading.Thread(target=run, name="mockcvp", daemon=True)
        thread.start()
        settled.wait()
        if failed:
            raise failed[0]

        def stop() -> None:
            self.stop()
            thread.join()

        return stop

    def stop(self) -> None:
        """Have a ``run`` that is ready finish the calls in flight and return. May be called from any thread."""
        self._uvicorn.stop()


class _Uvicorn(uvicorn.Server):
    """uvicorn, which by itself would notice a stop late, and answer calls still in flight with a 500 of its own."""

    ready: Callable[[], None]
    drain_seconds: float
    control_port: int | None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        # each call's state begins as this
        self.lifespan.state[CONTROL_PORT] = self.control_port
        await super().startup(sockets)
        # the headers of an answer, Date among them, are made by the first tick
        await self.on_tick(0)
        self.ready()

    async def main_loop(self) -> None:
        while not self.should_exit:
            await self.on_tick(0)
            for connection in list(self.server_state.connections):
                if isinstance(connection, _Protocol):
                    connection.end_if_idle(self._loop.time() - _KEEP_ALIVE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    def stop(self) -> None:
        """Stop. May be called from any thread."""
        self.should_exit = True
        self._wake()

    def _wake(self) -> None:
        if self.started:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.started and self.should_exit:
            self._loop.call_soon_threadsafe(self._hang_up)
        else:
            super().handle_exit(sig, frame)
            self._wake()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline = self._loop.time() + self.drain_seconds
        while self.server_state.connections or self.server_state.tasks:
            if self._loop.time() >= deadline:
                self._hang_up()
            await asyncio.sleep(0.01)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, _Protocol):
                connection.hang_up()
        for task in list(self.server_state.tasks):
            task.cancel()


class _Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, where its own answers and its way to hang up would show a client that this is no Tomcat."""

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
        self.cycle.scope["state"][WIRE] = _Exchange(self, self.cycle)
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
        self.transport.write(b"\r\n".join([*lines, b"", b""]))
        self.close_soon()

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


class _Exchange:
    """One call on a connection, on which others may have come already."""

    def __init__(self, protocol: _Protocol, cycle: RequestResponseCycle) -> None:
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
        cycle.transport.write(head + end + answer.body)
        cycle.message_event.set()
        if not keep_alive:
            cycle.transport.close()
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


def _reached(host: str) -> str:
    """Return what stands for a host in a URL."""
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - not listened on
    return f"[{host}]" if ":" in host else host


def _listening(host: str, port: int, option: str = "-") -> list[socket.socket]:
    """Return a listening socket for each address of a host, all on one port; ``option`` is what theirs begin with."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as fault:
        hint = f"give {option}-host a name or an address alone, without scheme, port or brackets"
        raise StartError(f"cannot listen on {host}: {fault.args[-1]}; {hint}") from None
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                sockets.append(opened.enter_context(_bound(family, (address[0], port, *address[2:]))))
            except OSError as fault:
                # a name may stand for an address of a family that this machine has switched off
                if sockets and fault.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue
                raise StartError(_explained(host, port, fault, option)) from None
            port = sockets[0].getsockname()[1]
        opened.pop_all()
    return sockets


def _bound(family: int, address: tuple[str | int, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # all addresses are those of IPv4 too, as in Java and Go
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _explained(host: str, port: int, fault: OSError, option: str) -> str:
    reason = {
        errno.EADDRINUSE: f"the port is in use; choose another with {option}-port, or {option}-port 0 for a free one",
        errno.EACCES: f"this user may not listen on that port; choose one above 1023 with {option}-port",
        errno.EADDRNOTAVAIL: f"this machine has no such address; choose another with {option}-host",
    }.get(fault.errno or 0, fault.strerror)
    return f"cannot listen on {host} port {port}: {reason}"
