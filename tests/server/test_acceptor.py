"""Connections of a process without free file descriptors, and errors of single connections."""

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockcvp import MockCVP
from mockcvp.server import acceptor
from mockcvp.server.protocol import Connection
from tests.server_process import ServerProcess, error_line, read_response

LIMITS = {resource.RLIMIT_NOFILE: (64, 64)}
AUTHORIZATION = "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4="


def send(connection: ssl.SSLSocket, method: str, path: str, *headers: str, body: str = "") -> bytes:
    """Send a request on an open connection, and return the response."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    connection.sendall("\r\n".join([*lines, "", body]).encode())
    return read_response(connection)


def date(response: bytes) -> bytes:
    return response.lower().partition(b"date: ")[2].partition(b"\r\n")[0]


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def wait_for_date_changes(connection: ssl.SSLSocket, count: int) -> None:
    """Wait until the Date header has changed `count` times: the server sets the Date header once a second."""
    dates = set[bytes]()
    while len(dates) <= count:
        dates.add(date(send(connection, "GET", "/")))
        time.sleep(0.05)


@contextlib.contextmanager
def exhausted(tmp_path: Path) -> Iterator[tuple[ServerProcess, ssl.SSLSocket]]:
    """Run the command with one open connection, and with silent connections that use all other file descriptors."""
    with (
        ServerProcess(tmp_path, limits=LIMITS) as server,
        server.connection() as connection,
        contextlib.ExitStack() as silent,
    ):
        for _ in range(84):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        server.line("no file descriptors are left: closed 1 connections so far")
        yield server, connection


def test_an_open_connection_works_without_free_descriptors(tmp_path: Path) -> None:
    with exhausted(tmp_path) as (server, connection):
        assert status(send(connection, "GET", "/")) == 401
        wait_for_date_changes(connection, 3)
        assert status(send(connection, "GET", "/")) == 401
        assert server.process.poll() is None


def test_lazy_imports_work_without_free_descriptors(tmp_path: Path) -> None:
    patterns = [
        {"matchesJsonPath": "$.a[?(@.b == 'c')]"},
        {"matchesXPath": "//a[@b='c']"},
        {"matches": "(?<name>a+)b"},
        {"equalToXml": "<a/>"},
    ]
    with exhausted(tmp_path) as (server, connection):
        for path in ("health", "requests", "openapi.json", "docs", "cvp/clock"):
            assert status(send(connection, "GET", f"/__admin/{path}")) == 200, path
        for pattern in patterns:
            stub = {"request": {"bodyPatterns": [pattern]}, "response": {"status": 200}}
            assert status(send(connection, "POST", "/__admin/mappings", body=json.dumps(stub))) == 201, pattern
        path, content_type = "/cvp-config/command/synchronize", "Content-Type: application/xml; charset=iso8859-5"
        for body in ("<synchronize/>", '<?xml version="1.0" encoding="koi8-r"?><synchronize/>'):
            response = send(connection, "POST", path, AUTHORIZATION, "Accept: application/xml", content_type, body=body)
            assert status(response) < 500, response
        assert status(send(connection, "POST", "/__admin/reset")) == 200
        server.stop()
        lines = list(iter(server.lines.get, None))
        assert not [line for line in lines if "Traceback" in line or "Error" in line]


def test_closed_connections_are_logged_in_a_few_lines(tmp_path: Path) -> None:
    with exhausted(tmp_path) as (server, connection):
        for _ in range(20):
            with contextlib.suppress(OSError), server.connection() as closed:
                assert send(closed, "GET", "/") == b""
        assert status(send(connection, "GET", "/")) == 401
        lines = [line for line in server.lines_until("401 GET /") if "descriptors" in line]
        assert len(lines) < 5


def test_a_new_connection_is_served_once_descriptors_are_free(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, limits=LIMITS) as server, contextlib.ExitStack() as silent:
        for _ in range(84):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        server.line("no file descriptors are left")
        silent.close()
        ends = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), server.connection() as connection:
                assert status(send(connection, "GET", "/")) == 401
                break
            assert time.monotonic() < ends


def test_a_descriptor_limit_below_32_is_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", "0", "--cert-dir", str(tmp_path)]
    for limit in (12, 31):
        result = subprocess.run(
            ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert error_line(result) == f"the process may have {limit} open files (ulimit -n), and needs at least 32"


def test_32_descriptors_are_enough_for_a_request(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path, limits={resource.RLIMIT_NOFILE: (32, 32)}) as server,
        server.connection() as connection,
    ):
        for path in ("requests", "openapi.json"):
            assert status(send(connection, "GET", f"/__admin/{path}")) == 200


class FailingListener(socket.socket):
    """A listening socket whose first calls of `accept` fail, since the system has no descriptors."""

    failures = 3
    times: list[float]

    def accept(self) -> Any:
        if len(self.times) < self.failures:
            self.times.append(time.monotonic())
            raise OSError(errno.ENFILE, "Too many open files in system")
        return super().accept()


def test_a_failed_accept_is_repeated_after_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        accepted = asyncio.get_running_loop().create_future()

        async def serve(connection: socket.socket) -> None:
            connection.close()
            accepted.set_result(None)

        with FailingListener(socket.AF_INET) as listener:
            listener.times = []
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            accepting = acceptor.Acceptor(listener, serve, set())
            with socket.create_connection(listener.getsockname()):
                await asyncio.wait_for(accepted, 30)
            accepting.close()
            pauses = [later - earlier for earlier, later in zip(listener.times, listener.times[1:], strict=False)]
            assert len(pauses) == 2
            assert min(pauses) > 0.05

    asyncio.run(main())
    assert [record.getMessage() for record in caplog.records if record.name == acceptor.__name__] == [
        "a connection cannot be accepted: Too many open files in system"
    ]


def test_a_stop_closes_connections_without_a_handshake() -> None:
    def client_hello() -> bytes:
        outgoing = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
        return outgoing.read()

    with MockCVP():
        before = len(os.listdir("/dev/fd"))
    for pause in (0, 0, 0, 0.05):
        with contextlib.ExitStack() as opened:
            cvp = opened.enter_context(MockCVP())
            address = ("127.0.0.1", urlsplit(cvp.url).port or 0)
            clients = [socket.create_connection(address, timeout=30) for _ in range(3)]
            clients[0].sendall(client_hello()[:50])
            clients[1].sendall(client_hello())
            time.sleep(pause)
        # A ResourceWarning of a socket that is still open fails the test.
        gc.collect()
        for client in clients:
            with client, contextlib.suppress(ConnectionError):
                while client.recv(10_000):
                    pass
    with MockCVP():
        assert len(os.listdir("/dev/fd")) == before


def test_an_error_of_one_connection_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    check = Connection.end_if_late
    failing: list[Connection] = []

    def fail(self: Connection) -> None:
        failing.append(self)
        if failing[0] is self:
            raise RuntimeError("of one connection")
        check(self)

    with MockCVP() as cvp, contextlib.ExitStack() as opened:
        context, address = cvp.ssl_context(), ("127.0.0.1", urlsplit(cvp.url).port or 0)
        first, second = (
            opened.enter_context(
                context.wrap_socket(socket.create_connection(address, timeout=30), server_hostname="localhost")
            )
            for _ in range(2)
        )
        for connection in (first, second):
            assert status(send(connection, "GET", "/")) == 401
        monkeypatch.setattr(Connection, "end_if_late", fail)
        both = [first, second]
        wait_for_an_abort(both)
        assert len(both) == 1
        wait_for_date_changes(both[0], 2)
        assert status(send(both[0], "GET", "/")) == 401
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors] == ["aborted a connection whose times could not be checked"]


def test_a_connection_that_cannot_be_served_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **_arguments: object) -> None:
        raise RuntimeError("of one connection")

    with MockCVP() as cvp:
        context, address = cvp.ssl_context(), ("127.0.0.1", urlsplit(cvp.url).port or 0)
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "__init__", fail)
            with (
                socket.create_connection(address, timeout=30) as plain,
                pytest.raises(OSError),  # noqa: PT011 - closed or reset
            ):
                context.wrap_socket(plain, server_hostname="localhost")
        with context.wrap_socket(
            socket.create_connection(address, timeout=30), server_hostname="localhost"
        ) as connection:
            assert status(send(connection, "GET", "/")) == 401
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["closed a connection that could not be served"]


def wait_for_an_abort(connections: list[ssl.SSLSocket]) -> None:
    """Wait until the server has aborted one connection, and remove that connection from the list."""
    ready, _, _ = select.select(connections, [], [], 30)
    (ended,) = ready
    with contextlib.suppress(OSError):
        assert ended.recv(1) == b""
    connections.remove(ended)
