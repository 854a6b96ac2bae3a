"""Clients that close their side of a connection right after their request, and wait for the response."""

import contextlib
import os
import socket
import ssl

import pytest

from tests.server_process import SYNCHRONIZE, XML, ServerProcess

REST = f"Host: localhost\r\nAuthorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\nAccept: {XML}\r\n"
REQUESTS = {
    "POST": f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\n{REST}Content-Type: {XML}\r\nContent-Length: 14\r\n\r\n<synchronize/>",
    "GET": f"GET /cvp-config/version HTTP/1.1\r\n{REST}\r\n",
}
TIMES = 30


def after_fin(server: ServerProcess, request: bytes) -> bytes:
    """Send a request and a FIN, without a word to TLS, and return what comes."""
    with server.connection() as connection:
        connection.sendall(request)
        # a TLS socket refuses to close one side, so that this is done behind its back
        with socket.socket(fileno=os.dup(connection.fileno())) as plain:
            plain.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                received += data
        return received


def after_close_notify(server: ServerProcess, request: bytes) -> bytes:
    """Send a request and a close_notify in one segment, and return what comes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.tls().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as plain:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        tls.write(request)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        plain.sendall(outgoing.read())
        received = b""
        with contextlib.suppress(OSError):
            while data := plain.recv(65536):
                incoming.write(data)
                with contextlib.suppress(ssl.SSLError):
                    while part := tls.read(65536):
                        received += part
        return received


# with many connections, requests are responded to in batches, and a FIN ends TLS before the batch does
@pytest.mark.parametrize(("half_close", "others"), [(after_fin, 0), (after_close_notify, 0), (after_close_notify, 8)])
@pytest.mark.parametrize("method", REQUESTS)
def test_a_client_that_half_closes_gets_its_response(
    server: ServerProcess, half_close: object, method: str, others: int
) -> None:
    assert callable(half_close)
    with contextlib.ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(server.connection())
        responses = [half_close(server, REQUESTS[method].encode()) for _ in range(TIMES)]
    status = b"HTTP/1.1 202 " if method == "POST" else b"HTTP/1.1 200 "
    assert [response.startswith(status) for response in responses] == [True] * TIMES
    assert all(response.endswith(b"\r\n\r\n") for response in responses)


MANY = b"x" * 100_000
CLOSING = {
    "no HTTP": b"GARBAGE" * 20_000,
    "a surplus after the last request": REQUESTS["GET"].replace("Host:", "Connection: close\r\nHost:", 1).encode()
    + MANY,
    "a body that nobody reads": (
        REQUESTS["POST"].replace("Content-Length: 14", "Expect: 100-continue\r\nContent-Length: 200000")
    )
    .replace("d3Nt", "eHh4")
    .encode()
    + MANY,
}


@pytest.mark.parametrize("sent", CLOSING.values(), ids=CLOSING)
def test_surplus_data_before_a_half_close_does_not_stop_others(server: ServerProcess, sent: bytes) -> None:
    for _ in range(5):
        after_close_notify(server, sent)
    with server.client() as client:
        assert client.get("version", headers={"Accept": XML}).status_code == 200
