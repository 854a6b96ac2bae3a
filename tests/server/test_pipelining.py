"""Pipelined requests: the server parses each request independently of the requests before it."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.test_protocol import read_to_end, request
from tests.server_process import SYNCHRONIZE, XML, ServerProcess, read_response

GET = request("GET", "/cvp-config/version")
TWO_BLANKS = GET.replace(b" ", b"  ", 2)
POST = request("POST", f"/cvp-config/{SYNCHRONIZE}", f"Content-Type: {XML}", body=b"<synchronize/>")
CHUNKED = (
    request("POST", f"/cvp-config/{SYNCHRONIZE}", f"Content-Type: {XML}", "Transfer-Encoding: chunked")
    + b"e\r\n<synchronize/>\r\n0\r\n\r\n"
)


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)]


@pytest.mark.parametrize("ahead", [GET, POST, CHUNKED, GET * 3], ids=["GET", "POST", "chunked", "three"])
@pytest.mark.parametrize("between", [b"", b"\r\n", b"\n", b"\n\n"])
def test_a_malformed_pipelined_request_line_is_rejected(server: ServerProcess, ahead: bytes, between: bytes) -> None:
    with server.connection() as connection:
        connection.sendall(ahead + between + TWO_BLANKS)
        expected = [202] if ahead.startswith(b"POST") else [200] * ahead.count(b"GET")
        assert statuses(read_to_end(connection)) == [*expected, 400]


def test_a_line_feed_alone_before_a_request_is_malformed(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(GET + b"\n" + GET)
        assert statuses(read_to_end(connection)) == [200, 400]


@pytest.mark.parametrize("ahead", [POST, CHUNKED], ids=["length", "chunked"])
def test_a_crlf_after_a_body_may_come_in_two_reads(server: ServerProcess, ahead: bytes) -> None:
    with server.connection() as connection:
        connection.sendall(ahead + b"\r")
        assert statuses(read_response(connection)) == [202]
        server.wait_until_all_is_read()
        connection.sendall(b"\n" + GET)
        assert statuses(read_response(connection)) == [200]


def test_empty_lines_before_a_later_request_are_limited(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(GET)
        assert statuses(read_response(connection)) == [200]
        connection.sendall(b"\r\n" * 10_000 + GET)
        assert statuses(read_to_end(connection)) == [400]


@pytest.mark.parametrize("framing", ["Content-Length: 80", "Transfer-Encoding: chunked"])
def test_earlier_requests_do_not_count_towards_a_body_limit(tmp_path: Path, framing: str) -> None:
    options = ("--max-body-bytes", "100", "--max-header-bytes", "1KiB")
    body = b"<synchronize>" + b" " * 53 + b"</synchronize>"
    sent = b"50\r\n" + body + b"\r\n0\r\n\r\n" if "chunked" in framing else body
    with ServerProcess(tmp_path, *options) as server, server.connection() as connection:
        head = request("POST", f"/cvp-config/{SYNCHRONIZE}", f"Content-Type: {XML}", framing)
        # The earlier requests are smaller than a slice, and larger than the limit of the body and its framing.
        ahead = GET * 80
        assert 8 * (100 + 1024) < len(ahead + head) < 16 * 1024
        connection.sendall(ahead + head + sent[:20])
        received = b""
        while len(statuses(received)) < 80:
            received += connection.recv(65536)
        time.sleep(0.1)
        connection.sendall(sent[20:])
        assert statuses(read_response(connection)) == [202]


def test_pipelined_requests_of_many_connections_keep_order(server: ServerProcess) -> None:
    admin = request("GET", "/__admin/health")
    with ExitStack() as stack:
        # With more than a few connections, the server responds in batches.
        connections = [stack.enter_context(server.connection()) for _ in range(8)]
        for connection in connections:
            connection.sendall(GET + POST + admin + CHUNKED + TWO_BLANKS)
        for connection in connections:
            received = read_to_end(connection)
            assert statuses(received) == [200, 202, 200, 202, 400]
            assert received.index(b"<version") < received.index(b'"healthy"')
