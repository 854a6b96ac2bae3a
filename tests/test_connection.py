"""What becomes of a connection: when it is read, how long it is kept, and how it ends."""

import base64
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.running import SYNCHRONIZE, XML, Running, read_answer

AUTHORIZATION = f"Authorization: Basic {base64.b64encode(b'wsmadmin:wsmadmin').decode()}"
LARGE = "x" * 8_000_000


def request(method: str, path: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", AUTHORIZATION, f"Accept: {XML}", *headers]
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, *length, "", ""]).encode() + body


@contextmanager
def reading_little(double: Running) -> Iterator[ssl.SSLSocket]:
    """A client whose machine takes little of what it does not read."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", double.port))
        with double.tls().wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection


def rest(connection: socket.socket) -> bytes:
    """Return what comes until the end."""
    pieces = []
    try:
        while piece := connection.recv(1_000_000):
            pieces.append(piece)
    except (ssl.SSLEOFError, ConnectionError):
        pass
    return b"".join(pieces)


def stub(double: Running, path: str, **response: object) -> None:
    with double.client() as client:
        mapping = {"request": {"urlPath": path}, "response": {"status": 200, **response}}
        url = f"https://localhost:{double.port}/__admin/mappings"
        assert client.post(url, json=mapping, timeout=20).status_code == 201


@pytest.mark.parametrize(("version", "header"), [("1.0", "Connection: keep-alive"), ("1.1", "Connection: close")])
@pytest.mark.parametrize("stubbed", [False, True])
def test_nothing_is_done_that_comes_after_an_answer_that_closes(
    tmp_path: Path, version: str, header: str, stubbed: bool
) -> None:
    with Running(tmp_path) as double:
        path = "/large" if stubbed else "/cvp-config/version"
        stub(double, "/large", body=LARGE)
        with reading_little(double) as connection:
            connection.sendall(request("GET", path, header, version=version))
            time.sleep(0.3)
            connection.sendall(request("POST", f"/cvp-config/{SYNCHRONIZE}"))
            time.sleep(0.3)
            assert re.findall(rb"HTTP/1.1 \d+", rest(connection)) == [b"HTTP/1.1 200"]
        time.sleep(0.2)
        assert [call["request"]["url"] for call in double.journal()["requests"]] == [path]


def test_a_client_is_not_hung_up_on_while_it_is_the_server_that_lets_it_wait(tmp_path: Path) -> None:
    with Running(tmp_path, "--body-seconds", "1", "--header-seconds", "1") as double:
        stub(double, "/slow", body="slow", fixedDelayMilliseconds=3500)
        with double.connection() as connection:
            connection.sendall(request("GET", "/slow"))
            more = request("POST", f"/cvp-config/{SYNCHRONIZE}", "Connection: close", body=b" " * 1_000_000)
            sending = Thread(target=connection.sendall, args=(more,))
            sending.start()
            answers = re.findall(rb"HTTP/1.1 \d+", rest(connection))
            sending.join()
        assert answers == [b"HTTP/1.1 200", b"HTTP/1.1 415"]


def test_of_calls_on_one_connection_each_that_was_not_answered_is_recorded_as_that(tmp_path: Path) -> None:
    with Running(tmp_path) as double:
        stub(double, "/slow", body="slow", fixedDelayMilliseconds=700)
        with double.connection() as connection:
            connection.sendall(request("GET", "/slow") + request("GET", "/cvp-config/version"))
            time.sleep(0.2)
        double.line("--- /slow: its client was gone before all of its answer was sent")
        calls = double.journal()["requests"]
        assert [(call["request"]["url"], call["request"]["mockcvp"]["delivered"]) for call in calls] == [
            ("/slow", False)
        ]


def test_a_head_behind_another_is_held_to_the_same_limit(tmp_path: Path) -> None:
    with Running(tmp_path, "--max-header-bytes", "1KiB") as double, double.connection() as connection:
        large = request("GET", "/cvp-config/version", f"X-Large: {'a' * 1024}")
        connection.sendall(request("GET", "/cvp-config/version") + large)
        assert re.findall(rb"HTTP/1.1 \d+", rest(connection)) == [b"HTTP/1.1 200", b"HTTP/1.1 400"]
        double.line("the request line and headers are larger than 1024 bytes")


def test_a_head_that_comes_in_two_pieces_behind_another_is_held_to_it_too(tmp_path: Path) -> None:
    with Running(tmp_path, "--max-header-bytes", "1KiB") as double, double.connection() as connection:
        large = request("GET", "/cvp-config/version", f"X-Large: {'a' * 1024}")
        connection.sendall(request("GET", "/cvp-config/version") + large[:-20])
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(large[-20:])
        assert rest(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"\0\0\0", b"GET / HT"])
def test_a_call_is_answered_though_what_comes_behind_it_is_no_http(tmp_path: Path, behind: bytes) -> None:
    with Running(tmp_path, "--header-seconds", "1", "--body-seconds", "1") as double:
        stub(double, "/slow", body="slow", fixedDelayMilliseconds=2500)
        with double.connection() as connection:
            connection.sendall(request("GET", "/slow") + behind)
            answers = re.findall(rb"HTTP/1.1 \d+", rest(connection))
        # what is not complete gets no answer, in its time after the call ahead
        assert answers == [b"HTTP/1.1 200"] + [b"HTTP/1.1 400"] * (behind != b"GET / HT")


@pytest.mark.parametrize("stubbed", [False, True])
def test_of_two_large_answers_it_is_known_which_was_taken(tmp_path: Path, stubbed: bool) -> None:
    with Running(tmp_path) as double:
        large_server_list(double, stubbed)
        for _ in range(5):
            double.forget()
            with reading_little(double) as connection:
                connection.sendall(request("GET", "/cvp-config/server") * 2 + request("GET", "/cvp-config/version"))
                data = connection.recv(1000)
                length = re.search(rb"content-length: (\d+)", data)
                whole = (int(length[1]) if length else len(LARGE)) + data.index(b"\r\n\r\n") + 4
                while len(data) < whole + 100_000:
                    data += connection.recv(100_000)
            double.line("--- /cvp-config/server: its client was gone before all of its answer was sent")
            time.sleep(0.1)
            calls = double.journal()["requests"]
            delivered = [(call["request"]["url"], call["request"]["mockcvp"]["delivered"]) for call in reversed(calls)]
            # and the call behind them was never begun
            assert delivered == [("/cvp-config/server", True), ("/cvp-config/server", False)]


def test_a_client_that_reads_slowly_takes_no_place_among_those_in_process(tmp_path: Path) -> None:
    with Running(tmp_path, "--max-in-process", "1") as double, reading_little(double) as connection:
        large_server_list(double, stubbed=True)
        connection.sendall(request("GET", "/cvp-config/server"))
        double.line("200 GET /cvp-config/server")
        time.sleep(0.1)
        with double.client(headers={"Accept": XML}) as client:
            assert client.get("version").status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="a process's time is read from /proc: run it on Linux")
def test_clients_that_read_nothing_take_little_of_the_processors_time(tmp_path: Path) -> None:
    def ticks() -> int:
        fields = Path(f"/proc/{double.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    with Running(tmp_path) as double, ExitStack() as stack:
        stub(double, "/large", body="x" * 4_000_000)
        for number in range(100):
            connection = stack.enter_context(reading_little(double))
            connection.sendall(request("GET", "/large", *(["Connection: close"] if number % 2 else [])))
        time.sleep(4)
        before = ticks()
        time.sleep(2)
        assert (ticks() - before) / os.sysconf("SC_CLK_TCK") < 0.2


def test_a_connection_that_agrees_on_tls_while_the_double_stops_does_not_keep_it(tmp_path: Path) -> None:
    with Running(tmp_path) as double, double.connection() as busy:
        stub(double, "/slow", body="slow", fixedDelayMilliseconds=1500)
        busy.sendall(request("GET", "/slow"))
        double.line("200 GET /slow")
        plain = socket.create_connection(("127.0.0.1", double.port), timeout=10)
        time.sleep(0.1)
        double.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        began = time.monotonic()
        with suppress(OSError), double.tls().wrap_socket(plain, server_hostname="localhost") as late:
            late.sendall(request("GET", "/cvp-config/version"))
            assert late.recv(1000) == b""
        assert rest(busy).startswith(b"HTTP/1.1 200 ")
        assert double.process.wait(20) == 0
        assert time.monotonic() - began < 3.5


def large_server_list(double: Running, stubbed: bool) -> None:
    """Have `GET server` answer with 8 MB."""
    if stubbed:
        stub(double, "/cvp-config/server", body=LARGE)
        return
    servers = [
        {"id": f"s{one}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for one in range(20_000)
    ]
    with double.client() as client:
        url = f"https://localhost:{double.port}/__admin/cvp/deployment"
        assert client.put(url, json={"servers": servers}, timeout=20).status_code == 200


@pytest.mark.parametrize("stubbed", [False, True])
def test_a_stop_lets_a_client_read_on(tmp_path: Path, stubbed: bool) -> None:
    with Running(tmp_path) as double:
        large_server_list(double, stubbed)
        with reading_little(double) as connection:
            connection.sendall(request("GET", "/cvp-config/server"))
            data = connection.recv(1000)
            double.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            data += rest(connection)
        body = data.partition(b"\r\n\r\n")[2]
        assert len(body) == len(LARGE) if stubbed else body.endswith(b"</results>\r\n0\r\n\r\n")
        assert double.process.wait(20) == 0


def test_a_stop_that_hangs_up_on_answers_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    with Running(tmp_path) as double, reading_little(double) as connection:
        stub(double, "/large", body=LARGE)
        double.forget_lines()
        connection.sendall(request("GET", "/large") * 2 + request("GET", "/cvp-config/version"))
        double.line("200 GET /large")
        double.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        double.process.send_signal(signal.SIGTERM)
        assert double.process.wait(20) == 0
        lines = list(iter(double.lines.get, None))
        assert lines[-1].endswith("stopped")
        assert not any("Traceback" in line or "Exception" in line for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams: run it on Linux")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&-"])
def test_it_serves_without_input_output_and_errors(tmp_path: Path, closed: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f'exec "{sys.executable}" -m mockcvp serve --port {port} --cert-dir "{tmp_path}" {closed}'
    with subprocess.Popen(["sh", "-c", command]) as process:
        try:
            until = time.monotonic() + 20
            while True:
                try:
                    context = ssl.create_default_context(cafile=tmp_path / "mockcvp.pem")
                    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
                    break
                except OSError:
                    assert time.monotonic() < until
                    assert process.poll() is None
                    time.sleep(0.05)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                for _ in range(3):
                    connection.sendall(request("GET", "/cvp-config/version"))
                    assert read_answer(connection).startswith(b"HTTP/1.1 200 ")
        finally:
            process.terminate()
        assert process.wait(20) == 0
