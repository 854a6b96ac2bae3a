"""Hostile HTTP and hostile connections: what they get, and that a good client is served all the same."""

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
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc: run it on Linux")


def call(
    *headers: bytes,
    body: bytes = b"",
    method: bytes = b"POST",
    to: bytes = TARGET,
    version: bytes = b"HTTP/1.1",
    host: bytes = HOST,
) -> bytes:
    """A good call, but for what is given."""
    lines = [b" ".join([method, to, version]), *([host] if host else []), *REST, *headers]
    return b"\r\n".join([*lines, b"", b""]) + body


GOOD = call()
RAW = [bytes([char]) for char in b'"<>\\^`{|}\x7f\x80\xff\x01']


@dataclass(frozen=True)
class Attack:
    """Bytes on a connection, and what they get.

    Attributes:
        name: what they are
        sent: the bytes
        answers: the statuses of the answers, in order
        closed: whether the server hangs up then; where not, the connection serves on
        flood: whether a reset may overtake the answer, since more is still coming
    """

    name: str
    sent: Callable[[], bytes]
    responses: tuple[int, ...] = (400,)
    closed: bool = True
    flood: bool = False


def served(name: str, sent: bytes, *responses: int, closed: bool = False) -> Attack:
    return Attack(name, lambda: sent, responses or (202,), closed=closed)


def rejected(name: str, sent: bytes) -> Attack:
    return Attack(name, lambda: sent)


def flood(name: str, sent: Callable[[], bytes]) -> Attack:
    return Attack(name, sent, flood=True)


def size(size: bytes) -> Attack:
    """A chunk whose size is written as this."""
    return rejected(f"chunk of size {size[:20]!r}", call(CHUNKED, body=size + b"\r\n" + BODY + b"\r\n" + NO_CHUNK))


def coded(coding: bytes) -> Attack:
    return rejected(f"coded as {coding!r}", call(b"Transfer-Encoding:" + coding, body=NO_CHUNK))


LENGTHS = [
    rejected("the same length twice", call(LENGTH, LENGTH, body=BODY)),
    rejected("two lengths", call(LENGTH, b"Content-Length: 13", body=BODY)),
    rejected("a list of lengths", call(b"Content-Length: 14, 14", body=BODY)),
    rejected("a length, and chunks", call(LENGTH, CHUNKED, body=NO_CHUNK)),
    rejected("chunks, and a length", call(CHUNKED, LENGTH, body=NO_CHUNK)),
    *(
        rejected(f"length {length!r}", call(b"Content-Length:" + length, body=BODY))
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
    served("a length between blanks", call(b"Content-Length:\t 14 \t", body=BODY)),
    served("a length that is too short by a call", call(LENGTH, body=BODY + GOOD), 202, 202),
    served("a body with GET", call(LENGTH, body=BODY, method=b"GET", to=b"/cvp-config/version"), 200),
]
CODINGS = [
    rejected("chunked twice", call(CHUNKED, CHUNKED, body=NO_CHUNK)),
    coded(b" chunked, chunked"),
    coded(b" chunked, gzip"),
    coded(b" \x0bchunked"),
    coded(b""),
    coded(b" identity"),
    coded(b" xchunked"),
    coded(b' "chunked"'),
    # for which RFC 9112, 6.1 has 501
    rejected("coded as gzip and chunked", call(b"Transfer-Encoding: gzip, chunked", body=NO_CHUNK)),
    served("chunked in HTTP/1.0", call(CHUNKED, body=NO_CHUNK, version=b"HTTP/1.0"), closed=True),
]
CHUNKS = [
    *(
        size(written)
        for written in (
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
    size(b"f" * 16 + b"1"),
    served("a chunk's extension", call(CHUNKED, body=b'e;a="b"\r\n' + BODY + b"\r\n" + NO_CHUNK)),
    flood(
        "a chunk's extension of 1 MiB",
        lambda: call(CHUNKED, body=b"e;" + b"a" * 1024**2 + b"\r\n" + BODY + b"\r\n" + NO_CHUNK),
    ),
    served(
        "an extension of 5 KiB for each byte",
        call(CHUNKED, body=b"".join(b"1;%s\r\n%c\r\n" % (b"a" * 5000, byte) for byte in BODY) + NO_CHUNK),
    ),
    rejected("a chunk's size before a bare LF", call(CHUNKED, body=b"e\n" + BODY + b"\r\n" + NO_CHUNK)),
    rejected("a chunk before a bare LF", call(CHUNKED, body=b"e\r\n" + BODY + b"\n" + NO_CHUNK)),
    rejected("a chunk without its end", call(CHUNKED, body=b"e\r\n" + BODY + NO_CHUNK)),
    rejected("a length among the trailers", call(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n")),
    rejected("a coding among the trailers", call(CHUNKED, body=b"0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    rejected("a trailer's name with a blank", call(CHUNKED, body=b"0\r\nA b: 5\r\n\r\n")),
    served("trailers within the bytes of headers", call(CHUNKED, body=b"0\r\n" + b"a: b\r\n" * 1000 + b"\r\n")),
    flood("a trailer of 1 MiB", lambda: call(CHUNKED, body=b"0\r\na: " + b"b" * 1024**2 + b"\r\n\r\n")),
]
LINES = [
    rejected("a folded header", call(b"X-A: b\r\n c")),
    rejected("a folded host", call(host=b"Host: local\r\n host")),
    rejected("a folded coding", call(b"Transfer-Encoding:\r\n chunked", body=NO_CHUNK)),
    rejected("a blank before the first header", call(host=b" Host: localhost")),
    rejected("a blank before a colon", call(b"X-A : b")),
    rejected("a tab before a colon", call(b"X-A\t: b")),
    rejected("a blank before the colon of the length", call(b"Content-Length : 14", body=BODY)),
    rejected("a bare CR in a value", call(b"X-A: b\rc")),
    rejected("a bare CR in a name", call(b"X\r-A: b")),
    rejected("lines that end with CR", GOOD.replace(b"\r\n", b"\r")),
    rejected("lines that end with LF", GOOD.replace(b"\r\n", b"\n")),
    rejected("one line that ends with LF", call(b"X-A: b\nX-B: c")),
    rejected("a request line that ends with LF", GOOD.replace(b"\r\n", b"\n", 1)),
    rejected("an end of LFs", GOOD[:-4] + b"\n\n"),
    rejected("an end with a CR too many", GOOD[:-2] + b"\r\r\n"),
    *(rejected(f"{byte!r} in a value", call(b"X-A: b" + byte + b"c")) for byte in (b"\0", b"\x01", b"\x7f")),
    *(
        rejected(f"{byte!r} in a name", call(b"X" + byte + b"A: b"))
        for byte in (b"\0", b"\xff", b"(", b"@", b"[", b'"', b"/", b" ", b"\x7f", b"{")
    ),
    rejected("a header without a name", call(b": b")),
    rejected("a header without a colon", call(b"XAb")),
    served("a header without a value", call(b"X-A:")),
    served("odd bytes that are allowed", call(b"X_~!#$%&'*+-.^`|: \xff\xfe")),
    served("empty lines ahead", b"\r\n" * 5 + GOOD),
]
STARTS = [
    rejected("HTTP/2's first bytes", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20)),
    *(
        rejected(f"version {version!r}", call(version=version))
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
    *(rejected(f"version {version!r}", call(version=version)) for version in (b"HTTP/2.0", b"HTTP/0.9")),
    rejected("version b'RTSP/1.0'", call(version=b"RTSP/1.0")),
    rejected("HTTP/2.0 without a host", call(version=b"HTTP/2.0", host=b"")),
    served("HTTP/1.0", call(version=b"HTTP/1.0"), closed=True),
    rejected("two blanks before the target", call(to=b" " + TARGET)),
    rejected("two blanks before the version", call(to=TARGET + b" ")),
    rejected("a tab before the target", call().replace(b"POST ", b"POST\t", 1)),
    rejected("a bare LF before the request line", b"\n" + call()),
    rejected("a bare CR before the request line", b"\r" + call()),
    served("an empty line before the request line", b"\r\n" + call()),
    *(rejected(f"a raw {char!r} in the target", call(to=TARGET + b"?q=" + char)) for char in RAW),
    rejected("a fragment", call(to=TARGET + b"#top")),
    served("a question mark and a slash in the query", call(to=TARGET + b"?a=/?:@!$&'()*+,;=[]~%22")),
    rejected("HTTP/0.9 and an empty line", b"GET /cvp-config/version\r\n\r\n"),
    served("an absolute target", call(to=b"https://localhost" + TARGET)),
    served("an absolute target on another host", call(to=b"http://elsewhere.example" + TARGET)),
    rejected("CONNECT", call(method=b"CONNECT", to=b"localhost:443")),
    rejected("an authority for a target", call(to=b"localhost:443")),
    served("CONNECT with a path", call(method=b"CONNECT"), 405, closed=True),
    served("an asterisk", call(method=b"OPTIONS", to=b"*"), 404),
    served("TRACE", call(method=b"TRACE"), 405),
    served("a path that climbs", call(to=b"/cvp-config/../cvp-config/command/synchronize"), 404),
    served("a NUL in a path, encoded", call(to=TARGET + b"%00"), 404),
    served("what is no encoding in a path", call(to=TARGET + b"%zz%ff"), 404),
    rejected("a NUL in a target", call(to=TARGET + b"\0")),
    rejected("a blank in a target", call(to=TARGET + b" x")),
    rejected("bytes above ASCII in a target", call(to=TARGET + b"\xe9")),
    rejected("a target that is no path", call(to=b"\\cvp-config")),
    rejected("no target", call(to=b"")),
    rejected("tabs for blanks", GOOD.replace(b" ", b"\t", 2)),
    rejected("an unknown method", call(method=b"BREW")),
    rejected("a method in lower case", call(method=b"post")),
    rejected("a method of 5,000 characters", call(method=b"P" * 5000)),
    rejected("TLS inside of TLS", b"\x16\x03\x01\x00\x05hello"),
    rejected("SSH", b"SSH-2.0-OpenSSH_9.0\r\n"),
    rejected("a proxy's line ahead", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GOOD),
    rejected("every byte", bytes(range(256)) * 4),
]
FLOODS = [
    served("as many headers as may be", call(*[b"a: b"] * 96)),
    rejected("one header too many", call(*[b"a: b"] * 97)),
    rejected("10,000 headers", call(*[b"a:"] * 10_000)),
    rejected("a header that is too long", call(b"a: " + b"b" * 8192)),
    rejected("a request line that is too long", call(to=TARGET + b"?" + b"a" * 9000)),
    flood("a request line of 1 MiB", lambda: call(to=TARGET + b"?" + b"a" * 1024**2)),
    flood("a header's value without end", lambda: GOOD[:-2] + b"a: " + b"b" * 1024**2),
    flood("a header's name without end", lambda: GOOD[:-2] + b"b" * 1024**2),
    flood("headers without end", lambda: GOOD[:-2] + b"a: b\r\n" * 200_000),
    flood("a method without end", lambda: b"P" * 1024**2),
    flood("empty lines without end", lambda: b"\r\n" * 500_000),
]
HOST_HEADERS = [
    rejected("no host", call(host=b"")),
    rejected("a host twice", call(HOST)),
    rejected("two hosts", call(b"Host: elsewhere")),
    served("an empty host", call(host=b"Host:")),
    served("no host in HTTP/1.0", call(host=b"", version=b"HTTP/1.0"), closed=True),
    *(
        rejected(f"host {host!r}", call(host=b"Host: " + host))
        for host in (b"a b", b"a/b", b"a@b", b"a,b", b'"><script>', b"a\xffb", b"localhost:99999")
    ),
]
EXPECTATIONS = [
    served("leave asked for without a body", call(b"Expect: 100-continue"), 100, 202),
    served("leave asked for and not awaited", call(b"Expect: 100-continue", LENGTH, body=BODY), 100, 202),
    served("leave asked for in upper case", call(b"Expect: 100-CONTINUE", LENGTH, body=BODY), 100, 202),
    served(
        "leave asked for twice", call(b"Expect: 100-continue", b"Expect: 100-continue", LENGTH, body=BODY), 100, 202
    ),
    served("leave asked for with a parameter", call(b"Expect: 100-continue;q=1", LENGTH, body=BODY)),
    served("another expectation", call(b"Expect: miracles", LENGTH, body=BODY)),
    served(
        "leave asked for in HTTP/1.0",
        call(b"Expect: 100-continue", LENGTH, body=BODY, version=b"HTTP/1.0"),
        closed=True,
    ),
]
ORDER = [
    served("three calls at once", GOOD * 3, 202, 202, 202),
    rejected("a good call after a bad one", call(b"X A: b") + GOOD),
    served("a bad call after a good one", GOOD + b"\0" * 4, 202, 400, closed=True),
    served("a call after one that closes", call(b"Connection: close") + GOOD, closed=True),
    served(
        "an upgrade to HTTP/2",
        call(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        closed=True,
    ),
    served(
        "an upgrade to a web socket, and a call",
        call(b"Connection: Upgrade", b"Upgrade: websocket") + GOOD,
        closed=True,
    ),
]
TABLE = [*LENGTHS, *CODINGS, *CHUNKS, *LINES, *STARTS, *FLOODS, *HOST_HEADERS, *EXPECTATIONS, *ORDER]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A mock server that closes no connection for being slow: whatever it closes, it closes for another reason."""
    patient = [f"--{what}-timeout=600" for what in ("header", "body", "keep-alive")]
    with ServerProcess(tmp_path_factory.mktemp("certs"), *patient) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--header-timeout", "3", "--body-timeout", "3") as server:
        yield server


@contextlib.contextmanager
def opened(server: ServerProcess) -> Iterator[ssl.SSLSocket]:
    """Open a connection that may be closed in any way."""
    context = server.tls()
    connection = context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE), server_hostname="localhost"
    )
    try:
        yield connection
    finally:
        connection.close()


def received(connection: socket.socket, enough: Callable[[bytes], bool] = lambda _: False) -> tuple[bytes, bool]:
    """Return the received data, until it is enough or the server closes, and whether the server has closed."""
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


def statuses(data: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", data)]


def assert_serves(server: ServerProcess) -> None:
    with opened(server) as connection:
        connection.sendall(GOOD)
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in TABLE])
def test_hostile_http_gets_its_answer_or_a_hang_up_and_a_good_client_202(
    attacked: ServerProcess, attack: Attack
) -> None:
    wanted = list(attack.responses)
    with opened(attacked) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            connection.sendall(attack.sent())
            if not attack.closed:
                connection.sendall(GOOD)
                wanted.append(202)
        data, hung_up = received(connection, lambda data: len(statuses(data)) >= len(wanted))
        if attack.closed and not hung_up:
            more, hung_up = received(connection)
            data += more
    # first the good client, whatever the bad one got
    assert_serves(attacked)
    assert statuses(data) == wanted or (attack.flood and not data)
    assert hung_up == attack.closed


UNENDED = [
    b"",
    b"\r\n",
    b"GET /cvp-config/version",
    GOOD[:-2],
    # a length that is too long, and the largest chunk
    call(b"Content-Length: 15", body=BODY),
    call(CHUNKED, body=b"f" * 15 + b"e\r\n" + BODY),
    # no last chunk, trailers without end, leave given and not used
    call(CHUNKED, body=b"e\r\n" + BODY),
    call(CHUNKED, body=b"0\r\n"),
    call(b"Expect: 100-continue", b"Content-Length: 15"),
]


def test_a_client_that_does_not_end_its_request_is_hung_up_on(impatient: ServerProcess) -> None:
    impatient.forget_lines()
    with contextlib.ExitStack() as stack:
        clients = []
        for sent in UNENDED:
            clients.append((sent, connection := stack.enter_context(opened(impatient))))
            connection.sendall(sent)
        for sent, connection in clients:
            data, hung_up = received(connection)
            assert hung_up, sent
            assert statuses(data) == ([100] if b"Expect" in sent else []), sent
    for _ in UNENDED:
        assert impatient.line("closed the connection of 127.0.0.1: the client did not send a request's").endswith(
            "within 3 s"
        )
    assert_serves(impatient)


def memory(server: ServerProcess) -> int:
    """Return the memory that a mock server takes, in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def descriptors(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@LINUX
@pytest.mark.parametrize(
    ("start", "unit"),
    [
        pytest.param(b"0\r\n", b"a: b\r\n" * 10_000, id="trailers"),
        pytest.param(b"0\r\na: ", b"b" * 60_000, id="one trailer"),
        pytest.param(b"1;", b"a" * 60_000, id="a chunk's extension"),
        pytest.param(b"", b"1\r\na\r\n" * 10_000, id="chunks"),
        pytest.param(b"", (b"1;" + b"x" * 600 + b"\r\na\r\n") * 100, id="chunks with extensions"),
    ],
)
def test_a_body_that_never_ends_takes_no_memory_without_end(tmp_path: Path, start: bytes, unit: bytes) -> None:
    # whoever it is from: no password is sent
    head = call(CHUNKED).replace(b"Authorization", b"X-None")
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, opened(server) as connection:
        connection.sendall(head + b"1\r\na\r\n" + start)
        before = most = memory(server)
        with contextlib.suppress(OSError):
            for _ in range(40_000_000 // len(unit)):
                connection.sendall(unit)
                most = max(most, memory(server))
        assert most - before < 24


MOST_TIMES = 50
"""How many times as long a call may take beside slow clients: a server that waits for them takes a thousand times."""


class Caller:
    """A good client, and how long its calls take: some while it is alone, and others later."""

    def __init__(self, server: ServerProcess) -> None:
        self.server, self.seconds = server, list[float]()
        self.calls(50)
        self.alone, self.seconds = statistics.median(self.seconds), []

    def call(self, connection: ssl.SSLSocket) -> None:
        began = time.perf_counter()
        connection.sendall(GOOD)
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
        self.seconds.append(time.perf_counter() - began)

    def calls(self, times: int, pause: float = 0.01) -> None:
        with opened(self.server) as connection:
            for _ in range(times):
                self.call(connection)
                time.sleep(pause)

    def assert_was_served_soon(self) -> None:
        assert len(self.seconds) >= 50
        assert statistics.median(self.seconds) < MOST_TIMES * self.alone, max(self.seconds)


def is_over(connection: socket.socket) -> bool:
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


def test_500_slow_clients_keep_no_good_one_waiting_and_are_dropped_in_time(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--header-timeout", "4") as server, contextlib.ExitStack() as stack:
        caller, over = Caller(server), Event()
        slow = [stack.enter_context(opened(server)) for _ in range(500)]

        def trickle() -> None:
            text, place = call(b"X-Slow: " + b"a" * 1000)[:-2], 0
            while not over.wait(0.25):
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.sendall(text[place : place + 1])
                place += 1

        trickling = Thread(target=trickle)
        trickling.start()
        try:
            caller.calls(100, pause=0.02)
            for _ in slow:
                server.line(
                    "closed the connection of 127.0.0.1: the client did not send a request's headers within 4 s"
                )
        finally:
            over.set()
            trickling.join()
        wait_until(lambda: all(map(is_over, slow)))
        caller.assert_was_served_soon()


def test_a_body_sent_byte_by_byte_is_cut_off_in_time(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, contextlib.ExitStack() as stack:
        caller = Caller(server)
        slow = [stack.enter_context(opened(server)) for _ in range(50)]
        for connection in slow:
            connection.sendall(call(b"Content-Length: 1000000", body=b"<"))

        def call_and_send_a_byte() -> bool:
            caller.call(good)
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
            return len(caller.seconds) >= 50 and all(map(is_over, slow))

        with opened(server) as good:
            wait_until(call_and_send_a_byte)
        for _ in slow:
            server.line("closed the connection of 127.0.0.1: the client did not send a request's body within 2 s")
        caller.assert_was_served_soon()


def test_a_client_that_does_not_agree_on_tls_is_dropped_in_time(impatient: ServerProcess) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", impatient.port))) for _ in range(100)]
        for connection in silent[50:]:
            # half of a hello
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert_serves(impatient)
        wait_until(lambda: all(map(is_over, silent)))


@LINUX
def test_10000_connections_that_come_and_go_leave_nothing_open(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        come_and_go(server)


def come_and_go(server: ServerProcess) -> None:
    address = ("127.0.0.1", server.port)
    context = server.tls()
    assert_serves(server)
    before = descriptors(server)
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
    wait_until(lambda: descriptors(server) <= before + 2)


def test_a_connection_too_many_is_closed_at_once_and_one_that_goes_makes_room(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-connections", "5") as server, contextlib.ExitStack() as stack:
        stored = [stack.enter_context(opened(server)) for _ in range(5)]

        def is_served(connection: ssl.SSLSocket) -> bool:
            with contextlib.suppress(OSError):
                connection.sendall(GOOD)
            return received(connection, lambda data: data.endswith(b"\r\n\r\n"))[0].startswith(b"HTTP/1.1 202 ")

        def another_is_served() -> bool:
            with opened(server) as connection:
                return is_served(connection)

        assert all(map(is_served, stored))
        for _ in range(3):
            with opened(server) as connection:
                assert received(connection) == (b"", True)
            server.line("closed the connection of 127.0.0.1: there are 5 connections already")
        # those that were there are served on
        assert all(map(is_served, stored))
        stored[0].close()
        wait_until(another_is_served)


@LINUX
def test_silent_connections_that_take_all_files_of_the_process_keep_it_down_no_longer_than_their_time(
    tmp_path: Path,
) -> None:
    limits = {resource.RLIMIT_NOFILE: (60, 60)}
    with ServerProcess(tmp_path, "--header-timeout", "8", limits=limits) as server, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(200)]

        def left() -> int:
            return sum(not is_over(connection) for connection in silent)

        # those for which no file is left are closed while the time of the others lasts
        wait_until(lambda: left() <= 60)
        assert left()
        wait_until(lambda: not left())
        assert_serves(server)


@contextlib.contextmanager
def asked_for_much(server: ServerProcess, *headers: bytes) -> Iterator[ssl.SSLSocket]:
    """A client that has asked for a large answer, and whose machine takes little of it."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(PATIENCE)
        plain.connect(("127.0.0.1", server.port))
        with server.tls().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(call(*headers, method=b"GET", to=b"/cvp-config/server"))
            yield connection


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A mock server whose list of servers is much larger than what the kernel keeps for a client: 7 MB."""
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
            id="on a connection that closes",
        ),
        pytest.param(
            b"X-A: b",
            2.5,
            id="on a connection that is kept",
        ),
    ],
)
def test_a_large_answer_comes_whole_to_a_client_that_takes_its_time(
    large: ServerProcess, header: bytes, pause: float
) -> None:
    with asked_for_much(large, header) as connection:
        time.sleep(pause)
        data, _ = received(connection, lambda data: data.endswith(b"</results>\r\n0\r\n\r\n"))
    size, _, chunk = data.partition(b"\r\n\r\n")[2].partition(b"\r\n")
    assert len(chunk) == int(size, 16) + len(b"\r\n0\r\n\r\n")


@LINUX
def test_a_client_that_reads_no_answer_is_dropped_while_others_are_served(tmp_path: Path) -> None:
    mapping = {"request": {"urlPath": "/cvp-config/server"}, "response": {"status": 200, "body": "x" * 16_000_000}}
    (tmp_path / "large.json").write_text(json.dumps(mapping))
    with ServerProcess(tmp_path, "--body-timeout", "2", "--mappings", str(tmp_path)) as server:
        caller = Caller(server)
        with asked_for_much(server) as slow:
            caller.calls(100, pause=0.02)
            caller.assert_was_served_soon()
            server.line("closed the connection of 127.0.0.1: the client did not read the response within 2 s")
            data, _ = received(slow)
            assert len(data) < 16_000_000


@LINUX
@pytest.mark.parametrize("reads", [False, True])
def test_calls_sent_ahead_of_their_answers_take_no_memory_without_end(tmp_path: Path, reads: bool) -> None:
    # whoever they are from: no password is sent
    calls = call().replace(b"Authorization", b"X-None") * 100
    with (
        ServerProcess(tmp_path, "--journal-max-calls", "0", "--log-level", "error") as server,
        opened(server) as connection,
    ):
        before = most = memory(server)
        until, sent = time.monotonic() + 3, 0
        connection.setblocking(False)
        while time.monotonic() < until and sent < 20_000_000:
            with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([connection] if reads else [], [connection], [], 0.1)
                sent += connection.send(calls)
            if reads:
                with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    connection.recv(1_000_000)
            most = max(most, memory(server))
        assert most - before < 48, sent
