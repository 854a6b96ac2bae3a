"""The log of clients that close a connection without a request."""

import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from mockcvp.server.unused import UnusedConnections
from tests.server_process import PATIENCE, ServerProcess

LINE = "127.0.0.1 closed the connection after it received the certificate, without a request"


def connect(server: ServerProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE)


def leave_after_the_handshake(server: ServerProcess, version: ssl.TLSVersion) -> None:
    """Act as curl does, which checks the host name after the handshake."""
    context = server.tls()
    context.maximum_version = version
    with context.wrap_socket(connect(server), server_hostname="localhost"):
        pass


def leave_during_the_handshake(server: ServerProcess, version: ssl.TLSVersion) -> None:
    """Act as Java and Node.js do, which send no TLS alert."""
    context = server.tls()
    context.maximum_version = version
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(received, sent, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with connect(server) as plain:
        plain.sendall(sent.read())
        assert plain.recv(1)


# Each test needs a new process, since another test may have caused a line within the last ten seconds.
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("leave", [leave_after_the_handshake, leave_during_the_handshake])
def test_a_client_that_leaves_without_a_request_is_logged(
    tmp_path: Path,
    leave: Callable[[ServerProcess, ssl.TLSVersion], None],
    version: ssl.TLSVersion,
) -> None:
    with ServerProcess(tmp_path) as server:
        leave(server, version)
        server.line(LINE)


def test_other_closed_connections_are_not_logged(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        connect(server).close()
        with connect(server) as plain:
            plain.sendall(b"\x16\x03\x01")
        with server.tls().wrap_socket(connect(server), server_hostname="localhost") as half:
            half.sendall(b"GET /cvp-config/version HTTP/1.1\r\n")
        with server.client() as client:
            client.get("version")
        server.wait_until_all_is_read()
        server.stop()
        assert not [line for line in server.lines_until("stopped") if LINE in line]


def test_repeated_closed_connections_are_logged_rarely(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mockcvp")
    unused = UnusedConnections()
    for now in (0.0, 1.0, 9.0, 10.0, 11.0):
        unused.report("127.0.0.1", now)
    assert len(caplog.messages) == 2
    assert all(message.startswith(LINE) for message in caplog.messages)
