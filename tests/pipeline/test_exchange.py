import re
import signal
import socket
from base64 import b64encode
from pathlib import Path
from threading import Thread

import httpx
import pytest

from mockcvp.journal import Call
from mockcvp.oamp.http import Request, Response
from mockcvp.oamp.references import RequestedServer
from mockcvp.oamp.sync_ups import SyncUp
from mockcvp.pipeline.log_line import line
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, XML, PatientlyStopping, ServerProcess, read_response

HEAD = (
    f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\nHost: localhost\r\nAccept: {XML}\r\nContent-Type: {XML}\r\n"
    "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\n"
)


def chunked(body: bytes, size: int) -> bytes:
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def test_a_chunked_body_is_read_like_any_other(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(b"<synchronize/>", 3))
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_one_byte_over_the_limit_gets_413(server: ServerProcess, is_chunked: bool, excess: int) -> None:
    limit = 2 * 1024**2
    body = b"<synchronize>" + b" " * (limit + excess - 27) + b"</synchronize>"
    assert len(body) == limit + excess
    with server.connection() as connection:
        if is_chunked:
            connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(body, 50_000))
        else:
            connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert read_response(connection).startswith(b"HTTP/1.1 413 " if excess else b"HTTP/1.1 202 ")
        # The server has read the whole body, so that the connection stays usable.
        connection.sendall(f"{HEAD}\r\n".encode())
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")


def test_a_malformed_chunked_body_gets_400_and_is_logged(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\nno size\r\n".encode())
        assert read_response(connection).startswith(b"HTTP/1.1 400 ")
    server.line("400 POST /cvp-config/command/synchronize wsmadmin the request is malformed HTTP")
    assert server.journal(limit=1)["requests"][0]["response"]["status"] == 400


def test_requests_before_malformed_data_are_processed(server: ServerProcess) -> None:
    server.forget()
    with server.connection() as connection:
        connection.sendall(f"{HEAD}\r\n".encode() * 3 + b"this is no HTTP\r\n\r\n")
        received = b""
        while more := connection.recv(65536):
            received += more
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"202", b"202", b"202", b"400"]
    assert server.journal()["meta"]["total"] == 3


def test_a_body_ends_at_its_content_length(server: ServerProcess) -> None:
    server.forget()
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Content-Length: 5\r\n\r\n<synchronize/>".encode())
        received = b""
        while more := connection.recv(65536):
            received += more
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"400", b"400"]
    (call,) = server.journal()["requests"]
    assert (call["request"]["body"], call["response"]["status"]) == ("<sync", 400)
    assert call["response"]["body"].encode() in received


@pytest.mark.parametrize(("sent", "status"), [("Content-Length: 14\r\n\r\n<synchronize/>", 400), ("\r\n", 202)])
def test_an_upgrade_is_ignored_and_rejected_with_a_body(server: ServerProcess, sent: str, status: int) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\n{sent}".encode())
        response = read_response(connection)
        assert response.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Connection: close" in response


@pytest.mark.parametrize("packets", [1, 2])
def test_trailers_do_not_count_as_headers(server: ServerProcess, packets: int) -> None:
    head = HEAD.replace(f"Accept: {XML}\r\n", "")
    sent = f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n".encode(), f"Accept: {XML}\r\n\r\n".encode()
    with server.connection() as connection:
        for packet in (b"".join(sent),) if packets == 1 else sent:
            connection.sendall(packet)
            server.wait_until_all_is_read()
        assert b"invalid.header" in read_response(connection)


def test_leading_zeros_of_a_content_length_are_ignored(server: ServerProcess) -> None:
    for length, status in ((b"0" * 5000 + b"14", b"100"), (b"0" * 5000 + b"9999999", b"413")):
        with server.connection() as connection:
            connection.sendall(f"{HEAD}Expect: 100-continue\r\nContent-Length: ".encode() + length + b"\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)


def test_expect_100_continue_with_the_largest_body_gets_100(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Expect: 100-continue\r\nContent-Length: {2 * 1024**2}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")


def test_expect_100_continue_gets_100_before_the_response(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Expect: 100-continue\r\nContent-Length: 14\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"<synchronize/>")
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")


def test_expect_100_continue_with_a_too_large_body_gets_413(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n".encode())
        response = read_response(connection)
        assert response.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in response
        assert connection.recv(1000) == b""


def test_a_connection_serves_pipelined_requests(server: ServerProcess) -> None:
    with server.connection() as connection:
        connection.sendall(f"{HEAD}\r\n".encode() * 3)
        received = b""
        while received.count(b"HTTP/1.1 202 ") < 3:
            received += connection.recv(65536)


def test_the_body_limit_is_a_setting(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-body-bytes", "1KiB") as server, server.client() as client:
        headers = {"Accept": XML, "Content-Type": XML}
        assert client.post(SYNCHRONIZE, content="<synchronize>" + " " * 1024, headers=headers).status_code == 413
        assert client.post(SYNCHRONIZE, content="<synchronize/>" + " " * 1010, headers=headers).status_code == 202


def test_forwarded_headers_do_not_set_the_client_address(server: ServerProcess, client: httpx.Client) -> None:
    client.post(SYNCHRONIZE, headers={"Accept": XML, "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "http"})
    assert server.journal(limit=1)["requests"][0]["request"]["clientIp"] == "127.0.0.1"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_requests_in_flight_finish(tmp_path: Path, how: signal.Signals) -> None:
    with PatientlyStopping(tmp_path) as server, server.connection() as connection:
        connection.sendall(f"{HEAD}Content-Length: 14\r\n\r\n<synch".encode())
        server.wait_until_all_is_read()
        code: list[int] = []
        stopping = Thread(target=lambda: code.append(server.stop(how)))
        stopping.start()
        server.wait_until_it_stops_listening()
        connection.sendall(b"ronize/>")
        response = read_response(connection)
        assert response.startswith(b"HTTP/1.1 202 ")
        assert b"Connection: close" in response
        connection.close()
        stopping.join()
        server.line("202 POST /cvp-config/command/synchronize wsmadmin full sync-up of every server")
    assert code == [0]


def test_a_stop_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    with PatientlyStopping(tmp_path) as server, server.connection() as connection:
        connection.sendall(f"{HEAD}\r\n".encode())
        read_response(connection)
        assert server.stop() == 0


def test_a_stop_aborts_and_logs_an_incomplete_request(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "600") as server, server.connection() as connection:
        connection.sendall(f"{HEAD}Content-Length: 14\r\n\r\n<synch".encode())
        server.wait_until_all_is_read()
        assert server.stop() == 0
        # The server sends no error response.
        assert connection.recv(1000) == b""
        assert_log_has_only(server, "--- POST /cvp-config/command/synchronize wsmadmin the connection was closed")


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with PatientlyStopping(tmp_path, "--body-timeout", "600") as server, server.connection() as connection:
        connection.sendall(f"{HEAD}Content-Length: 14\r\n\r\n<synch".encode())
        server.wait_until_all_is_read()
        server.process.send_signal(signal.SIGINT)
        server.wait_until_it_stops_listening()
        assert server.stop(signal.SIGINT) == 0
        assert_log_has_only(server, "--- POST /cvp-config/command/synchronize wsmadmin the connection was closed")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"])
def test_a_stop_does_not_wait_for_a_tls_handshake(tmp_path: Path, sent: bytes) -> None:
    with (
        PatientlyStopping(tmp_path, "--header-timeout", "600") as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
    ):
        connection.sendall(sent)
        server.wait_until_all_is_read()
        assert server.stop() == 0


def assert_log_has_only(server: ServerProcess, *calls: str) -> None:
    """Check that the rest of the log has a line for each of these calls, and the line of the stop."""
    lines = []
    while (line := server.lines.get(timeout=PATIENCE)) is not None:
        lines.append(line.partition(" ")[2])
    assert len(lines) == len(calls) + 1, lines
    assert all(line.startswith(call) for line, call in zip(lines, [*calls, "stopped"], strict=True)), lines


def call(response: Response | None, target: str = "/cvp-config/command/synchronize", user: str = "wsmadmin") -> Call:
    headers = ((b"authorization", b"Basic " + b64encode(f"{user}:x".encode())),) if user else ()
    return Call(1, 0.0, 0.0, "127.0.0.1", Request("POST", "", target, headers), response)


def accepted(*servers: tuple[str, int]) -> Response:
    requested = tuple(RequestedServer(ref_url=ref_url, sincetime=sincetime) for ref_url, sincetime in servers)
    return Response(202, (), sync_up=SyncUp(requested))


@pytest.mark.parametrize(
    ("response", "reported"),
    [
        (Response(200, ()), "200 POST /cvp-config/command/synchronize wsmadmin"),
        (accepted(), "202 POST /cvp-config/command/synchronize wsmadmin full sync-up of every server"),
        (accepted(("a", 0), ("b", 7)), "full sync-up of a; incremental sync-up since 7 of b"),
        (accepted(*((f"s{number}", 0) for number in range(200))), "full sync-up of s4; and 195 more"),
        (
            Response(202, (), sync_up=SyncUp(ignored=["synchronize/server"])),
            "full sync-up of every server; ignored, since it is unknown: synchronize/server",
        ),
        (Response(400, (), reason="why"), "400 POST /cvp-config/command/synchronize wsmadmin why"),
        (
            None,
            "--- POST /cvp-config/command/synchronize wsmadmin "
            "the connection was closed before the request was complete",
        ),
    ],
)
def test_a_log_line_has_the_result_of_a_call(response: Response, reported: str) -> None:
    assert line(call(response)).endswith(reported)


def test_a_log_line_of_a_call_without_a_user_has_a_dash() -> None:
    assert line(call(Response(401, (), reason="why"), user="")) == "401 POST /cvp-config/command/synchronize - why"


def test_the_length_of_a_log_line_is_limited() -> None:
    long = "x" * 10_000
    for reported in (line(call(accepted((long, 0)))), line(call(None, long)), line(call(None, user=long))):
        assert len(reported) < 600


def test_a_client_cannot_forge_a_log_line() -> None:
    forged = "x\n202 POST /cvp-config/command/synchronize wsmadmin\x1b[2J\u2028\u202e"
    rejected = Response(401, (), reason=forged)
    for reported in (
        line(call(rejected, user=forged)),
        line(call(rejected, forged)),
        line(call(accepted((forged, 0)))),
    ):
        assert reported.isprintable()
        assert "\\n202 POST" in reported


def test_the_log_has_a_line_for_each_call_and_no_password(tmp_path: Path) -> None:
    options = ["--password", "correct horse"]
    with ServerProcess(tmp_path, *options) as server, server.client(auth=("wsmadmin", "correct horse")) as client:
        headers = {"Accept": JSON, "Content-Type": JSON}
        assert client.post(SYNCHRONIZE, headers=headers).status_code == 202
        assert client.post(SYNCHRONIZE, headers=headers, auth=("wsmadmin", "battery staple")).status_code == 401
        server.stop()
        assert_log_has_only(
            server,
            "202 POST /cvp-config/command/synchronize wsmadmin full sync-up of every server",
            "401 POST /cvp-config/command/synchronize wsmadmin authorization.unathorized: the password is wrong",
        )
