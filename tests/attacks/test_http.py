"""Hostile HTTP and hostile connections: their responses, and valid requests that the server serves meanwhile."""

import contextlib
import json
import re
import resource
import select
import socket
import ssl
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.server_process import PATIENCE, SYNCHRONIZE, XML, ServerProcess, read_response, wait_until

TARGET = f"/cvp-config/{SYNCHRONIZE}".encode()
HOST = b"Host: localhost"
REST = [
    f"Accept: {XML}".encode(),
    f"Content-Type: {XML}".encode(),
    b"Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4=",
]
BODY = b"<synchronize/>"
LENGTH = b"Content-Length: 14"
CHUNKED = b"Transfer-Encoding: chunked"
NO_CHUNK = b"0\r\n\r\n"
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="memory and descriptors of a process are read from /proc: run it on Linux"
)


def request(
    *headers: bytes,
    body: bytes = b"",
    method: bytes = b"POST",
    to: bytes = TARGET,
    version: bytes = b"HTTP/1.1",
    host: bytes = HOST,
) -> bytes:
    """Return a valid request with these changes."""
    lines = [b" ".join([method, to, version]), *([host] if host else []), *REST, *headers]
    return b"\r\n".join([*lines, b"", b""]) + body


GOOD = request()
RAW = [bytes([char]) for char in b'"<>\\^`{|}\x7f\x80\xff\x01']


@dataclass(frozen=True)
class Attack:
    """The bytes that a client sends on a connection, and the expected responses.

    Attributes:
        name: the description of the bytes
        sent: returns the bytes
        responses: the statuses of the responses, in order
        is_closed: whether the server then closes the connection, which stays usable otherwise
        can_be_reset: whether a reset may discard the response, because the client is still sending
    """

    name: str
    sent: Callable[[], bytes]
    responses: tuple[int, ...] = (400,)
    is_closed: bool = True
    can_be_reset: bool = False


def expect(name: str, sent: bytes, *responses: int, is_closed: bool = False) -> Attack:
    return Attack(name, lambda: sent, responses or (202,), is_closed=is_closed)


def expect_400(name: str, sent: bytes) -> Attack:
    return Attack(name, lambda: sent)


def expect_400_or_reset(name: str, sent: Callable[[], bytes]) -> Attack:
    return Attack(name, sent, can_be_reset=True)


def expect_400_for_chunk_size(size: bytes) -> Attack:
    """Return an attack with this text as the size of a chunk."""
    return expect_400(f"chunk of size {size[:20]!r}", request(CHUNKED, body=size + b"\r\n" + BODY + b"\r\n" + NO_CHUNK))


def expect_400_for_coding(coding: bytes) -> Attack:
    return expect_400(f"transfer coding {coding!r}", request(b"Transfer-Encoding:" + coding, body=NO_CHUNK))


LENGTHS = [
    expect_400("the same length twice", request(LENGTH, LENGTH, body=BODY)),
    expect_400("two lengths", request(LENGTH, b"Content-Length: 13", body=BODY)),
    expect_400("a list of lengths", request(b"Content-Length: 14, 14", body=BODY)),
    expect_400("a length before a transfer coding", request(LENGTH, CHUNKED, body=NO_CHUNK)),
    expect_400("a length after a transfer coding", request(CHUNKED, LENGTH, body=NO_CHUNK)),
    *(
        expect_400(f"length {length!r}", request(b"Content-Length:" + length, body=BODY))
        for length in (
            b" -1",
            b" +14",
            b" 0x0e",
            b" 1 4",
            b"",
            b" 14;",
            b" 14.0",
            b" 1e1",
            b" 14\x0b",
            b" \xb2",
            b" " + b"9" * 20,
        )
    ),
    expect("a length between white space", request(b"Content-Length:\t 14 \t", body=BODY)),
    expect("a length that ends before a second request", request(LENGTH, body=BODY + GOOD), 202, 202),
    expect("a body with GET", request(LENGTH, body=BODY, method=b"GET", to=b"/cvp-config/version"), 200),
]
CODINGS = [
    expect_400("chunked twice", request(CHUNKED, CHUNKED, body=NO_CHUNK)),
    expect_400_for_coding(b" chunked, chunked"),
    expect_400_for_coding(b" chunked, gzip"),
    expect_400_for_coding(b" \x0bchunked"),
    expect_400_for_coding(b""),
    expect_400_for_coding(b" identity"),
    expect_400_for_coding(b" xchunked"),
    expect_400_for_coding(b' "chunked"'),
    # RFC 9112, section 6.1 recommends 501 for this.
    expect_400("transfer codings gzip and chunked", request(b"Transfer-Encoding: gzip, chunked", body=NO_CHUNK)),
    expect("chunked in HTTP/1.0", request(CHUNKED, body=NO_CHUNK, version=b"HTTP/1.0"), is_closed=True),
]
CHUNKS = [
    *(
        expect_400_for_chunk_size(size)
        for size in (
            b"-1",
            b"-e",
            b"+e",
            b"0xe",
            b" e",
            b"e ",
            b"e\t",
            b"",
            b"g",
            b"e\0",
            b"e\n",
            b"f",
            b"d",
            b"e;",
            b"e;a\nb",
            b"e;a\rb",
        )
    ),
    expect_400_for_chunk_size(b"f" * 16 + b"1"),
    expect("a chunk extension", request(CHUNKED, body=b'e;a="b"\r\n' + BODY + b"\r\n" + NO_CHUNK)),
    expect_400_or_reset(
        "a chunk extension of 1 MiB",
        lambda: request(CHUNKED, body=b"e;" + b"a" * 1024**2 + b"\r\n" + BODY + b"\r\n" + NO_CHUNK),
    ),
    expect(
        "a chunk extension of 5 KiB for each byte",
        request(CHUNKED, body=b"".join(b"1;%s\r\n%c\r\n" % (b"a" * 5000, byte) for byte in BODY) + NO_CHUNK),
    ),
    expect_400("a chunk size before a bare LF", request(CHUNKED, body=b"e\n" + BODY + b"\r\n" + NO_CHUNK)),
    expect_400("a chunk before a bare LF", request(CHUNKED, body=b"e\r\n" + BODY + b"\n" + NO_CHUNK)),
    expect_400("a chunk without its end", request(CHUNKED, body=b"e\r\n" + BODY + NO_CHUNK)),
    expect_400("a length among the trailers", request(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n")),
    expect_400(
        "a transfer coding among the trailers", request(CHUNKED, body=b"0\r\nTransfer-Encoding: chunked\r\n\r\n")
    ),
    expect_400("a trailer name with a space", request(CHUNKED, body=b"0\r\nA b: 5\r\n\r\n")),
    expect("trailers within the size limit of headers", request(CHUNKED, body=b"0\r\n" + b"a: b\r\n" * 1000 + b"\r\n")),
    expect_400_or_reset(
        "a trailer of 1 MiB", lambda: request(CHUNKED, body=b"0\r\na: " + b"b" * 1024**2 + b"\r\n\r\n")
    ),
]
LINES = [
    expect_400("a folded header", request(b"X-A: b\r\n c")),
    expect_400("a folded host", request(host=b"Host: local\r\n host")),
    expect_400("a folded transfer coding", request(b"Transfer-Encoding:\r\n chunked", body=NO_CHUNK)),
    expect_400("a space before the first header", request(host=b" Host: localhost")),
    expect_400("a space before a colon", request(b"X-A : b")),
    expect_400("a tab before a colon", request(b"X-A\t: b")),
    expect_400("a space before the colon of the length", request(b"Content-Length : 14", body=BODY)),
    expect_400("a bare CR in a value", request(b"X-A: b\rc")),
    expect_400("a bare CR in a name", request(b"X\r-A: b")),
    expect_400("lines that end with CR", GOOD.replace(b"\r\n", b"\r")),
    expect_400("lines that end with LF", GOOD.replace(b"\r\n", b"\n")),
    expect_400("one line that ends with LF", request(b"X-A: b\nX-B: c")),
    expect_400("a request line that ends with LF", GOOD.replace(b"\r\n", b"\n", 1)),
    expect_400("headers that end with two LFs", GOOD[:-4] + b"\n\n"),
    expect_400("headers that end with an extra CR", GOOD[:-2] + b"\r\r\n"),
    *(expect_400(f"{byte!r} in a value", request(b"X-A: b" + byte + b"c")) for byte in (b"\0", b"\x01", b"\x7f")),
    *(
        expect_400(f"{byte!r} in a name", request(b"X" + byte + b"A: b"))
        for byte in (b"\0", b"\xff", b"(", b"@", b"[", b'"', b"/", b" ", b"\x7f", b"{")
    ),
    expect_400("a header without a name", request(b": b")),
    expect_400("a header without a colon", request(b"XAb")),
    expect("a header without a value", request(b"X-A:")),
    expect("unusual bytes that are allowed", request(b"X_~!#$%&'*+-.^`|: \xff\xfe")),
    expect("several empty lines before the request line", b"\r\n" * 5 + GOOD),
]
STARTS = [
    expect_400("the connection preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20)),
    *(
        expect_400(f"version {version!r}", request(version=version))
        for version in (
            b"HTTP/3.0",
            b"HTTP/1.2",
            b"HTTP/1.10",
            b"HTTP/11",
            b"HTTP/1.",
            b"http/1.1",
            b"HTTP/1.1x",
            b"ICE/1.0",
        )
    ),
    *(expect_400(f"version {version!r}", request(version=version)) for version in (b"HTTP/2.0", b"HTTP/0.9")),
    expect_400("version b'RTSP/1.0'", request(version=b"RTSP/1.0")),
    expect_400("HTTP/2.0 without a host", request(version=b"HTTP/2.0", host=b"")),
    expect("HTTP/1.0", request(version=b"HTTP/1.0"), is_closed=True),
    expect_400("two spaces before the target", request(to=b" " + TARGET)),
    expect_400("two spaces before the version", request(to=TARGET + b" ")),
    expect_400("a tab before the target", request().replace(b"POST ", b"POST\t", 1)),
    expect_400("a bare LF before the request line", b"\n" + request()),
    expect_400("a bare CR before the request line", b"\r" + request()),
    expect("an empty line before the request line", b"\r\n" + request()),
    *(expect_400(f"a raw {char!r} in the target", request(to=TARGET + b"?q=" + char)) for char in RAW),
    expect_400("a fragment", request(to=TARGET + b"#top")),
    expect("a question mark and a slash in the query", request(to=TARGET + b"?a=/?:@!$&'()*+,;=[]~%22")),
    expect_400("HTTP/0.9 with an empty line", b"GET /cvp-config/version\r\n\r\n"),
    expect("an absolute target", request(to=b"https://localhost" + TARGET)),
    expect("an absolute target on another host", request(to=b"http://elsewhere.example" + TARGET)),
    expect_400("CONNECT", request(method=b"CONNECT", to=b"localhost:443")),
    expect_400("an authority as the target", request(to=b"localhost:443")),
    expect("CONNECT with a path", request(method=b"CONNECT"), 405, is_closed=True),
    expect("an asterisk as the target", request(method=b"OPTIONS", to=b"*"), 404),
    expect("TRACE", request(method=b"TRACE"), 405),
    expect("a path with dot segments", request(to=b"/cvp-config/../cvp-config/command/synchronize"), 404),
    expect("a percent-encoded NUL in a path", request(to=TARGET + b"%00"), 404),
    expect("invalid percent-encoding in a path", request(to=TARGET + b"%zz%ff"), 404),
    expect_400("a NUL in a target", request(to=TARGET + b"\0")),
    expect_400("a space in a target", request(to=TARGET + b" x")),
    expect_400("bytes above ASCII in a target", request(to=TARGET + b"\xe9")),
    expect_400("a target that is not a path", request(to=b"\\cvp-config")),
    expect_400("no target", request(to=b"")),
    expect_400("tabs instead of spaces", GOOD.replace(b" ", b"\t", 2)),
    expect_400("an unknown method", request(method=b"BREW")),
    expect_400("a method in lower case", request(method=b"post")),
    expect_400("a method of 5,000 characters", request(method=b"P" * 5000)),
    expect_400("TLS inside of TLS", b"\x16\x03\x01\x00\x05hello"),
    expect_400("SSH", b"SSH-2.0-OpenSSH_9.0\r\n"),
    expect_400(
        "a line of the PROXY protocol before the request line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GOOD
    ),
    expect_400("every byte", bytes(range(256)) * 4),
]
FLOODS = [
    expect("the maximum number of headers", request(*[b"a: b"] * 96)),
    expect_400("one header too many", request(*[b"a: b"] * 97)),
    expect_400("10,000 headers", request(*[b"a:"] * 10_000)),
    expect_400("a header that is too long", request(b"a: " + b"b" * 8192)),
    expect_400("a request line that is too long", request(to=TARGET + b"?" + b"a" * 9000)),
    expect_400_or_reset("a request line of 1 MiB", lambda: request(to=TARGET + b"?" + b"a" * 1024**2)),
    expect_400_or_reset("an endless header value", lambda: GOOD[:-2] + b"a: " + b"b" * 1024**2),
    expect_400_or_reset("an endless header name", lambda: GOOD[:-2] + b"b" * 1024**2),
    expect_400_or_reset("endless headers", lambda: GOOD[:-2] + b"a: b\r\n" * 200_000),
    expect_400_or_reset("an endless method", lambda: b"P" * 1024**2),
    expect_400_or_reset("endless empty lines", lambda: b"\r\n" * 500_000),
]
HOST_HEADERS = [
    expect_400("no host", request(host=b"")),
    expect_400("the same host twice", request(HOST)),
    expect_400("two hosts", request(b"Host: elsewhere")),
    expect("an empty host", request(host=b"Host:")),
    expect("no host in HTTP/1.0", request(host=b"", version=b"HTTP/1.0"), is_closed=True),
    *(
        expect_400(f"host {host!r}", request(host=b"Host: " + host))
        for host in (b"a b", b"a/b", b"a@b", b"a,b", b'"><script>', b"a\xffb", b"localhost:99999")
    ),
]
EXPECTATIONS = [
    expect("100-continue without a body", request(b"Expect: 100-continue"), 100, 202),
    expect("100-continue and the body at once", request(b"Expect: 100-continue", LENGTH, body=BODY), 100, 202),
    expect("100-continue in upper case", request(b"Expect: 100-CONTINUE", LENGTH, body=BODY), 100, 202),
    expect(
        "100-continue twice", request(b"Expect: 100-continue", b"Expect: 100-continue", LENGTH, body=BODY), 100, 202
    ),
    expect("100-continue with a parameter", request(b"Expect: 100-continue;q=1", LENGTH, body=BODY)),
    expect("another expectation", request(b"Expect: miracles", LENGTH, body=BODY)),
    expect(
        "100-continue in HTTP/1.0",
        request(b"Expect: 100-continue", LENGTH, body=BODY, version=b"HTTP/1.0"),
        is_closed=True,
    ),
]
ORDER = [
    expect("three pipelined requests", GOOD * 3, 202, 202, 202),
    expect_400("a valid request after a malformed one", request(b"X A: b") + GOOD),
    expect("a malformed request after a valid one", GOOD + b"\0" * 4, 202, 400, is_closed=True),
    expect("a request after one that closes the connection", request(b"Connection: close") + GOOD, is_closed=True),
    expect(
        "an upgrade to HTTP/2",
        request(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        is_closed=True,
    ),
    expect(
        "an upgrade to WebSocket, and a request",
        request(b"Connection: Upgrade", b"Upgrade: websocket") + GOOD,
        is_closed=True,
    ),
]
TABLE = [*LENGTHS, *CODINGS, *CHUNKS, *LINES, *STARTS, *FLOODS, *HOST_HEADERS, *EXPECTATIONS, *ORDER]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a mock server with timeouts that no test reaches."""
    long_timeouts = [f"--{name}-timeout=600" for name in ("header", "body", "keep-alive")]
    with ServerProcess(tmp_path_factory.mktemp("certs"), *long_timeouts) as server:
        yield server


@pytest.fixture(scope="module")
def server_with_short_timeouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--header-timeout", "3", "--body-timeout", "3") as server:
        yield server


@contextlib.contextmanager
def open_connection(server: ServerProcess) -> Iterator[ssl.SSLSocket]:
    """Open a connection that the server may close in any way."""
    context = server.tls()
    connection = context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE), server_hostname="localhost"
    )
    try:
        yield connection
    finally:
        connection.close()


def receive(connection: socket.socket, enough: Callable[[bytes], bool] = lambda _: False) -> tuple[bytes, bool]:
    """Receive data until it is enough, and return it, and whether the server has closed the connection."""
    data = b""
    while not enough(data):
        try:
            more = connection.recv(65536)
        except TimeoutError:
            return data, False
        except OSError:
            return data, True
        if not more:
            return data, True
        data += more
    return data, False


def parse_statuses(data: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", data)]


def assert_serves(server: ServerProcess) -> None:
    with open_connection(server) as connection:
        connection.sendall(GOOD)
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in TABLE])
def test_hostile_http_gets_the_documented_responses(attacked: ServerProcess, attack: Attack) -> None:
    expected = list(attack.responses)
    with open_connection(attacked) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            connection.sendall(attack.sent())
            if not attack.is_closed:
                connection.sendall(GOOD)
                expected.append(202)
        data, is_closed = receive(connection, lambda data: len(parse_statuses(data)) >= len(expected))
        if attack.is_closed and not is_closed:
            more, is_closed = receive(connection)
            data += more
    # The server has to serve a valid request after each attack.
    assert_serves(attacked)
    assert parse_statuses(data) == expected or (attack.can_be_reset and not data)
    assert is_closed == attack.is_closed


UNFINISHED = [
    b"",
    b"\r\n",
    b"GET /cvp-config/version",
    GOOD[:-2],
    # These bodies are shorter than the length, or than the size of the chunk.
    request(b"Content-Length: 15", body=BODY),
    request(CHUNKED, body=b"f" * 15 + b"e\r\n" + BODY),
    # The last chunk, the end of the trailers, or the body after 100-continue is missing.
    request(CHUNKED, body=b"e\r\n" + BODY),
    request(CHUNKED, body=b"0\r\n"),
    request(b"Expect: 100-continue", b"Content-Length: 15"),
]


def test_the_connection_of_an_unfinished_request_is_closed(server_with_short_timeouts: ServerProcess) -> None:
    server_with_short_timeouts.forget_lines()
    with contextlib.ExitStack() as stack:
        clients = []
        for sent in UNFINISHED:
            clients.append((sent, connection := stack.enter_context(open_connection(server_with_short_timeouts))))
            connection.sendall(sent)
        for sent, connection in clients:
            data, is_closed = receive(connection)
            assert is_closed, sent
            assert parse_statuses(data) == ([100] if b"Expect" in sent else []), sent
    for _ in UNFINISHED:
        assert server_with_short_timeouts.line(
            "closed the connection of 127.0.0.1: the client did not send a request's"
        ).endswith("within 3 s")
    assert_serves(server_with_short_timeouts)


def measure_memory(server: ServerProcess) -> int:
    """Return the resident memory of a server process, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def count_descriptors(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@LINUX
@pytest.mark.parametrize(
    ("start", "unit"),
    [
        pytest.param(b"0\r\n", b"a: b\r\n" * 10_000, id="trailers"),
        pytest.param(b"0\r\na: ", b"b" * 60_000, id="one trailer"),
        pytest.param(b"1;", b"a" * 60_000, id="a chunk extension"),
        pytest.param(b"", b"1\r\na\r\n" * 10_000, id="chunks"),
        pytest.param(b"", (b"1;" + b"x" * 600 + b"\r\na\r\n") * 100, id="chunks with extensions"),
    ],
)
def test_an_endless_body_uses_limited_memory(tmp_path: Path, start: bytes, unit: bytes) -> None:
    # The request has no credentials, because the limit applies to every client.
    head = request(CHUNKED).replace(b"Authorization", b"X-None")
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, open_connection(server) as connection:
        connection.sendall(head + b"1\r\na\r\n" + start)
        before = most = measure_memory(server)
        with contextlib.suppress(OSError):
            for _ in range(40_000_000 // len(unit)):
                connection.sendall(unit)
                most = max(most, measure_memory(server))
        assert most - before < 24


MAX_SLOWDOWN = 50
"""The maximum ratio of response times with and without slow clients. A server that waits for them exceeds 1000."""


class TimedClient:
    """A client that measures its response times: first as the only client, and then beside others."""

    def __init__(self, server: ServerProcess) -> None:
        self.server, self.durations = server, list[float]()
        self.send_requests(50)
        self.median_alone, self.durations = statistics.median(self.durations), []

    def send_request(self, connection: ssl.SSLSocket) -> None:
        began = time.perf_counter()
        connection.sendall(GOOD)
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
        self.durations.append(time.perf_counter() - began)

    def send_requests(self, times: int, pause: float = 0.01) -> None:
        with open_connection(self.server) as connection:
            for _ in range(times):
                self.send_request(connection)
                time.sleep(pause)

    def assert_served_without_delay(self) -> None:
        assert len(self.durations) >= 50
        assert statistics.median(self.durations) < MAX_SLOWDOWN * self.median_alone, max(self.durations)


def is_closed_by_server(connection: socket.socket) -> bool:
    """Return whether the server has closed the connection."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        pass
    return True


def test_500_slow_clients_time_out_and_do_not_delay_others(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--header-timeout", "4") as server, contextlib.ExitStack() as stack:
        timed_client, over = TimedClient(server), Event()
        slow = [stack.enter_context(open_connection(server)) for _ in range(500)]

        def trickle() -> None:
            text, place = request(b"X-Slow: " + b"a" * 1000)[:-2], 0
            while not over.wait(0.25):
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.sendall(text[place : place + 1])
                place += 1

        trickling = Thread(target=trickle)
        trickling.start()
        try:
            timed_client.send_requests(100, pause=0.02)
            for _ in slow:
                server.line(
                    "closed the connection of 127.0.0.1: the client did not send a request's headers within 4 s"
                )
        finally:
            over.set()
            trickling.join()
        wait_until(lambda: all(map(is_closed_by_server, slow)))
        timed_client.assert_served_without_delay()


def test_a_body_sent_byte_by_byte_times_out(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, contextlib.ExitStack() as stack:
        timed_client = TimedClient(server)
        slow = [stack.enter_context(open_connection(server)) for _ in range(50)]
        for connection in slow:
            connection.sendall(request(b"Content-Length: 1000000", body=b"<"))

        def send_request_and_bytes() -> bool:
            timed_client.send_request(good)
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
            return len(timed_client.durations) >= 50 and all(map(is_closed_by_server, slow))

        with open_connection(server) as good:
            wait_until(send_request_and_bytes)
        for _ in slow:
            server.line("closed the connection of 127.0.0.1: the client did not send a request's body within 2 s")
        timed_client.assert_served_without_delay()


def test_an_unfinished_tls_handshake_times_out(server_with_short_timeouts: ServerProcess) -> None:
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server_with_short_timeouts.port)))
            for _ in range(100)
        ]
        for connection in silent[50:]:
            # The ClientHello is incomplete.
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert_serves(server_with_short_timeouts)
        wait_until(lambda: all(map(is_closed_by_server, silent)))


@LINUX
def test_10000_short_connections_leave_no_descriptor_open(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        open_and_close_connections(server)


def open_and_close_connections(server: ServerProcess) -> None:
    address = ("127.0.0.1", server.port)
    context = server.tls()
    assert_serves(server)
    before = count_descriptors(server)
    reset = struct.pack("ii", 1, 0)
    for number in range(9_000):
        with socket.create_connection(address) as plain:
            if number % 4 == 1:
                plain.sendall(b"\x16\x03\x01\x02\x00\x01")
            elif number % 4 == 2:
                plain.sendall(GOOD)
            elif number % 4 == 3:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    for number in range(1_000):
        plain = socket.create_connection(address, timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            if number % 4 == 1:
                connection.sendall(GOOD[:50])
            elif number % 4 == 2:
                connection.sendall(GOOD)
            elif number % 4 == 3:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    assert_serves(server)
    wait_until(lambda: count_descriptors(server) <= before + 2)


def test_a_connection_beyond_the_maximum_is_closed_at_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-connections", "5") as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(open_connection(server)) for _ in range(5)]

        def is_served(connection: ssl.SSLSocket) -> bool:
            with contextlib.suppress(OSError):
                connection.sendall(GOOD)
            return receive(connection, lambda data: data.endswith(b"\r\n\r\n"))[0].startswith(b"HTTP/1.1 202 ")

        def another_is_served() -> bool:
            with open_connection(server) as connection:
                return is_served(connection)

        assert all(map(is_served, connections))
        for _ in range(3):
            with open_connection(server) as connection:
                assert receive(connection) == (b"", True)
            server.line("closed the connection of 127.0.0.1: there are 5 connections already")
        # The server still serves the existing connections.
        assert all(map(is_served, connections))
        connections[0].close()
        wait_until(another_is_served)


@LINUX
def test_silent_connections_on_all_descriptors_time_out(tmp_path: Path) -> None:
    limits = {resource.RLIMIT_NOFILE: (60, 60)}
    with ServerProcess(tmp_path, "--header-timeout", "8", limits=limits) as server, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(200)]

        def count_open() -> int:
            return sum(not is_closed_by_server(connection) for connection in silent)

        # The server closes connections without a descriptor at once, and the others after the timeout.
        wait_until(lambda: count_open() <= 60)
        assert count_open()
        wait_until(lambda: not count_open())
        assert_serves(server)


@contextlib.contextmanager
def request_large_response(server: ServerProcess, *headers: bytes) -> Iterator[ssl.SSLSocket]:
    """Request a large response with a small receive buffer, and return the connection."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(PATIENCE)
        plain.connect(("127.0.0.1", server.port))
        with server.tls().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(request(*headers, method=b"GET", to=b"/cvp-config/server"))
            yield connection


@pytest.fixture(scope="module")
def server_with_large_list(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a mock server whose list of servers, 7 MB, is much larger than the send buffer of the kernel."""
    directory = tmp_path_factory.mktemp("certs")
    file = directory / "deployment.json"
    servers = [
        {"id": f"s{number}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for number in range(20_000)
    ]
    file.write_text(json.dumps({"servers": servers}))
    with ServerProcess(directory, "--keep-alive-timeout", "1", "--deployment", str(file)) as server:
        yield server


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        pytest.param(
            b"Connection: close",
            1,
            id="on a connection that is closed after the response",
        ),
        pytest.param(
            b"X-A: b",
            2.5,
            id="on a persistent connection",
        ),
    ],
)
def test_a_slow_client_receives_the_whole_large_response(
    server_with_large_list: ServerProcess, header: bytes, pause: float
) -> None:
    with request_large_response(server_with_large_list, header) as connection:
        time.sleep(pause)
        data, _ = receive(connection, lambda data: data.endswith(b"</results>\r\n0\r\n\r\n"))
    size, _, chunk = data.partition(b"\r\n\r\n")[2].partition(b"\r\n")
    assert len(chunk) == int(size, 16) + len(b"\r\n0\r\n\r\n")


@LINUX
def test_an_unread_response_times_out_and_does_not_delay_others(tmp_path: Path) -> None:
    mapping = {"request": {"urlPath": "/cvp-config/server"}, "response": {"status": 200, "body": "x" * 16_000_000}}
    (tmp_path / "large.json").write_text(json.dumps(mapping))
    with ServerProcess(tmp_path, "--body-timeout", "2", "--mappings", str(tmp_path)) as server:
        timed_client = TimedClient(server)
        with request_large_response(server) as slow:
            timed_client.send_requests(100, pause=0.02)
            timed_client.assert_served_without_delay()
            server.line("closed the connection of 127.0.0.1: the client did not read the response within 2 s")
            data, _ = receive(slow)
            assert len(data) < 16_000_000


@LINUX
@pytest.mark.parametrize("is_reading", [False, True])
def test_pipelined_requests_use_limited_memory(tmp_path: Path, is_reading: bool) -> None:
    # The request has no credentials, because the limit applies to every client.
    requests = request().replace(b"Authorization", b"X-None") * 100
    with (
        ServerProcess(tmp_path, "--journal-max-calls", "0", "--log-level", "error") as server,
        open_connection(server) as connection,
    ):
        before = most = measure_memory(server)
        until, sent = time.monotonic() + 3, 0
        connection.setblocking(False)
        while time.monotonic() < until and sent < 20_000_000:
            with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([connection] if is_reading else [], [connection], [], 0.1)
                sent += connection.send(requests)
            if is_reading:
                with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    connection.recv(1_000_000)
            most = max(most, measure_memory(server))
        assert most - before < 48, sent
