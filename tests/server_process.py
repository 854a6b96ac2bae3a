"""The command in a separate process, with a real socket and TLS."""

import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

SYNCHRONIZE = "command/synchronize"
XML, JSON = "application/xml", "application/json"
USER, PASSWORD = "wsmadmin", "wsmadmin"
PATIENCE = 60.0
"""The timeout of every wait in a test, in seconds: long enough for a loaded machine."""


class ServerProcess:
    """Runs `mockcvp serve` until the end of the `with`."""

    program: tuple[str, str] = ("-m", "mockcvp")

    def __init__(
        self,
        cert_dir: Path,
        *options: str,
        env: dict[str, str] | None = None,
        limits: dict[int, tuple[int, int]] | None = None,
    ) -> None:
        self.limits = limits or {}
        self.options = ["serve", "--port", "0", "--cert-dir", str(cert_dir), *options]
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MOCKCVP_")} | (env or {})
        self.lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self.program, *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env,
            preexec_fn=self._limit if self.limits else None,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.ready = ready = self.line("mockcvp is ready")
        match = re.fullmatch(
            r"\S+ mockcvp is ready: (https://\S+:(\d+)/cvp-config), user (\S+), certificate ([^\s,]+)"
            r"(?:, control \S+)?, (?:documentation|console) (https://\S+/__admin)/(?:docs|console/)",
            ready,
        )
        assert match, ready
        self.url, self.port, self.user, self.certificate = match[1], int(match[2]), match[3], Path(match[4])
        self.admin = match[5]
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()

    def _limit(self) -> None:
        import resource

        for what, limit in self.limits.items():
            resource.setrlimit(what, limit)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def forget_lines(self) -> None:
        """Skip the earlier output."""
        while not self.lines.empty():
            self.lines.get()

    def line(self, containing: str) -> str:
        """Wait for the next line of output that contains a text."""
        return self.lines_until(containing)[-1]

    def lines_until(self, containing: str) -> list[str]:
        """Wait for the next line of output that contains a text, and return the lines up to that line."""
        seen = []
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            seen.append(line)
            if containing in line:
                return seen
        raise AssertionError(f"no line with {containing!r} in {seen}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=PATIENCE)

    def wait_until_all_is_read(self) -> None:
        """Wait until the server has read the earlier data of all clients.

        The server reads its connections in one thread, in the order in which data arrives.
        """
        with self.client(auth=None) as client:
            client.get(f"https://localhost:{self.port}/__admin/health")

    def wait_until_it_stops_listening(self) -> None:
        """Wait until the server has handled a signal to stop."""

        def is_closed() -> bool:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
            except ConnectionError:
                return True
            return False

        wait_until(is_closed)

    def tls(self) -> ssl.SSLContext:
        """Return an SSL context that trusts only the mock server's certificate, and checks host names."""
        return ssl.create_default_context(cafile=self.certificate)

    def client(self, **options: Any) -> httpx.Client:
        """Return a client of the OAMP, with valid credentials by default."""
        defaults: dict[str, Any] = {"auth": (USER, PASSWORD), "base_url": self.url, "verify": self.tls()}
        client = httpx.Client(**(defaults | {"trust_env": False, "timeout": PATIENCE} | options))
        if "headers" not in options:
            # The default of httpx is `Accept: */*`.
            del client.headers["accept"]
        return client

    @contextmanager
    def connection(self) -> Iterator[ssl.SSLSocket]:
        """Open a TLS connection for raw data."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        with self.tls().wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection

    def journal(self, **query: int) -> dict[str, Any]:
        """Return the journal from the control API."""
        with self.client(auth=None) as client:
            response = client.get(f"https://localhost:{self.port}/__admin/requests", params=query)
        assert response.status_code == 200, response.text
        journal: dict[str, Any] = response.json()
        return journal

    def forget(self) -> None:
        """Clear the journal."""
        with self.client(auth=None) as client:
            assert client.delete(f"https://localhost:{self.port}/__admin/requests").status_code == 200


class PatientlyStopping(ServerProcess):
    """A server whose stop waits ten minutes for requests in flight, so that a needless wait exceeds the timeout."""

    program = (
        "-c",
        "import functools; from mockcvp import cli; from mockcvp.server import listener;"
        "listener.Server = functools.partial(listener.Server, drain_seconds=600); cli.main()",
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll a condition until it is true."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "the condition is still false"
        time.sleep(0.02)


@contextmanager
def frequent_thread_switches() -> Iterator[None]:
    """Minimise the switch interval of Python's threads, so that race conditions become likely."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def read_response(connection: ssl.SSLSocket) -> bytes:
    """Read one response: the raw headers, and the body without chunk framing."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        return head + b"\r\n\r\n" + _read_chunks(connection, body)
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _read_chunks(connection: ssl.SSLSocket, received: bytes) -> bytes:
    body = b""
    while True:
        while b"\r\n" not in received or len(received) < _chunk_end(received):
            more = connection.recv(65536)
            assert more, "the connection was closed before the last chunk"
            received += more
        end = _chunk_end(received)
        chunk = received[:end].partition(b"\r\n")[2].removesuffix(b"\r\n")
        body, received = body + chunk, received[end:]
        if not chunk:
            return body


def _chunk_end(received: bytes) -> int:
    size, _, _ = received.partition(b"\r\n")
    return len(size) + 2 + int(size, 16) + 2


def mockcvp(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MOCKCVP_")}
    command = [sys.executable, "-m", "mockcvp", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=inherited | env,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def error_line(result: subprocess.CompletedProcess[str]) -> str:
    """Return the error line of the command."""
    assert result.returncode == 2, result
    return only_line(result.stderr)


def only_line(stderr: str) -> str:
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("mockcvp: ")
    return lines[0].removeprefix("mockcvp: ")
