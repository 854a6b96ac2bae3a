"""Connections: pipelining, timeouts, the delivery of responses, and the close."""

import base64
import json
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

from tests.server_process import PATIENCE, SYNCHRONIZE, XML, PatientlyStopping, ServerProcess, read_response, wait_until

AUTHORIZATION = f"Authorization: Basic {base64.b64encode(b'wsmadmin:wsmadmin').decode()}"
LARGE = "x" * 8_000_000


def request(method: str, path: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", AUTHORIZATION, f"Accept: {XML}", *headers]
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, *length, "", ""]).encode() + body


@contextmanager
def slow_reader(server: ServerProcess) -> Iterator[ssl.SSLSocket]:
    """Open a TLS connection with a small receive buffer."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(PATIENCE)
        plain.connect(("127.0.0.1", server.port))
        with server.tls().wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection


def read_to_end(connection: socket.socket) -> bytes:
    """Return the received data up to the end of the connection."""
    chunks = []
    try:
        while chunk := connection.recv(1_000_000):
            chunks.append(chunk)
    except (ssl.SSLEOFError, ConnectionError):
        pass
    return b"".join(chunks)


def stub(server: ServerProcess, path: str, **response: object) -> None:
    with server.client() as client:
        mapping = {"request": {"urlPath": path}, "response": {"status": 200, **response}}
        url = f"https://localhost:{server.port}/__admin/mappings"
        assert client.post(url, json=mapping).status_code == 201


@pytest.mark.parametrize(("version", "header"), [("1.0", "Connection: keep-alive"), ("1.1", "Connection: close")])
@pytest.mark.parametrize("is_stubbed", [False, True])
def test_a_request_after_a_closing_response_is_ignored(
    tmp_path: Path, version: str, header: str, is_stubbed: bool
) -> None:
    with ServerProcess(tmp_path) as server:
        path = "/large" if is_stubbed else "/cvp-config/version"
        stub(server, "/large", body=LARGE)
        with slow_reader(server) as connection:
            connection.sendall(request("GET", path, header, version=version))
            server.line(f"200 GET {path}")
            connection.sendall(request("POST", f"/cvp-config/{SYNCHRONIZE}"))
            server.wait_until_all_is_read()
            assert re.findall(rb"HTTP/1.1 \d+", read_to_end(connection)) == [b"HTTP/1.1 200"]
        server.wait_until_all_is_read()
        assert [call["request"]["url"] for call in server.journal()["requests"]] == [path]


def test_a_slow_response_does_not_count_towards_timeouts(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "3", "--header-timeout", "3") as server:
        stub(server, "/slow", body="slow", fixedDelayMilliseconds=7000)
        with server.connection() as connection:
            connection.sendall(request("GET", "/slow"))
            more = request("POST", f"/cvp-config/{SYNCHRONIZE}", "Connection: close", body=b" " * 1_000_000)
            sending = Thread(target=connection.sendall, args=(more,))
            sending.start()
            responses = re.findall(rb"HTTP/1.1 \d+", read_to_end(connection))
            sending.join()
        assert responses == [b"HTTP/1.1 200", b"HTTP/1.1 415"]


def test_an_aborted_response_is_recorded_as_not_delivered(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        stub(server, "/slow", body="slow", fixedDelayMilliseconds=3000)
        with server.connection() as connection:
            connection.sendall(request("GET", "/slow") + request("GET", "/cvp-config/version"))
            server.line("200 GET /slow")
        server.line("--- /slow: the client disconnected before it received the whole response")
        calls = server.journal()["requests"]
        assert [(call["request"]["url"], call["request"]["mockcvp"]["delivered"]) for call in calls] == [
            ("/slow", False)
        ]


def test_a_pipelined_head_has_the_size_limit(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-header-bytes", "1KiB") as server, server.connection() as connection:
        large = request("GET", "/cvp-config/version", f"X-Large: {'a' * 1024}")
        connection.sendall(request("GET", "/cvp-config/version") + large)
        assert re.findall(rb"HTTP/1.1 \d+", read_to_end(connection)) == [b"HTTP/1.1 200", b"HTTP/1.1 400"]
        server.line("the request line and headers are larger than 1024 bytes")


def test_a_pipelined_head_in_two_reads_has_the_size_limit(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-header-bytes", "1KiB") as server, server.connection() as connection:
        large = request("GET", "/cvp-config/version", f"X-Large: {'a' * 1024}")
        connection.sendall(request("GET", "/cvp-config/version") + large[:-20])
        assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(large[-20:])
        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"\0\0\0", b"GET / HT"])
def test_malformed_pipelined_data_does_not_stop_a_response(tmp_path: Path, behind: bytes) -> None:
    with ServerProcess(tmp_path, "--header-timeout", "3", "--body-timeout", "3") as server:
        stub(server, "/slow", body="slow", fixedDelayMilliseconds=5000)
        with server.connection() as connection:
            connection.sendall(request("GET", "/slow") + behind)
            responses = re.findall(rb"HTTP/1.1 \d+", read_to_end(connection))
        # An incomplete head gets no response, and its timeout starts after the earlier response.
        assert responses == [b"HTTP/1.1 200"] + [b"HTTP/1.1 400"] * (behind != b"GET / HT")


@pytest.mark.parametrize("is_stubbed", [False, True])
def test_only_a_fully_received_response_counts_as_delivered(tmp_path: Path, is_stubbed: bool) -> None:
    with ServerProcess(tmp_path) as server:
        configure_large_server_list(server, is_stubbed)
        for _ in range(5):
            server.forget()
            with slow_reader(server) as connection:
                connection.sendall(request("GET", "/cvp-config/server") * 2 + request("GET", "/cvp-config/version"))
                data = connection.recv(1000)
                length = re.search(rb"content-length: (\d+)", data)
                whole = (int(length[1]) if length else len(LARGE)) + data.index(b"\r\n\r\n") + 4
                while len(data) < whole + 100_000:
                    data += connection.recv(100_000)
            server.line("--- /cvp-config/server: the client disconnected before it received the whole response")
            server.wait_until_all_is_read()
            calls = server.journal()["requests"]
            delivered = [(call["request"]["url"], call["request"]["mockcvp"]["delivered"]) for call in reversed(calls)]
            # The server did not process the third request.
            assert delivered == [("/cvp-config/server", True), ("/cvp-config/server", False)]


def test_a_response_that_is_read_slowly_is_not_in_flight(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-in-flight", "1") as server, slow_reader(server) as connection:
        configure_large_server_list(server, is_stubbed=True)
        connection.sendall(request("GET", "/cvp-config/server"))
        server.line("200 GET /cvp-config/server")
        server.wait_until_all_is_read()
        with server.client(headers={"Accept": XML}) as client:
            assert client.get("version").status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="the CPU time of a process is read from /proc: run it on Linux")
def test_clients_that_read_nothing_use_little_cpu_time(tmp_path: Path) -> None:
    def ticks() -> int:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def ticks_of_requests() -> int:
        before = ticks()
        with server.connection() as connection:
            for _ in range(1000):
                connection.sendall(request("GET", "/cvp-config/version"))
                assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        return ticks() - before

    def ticks_of_idle_clients() -> int:
        before = ticks()
        time.sleep(2)
        return ticks() - before

    with ServerProcess(tmp_path, "--body-timeout", "600") as server, ExitStack() as stack:
        stub(server, "/large", body="x" * 4_000_000)
        most = ticks_of_requests()
        for number in range(100):
            connection = stack.enter_context(slow_reader(server))
            connection.sendall(request("GET", "/large", *(["Connection: close"] if number % 2 else [])))
        # At first, the server encrypts the data that fits into the receive buffers of the clients.
        wait_until(lambda: ticks_of_idle_clients() < most)


def test_a_late_tls_handshake_does_not_delay_a_stop(tmp_path: Path) -> None:
    with PatientlyStopping(tmp_path, "--header-timeout", "600") as server, server.connection() as busy:
        stub(server, "/slow", body="slow", fixedDelayMilliseconds=3000)
        busy.sendall(request("GET", "/slow"))
        server.line("200 GET /slow")
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        server.wait_until_all_is_read()
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_stops_listening()
        with suppress(OSError), server.tls().wrap_socket(plain, server_hostname="localhost") as late:
            late.sendall(request("GET", "/cvp-config/version"))
            assert late.recv(1000) == b""
        assert read_to_end(busy).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(PATIENCE) == 0


def configure_large_server_list(server: ServerProcess, is_stubbed: bool) -> None:
    """Configure a response of 8 MB to `GET server`."""
    if is_stubbed:
        stub(server, "/cvp-config/server", body=LARGE)
        return
    servers = [
        {"id": f"s{one}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for one in range(20_000)
    ]
    with server.client() as client:
        url = f"https://localhost:{server.port}/__admin/cvp/deployment"
        assert client.put(url, json={"servers": servers}).status_code == 200


@pytest.mark.parametrize("is_stubbed", [False, True])
def test_a_stop_waits_until_a_client_has_read_its_response(tmp_path: Path, is_stubbed: bool) -> None:
    with ServerProcess(tmp_path) as server:
        configure_large_server_list(server, is_stubbed)
        with slow_reader(server) as connection:
            connection.sendall(request("GET", "/cvp-config/server"))
            data = connection.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            server.wait_until_it_stops_listening()
            data += read_to_end(connection)
        body = data.partition(b"\r\n\r\n")[2]
        assert len(body) == len(LARGE) if is_stubbed else body.endswith(b"</results>\r\n0\r\n\r\n")
        assert server.process.wait(PATIENCE) == 0


def test_aborting_unread_responses_logs_no_traceback(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, slow_reader(server) as connection:
        stub(server, "/large", body=LARGE)
        server.forget_lines()
        connection.sendall(request("GET", "/large") * 2 + request("GET", "/cvp-config/version"))
        server.line("200 GET /large")
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_stops_listening()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
        lines = list(iter(server.lines.get, None))
        assert lines[-1].endswith("stopped")
        assert not any("Traceback" in line or "Exception" in line for line in lines)


@pytest.mark.parametrize("header", ["Connection: close", "Connection: keep-alive"])
def test_a_slow_client_receives_the_last_bytes_before_the_close(tmp_path: Path, header: str) -> None:
    size = 4_000_000
    with ServerProcess(tmp_path, "--keep-alive-timeout", "1") as server, slow_reader(server) as connection:
        stub(server, "/large", body="x" * size)
        connection.sendall(request("GET", "/large", header))
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
            # Reading the last bytes takes longer than the timeout of a TLS shutdown.
            time.sleep(0.1 if len(data) > size - 300_000 else 0)
            if data.endswith(b"x\r\n0\r\n\r\n"):
                break
        assert data.count(b"x") == size


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams: run it on Linux")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&-"])
def test_the_server_runs_without_standard_streams(tmp_path: Path, closed: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f'exec "{sys.executable}" -m mockcvp serve --port {port} --cert-dir "{tmp_path}" {closed}'
    with subprocess.Popen(["sh", "-c", command]) as process:
        try:
            until = time.monotonic() + PATIENCE
            while True:
                try:
                    context = ssl.create_default_context(cafile=tmp_path / "mockcvp.pem")
                    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
                    break
                except OSError:
                    assert time.monotonic() < until
                    assert process.poll() is None
                    time.sleep(0.05)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                for _ in range(3):
                    connection.sendall(request("GET", "/cvp-config/version"))
                    assert read_response(connection).startswith(b"HTTP/1.1 200 ")
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0


# The sizes are around the boundaries of the slices that the server parses in one event-loop iteration.
@pytest.mark.parametrize("size", [1000, 16372, 16384, 32756, 49140])
def test_pipelined_responses_after_a_large_one_keep_their_order(tmp_path: Path, size: int) -> None:
    with ServerProcess(tmp_path) as server:
        stub(server, "/large", body="L" * 8_000_000)
        stub(server, "/slow", body="<slow>", fixedDelayMilliseconds=500)
        stub(server, "/fast", body="<fast>")
        head = request("POST", "/large", "Content-Length: 10000")
        first = request("POST", "/large", body=b"x" * (size - len(head)))
        with slow_reader(server) as connection:
            connection.sendall(first + request("GET", "/slow") + request("GET", "/fast", "Connection: close"))
            assert re.findall(rb"<slow>|<fast>", read_to_end(connection)) == [b"<slow>", b"<fast>"]


def test_an_error_response_may_have_a_nonstandard_status(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.client(headers={"Accept": XML}) as client:
        url = f"https://localhost:{server.port}/__admin/mappings"
        parameters = {"errorType": "processing.unusual"}
        response = {"status": 520, "transformers": ["mockcvp"], "transformerParameters": parameters}
        assert client.post(url, json={"response": response}).status_code == 201
        received = client.get("version")
        assert (received.status_code, received.reason_phrase) == (520, "")
        assert "<errorType>processing.unusual</errorType>" in received.text


def test_the_control_api_sends_no_chunks_to_http_1_0(server: ServerProcess) -> None:
    with server.client() as client:
        client.get("version")
    with server.connection() as connection:
        connection.sendall(request("GET", "/__admin/requests?limit=1", version="1.0"))
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert json.loads(body)["meta"]["total"] >= 1
