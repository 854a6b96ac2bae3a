"""A server with its sockets and TLS, on uvicorn. A stop completes the requests in flight."""

import asyncio
import errno
import logging
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import formatdate
from functools import partial
from typing import Any, cast

import uvicorn

from mockcvp.admin import PATH
from mockcvp.oamp.http import BASE_PATH
from mockcvp.server.protocol import Connection
from mockcvp.server.shared import Application, Service
from mockcvp.server.tls import CertificateError, certificate, log_failure
from mockcvp.server.unused import HANDSHAKE, Handshake
from mockcvp.settings import Settings

if sys.platform != "win32":
    from mockcvp.server.acceptor import Acceptor

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start. The message is one line."""


class Server:
    """A server. Its sockets listen after construction, and ``run`` serves their connections.

    Args:
        app: the ASGI app
        settings: the settings of the mock server
        drain_seconds: the timeout of requests in flight when the server stops
        report: called with the reason of each failed TLS handshake

    Raises:
        StartError: the server cannot listen on the address, or cannot use the certificate
    """

    def __init__(
        self,
        app: Application,
        settings: Settings,
        drain_seconds: float = 5.0,
        report: Callable[[str], None] = log_failure,
    ) -> None:
        # The sockets come first: a failed start must not replace a certificate that clients trust.
        self._sockets = _listen(settings.host, settings.port)
        self._admin_host = settings.admin_host or settings.host
        self._admin_sockets: list[socket.socket] = []
        try:
            if settings.admin_port is not None:
                self._admin_sockets = _listen(self._admin_host, settings.admin_port, "--admin")
            self._certificate = certificate(settings, report)
        except (CertificateError, StartError) as exc:
            for listener in (*self._sockets, *self._admin_sockets):
                listener.close()
            raise StartError(str(exc)) from None
        self._host = settings.host
        context = self._certificate.context
        admin_port = self._admin_sockets[0].getsockname()[1] if self._admin_sockets else None
        service = Service(app, settings, self._certificate.path, self.port, admin_port)
        config = uvicorn.Config(
            app,
            interface="asgi3",
            # uvicorn calls this with keyword arguments only.
            http=cast("type[asyncio.Protocol]", partial(Connection, service)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # The journal has the address of the connection, not of X-Forwarded-For.
            proxy_headers=False,
            ssl_context_factory=lambda _config, _default: context,
        )
        self._uvicorn = _Uvicorn(config, service, drain_seconds)

    @property
    def url(self) -> str:
        """The URL of the OAMP."""
        return f"https://{_url_host(self._host)}:{self.port}{BASE_PATH}"

    @property
    def admin_url(self) -> str:
        """The URL of the control API."""
        if not self._admin_sockets:
            return f"https://{_url_host(self._host)}:{self.port}{PATH}"
        return f"https://{_url_host(self._admin_host)}:{self._admin_sockets[0].getsockname()[1]}{PATH}"

    @property
    def port(self) -> int:
        """The port of the OAMP."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def certificate(self) -> str:
        """The path of the certificate for clients, a PEM file."""
        return str(self._certificate.path)

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop`` or ``interrupt``.

        Args:
            ready: called when the server accepts connections
        """
        self._uvicorn.ready = ready
        self._uvicorn.run([*self._sockets, *self._admin_sockets])

    def serving(self) -> Callable[[], None]:
        """Serve in a separate thread. Return, when the server accepts connections, a function that stops the server."""
        settled, failed = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                self.run(settled.set)
            except BaseException as exc:
                failed.append(exc)
            finally:
                settled.set()

        # A daemon thread does not keep the interpreter from exiting.
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
        """Stop after the requests in flight. Any thread may call this."""
        self._uvicorn.stop()

    def interrupt(self) -> None:
        """Stop; a second call aborts the requests in flight. A signal handler may call this at any time."""
        if self._uvicorn.should_exit:
            self._uvicorn.drain_seconds = 0
        self.stop()


class _Uvicorn(uvicorn.Server):
    """uvicorn with another accept loop, prompt stops, and no responses of uvicorn to requests in flight."""

    ready: Callable[[], None]

    def __init__(self, config: uvicorn.Config, service: Service, drain_seconds: float) -> None:
        super().__init__(config)
        self.drain_seconds = drain_seconds
        self._service = service
        self._connecting: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._tick()
        self._acceptors = [await self._acceptor(listener) for listener in sockets or []]
        self.started = True
        self.ready()

    async def _acceptor(self, listener: socket.socket) -> "Acceptor | asyncio.Server":
        if sys.platform == "win32":
            # The event loop of Windows cannot watch a socket. Windows has no limit of descriptors.
            return await self._loop.create_server(self._connection, sock=listener, **self._tls())
        return Acceptor(listener, self._connect, self._connecting)

    async def _connect(self, connection: socket.socket) -> None:
        handshake = Handshake()
        HANDSHAKE.set(handshake)
        try:
            handshake.client = connection.getpeername()[0]
            await self._loop.connect_accepted_socket(self._connection, connection, **self._tls())
        except OSError as exc:
            # ``ReportingSSLObject`` reports other errors of TLS, and a timeout is a ``ConnectionAbortedError``.
            if handshake.has_certificate and not isinstance(exc, ssl.SSLError | ConnectionAbortedError):
                self._service.unused.report(handshake.client, self._loop.time())
            connection.close()
        except Exception:
            _log.exception("closed a connection that could not be served")
            connection.close()

    def _tls(self) -> dict[str, Any]:
        settings = self._service.settings
        return {
            "ssl": self.config.ssl,
            "ssl_handshake_timeout": settings.header_timeout,
            # A slow client receives the last bytes of a response during the TLS shutdown.
            "ssl_shutdown_timeout": settings.body_timeout,
        }

    def _connection(self) -> asyncio.Protocol:
        create: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return create(config=self.config, server_state=self.server_state, app_state={}, _loop=self._loop)

    async def main_loop(self) -> None:
        while not self.should_exit:
            self._tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    def _tick(self) -> None:
        self._service.date = formatdate(usegmt=True).encode()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                _end_if_late(connection)

    def stop(self) -> None:
        """Stop. Any thread may call this."""
        self.should_exit = True
        self._wake()

    def _wake(self) -> None:
        if self.started:
            # A signal may arrive after the loop was closed.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command, which also handles them before and after the loop."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - the acceptors have them
        self._service.batch.flush()
        self._service.is_stopping = True
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        began = self._loop.time()
        while self.server_state.connections or self.server_state.tasks or self._connecting:
            # A second interrupt sets the timeout to 0.
            if self._loop.time() >= began + self.drain_seconds:
                self._abort()
            await asyncio.sleep(0.01)

    def _abort(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


def _end_if_late(connection: Connection) -> None:
    try:
        connection.end_if_late()
    except Exception:
        # The error would recur each second.
        _log.exception("aborted a connection whose times could not be checked")
        connection.abort()


def _url_host(host: str) -> str:
    """Return a host for a URL that reaches the server."""
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - not listened on
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int, option: str = "-") -> list[socket.socket]:
    """Return a listening socket for each address of a host, all on one port.

    Args:
        host: the host
        port: the port; 0 for a free one
        option: the prefix of the options for the host and the port, for messages

    Raises:
        StartError: the server cannot listen
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as exc:
        hint = f"give {option}-host a name or an address alone, without scheme, port or brackets"
        raise StartError(f"cannot listen on {host}: {exc.args[-1]}; {hint}") from None
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                sockets.append(opened.enter_context(_bind(family, (address[0], port, *address[2:]))))
            except OSError as exc:
                # A name may have an address of a family that this machine has disabled.
                if sockets and exc.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue
                raise StartError(_reason(host, port, exc, option)) from None
            port = sockets[0].getsockname()[1]
        opened.pop_all()
    return sockets


def _bind(family: int, address: tuple[str | int, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # A listener on all addresses accepts IPv4 too, as in Java and Go.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _reason(host: str, port: int, fault: OSError, option: str) -> str:
    reason = {
        errno.EADDRINUSE: f"the port is in use; choose another with {option}-port, or {option}-port 0 for a free one",
        errno.EACCES: f"this user may not listen on that port; choose one above 1023 with {option}-port",
        errno.EADDRNOTAVAIL: f"this machine has no such address; choose another with {option}-host",
    }.get(fault.errno or 0, fault.strerror)
    return f"cannot listen on {host} port {port}: {reason}"
