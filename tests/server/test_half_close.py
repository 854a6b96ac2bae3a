"""Clients that close their side of a connection after the request, and wait for the response."""

import contextlib
import os
import socket
import ssl

import pytest

from tests.server_process import SYNCHRONIZE, XML, ServerProcess

HEADERS = f"Host: localhost\r\nAuthorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\nAccept: {XML}\r\n"
REQUESTS = {
    "POST": (
        f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\n{HEADERS}"
        f"Content-Type: {XML}\r\nContent-Length: 14\r\n\r\n<synchronize/>"
    ),
    "GET": f"GET /cvp-config/version HTTP/1.1\r\n{HEADERS}\r\n",
}
TIMES = 30


def send_with_fin(server: ServerProcess, request: bytes) -> bytes:
    """Send a request and a FIN without a close_notify, and return the received data."""
    with server.connection() as connection:
        connection.sendall(request)
        # A TLS socket cannot close one side, so that a second socket object does.
        with socket.socket(fileno=os.dup(connection.fileno())) as plain:
            plain.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                received += data
        return received


def send_with_close_notify(server: ServerProcess, request: bytes) -> bytes:
    """Send a request and a close_notify in one segment, and return the received data."""
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


# With many connections, the server responds in batches, and receives the close before it sends a batch.
@pytest.mark.parametrize(
    ("half_close", "others"), [(send_with_fin, 0), (send_with_close_notify, 0), (send_with_close_notify, 8)]
)
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
    "malformed HTTP": b"GARBAGE" * 20_000,
    "surplus data after the last request": REQUESTS["GET"].replace("Host:", "Connection: close\r\nHost:", 1).encode()
    + MANY,
    "an unread body": (REQUESTS["POST"].replace("Content-Length: 14", "Expect: 100-continue\r\nContent-Length: 200000"))
    .replace("d3Nt", "eHh4")
    .encode()
    + MANY,
}


@pytest.mark.parametrize("sent", CLOSING.values(), ids=CLOSING)
def test_the_server_survives_surplus_data_and_a_half_close(server: ServerProcess, sent: bytes) -> None:
    for _ in range(5):
        send_with_close_notify(server, sent)
    with server.client() as client:
        assert client.get("version", headers={"Accept": XML}).status_code == 200
