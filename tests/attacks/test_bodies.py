"""Request bodies that are rejected, unfinished or large: the responses, and the memory and CPU time that they use."""

import asyncio
import contextlib
import re
import ssl
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from mockcvp.app import create_app
from mockcvp.oamp import negotiation
from mockcvp.oamp.deployment import Deployment
from mockcvp.pipeline.request_body import UnfinishedBodies, read_body
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.server_process import SYNCHRONIZE, XML, ServerProcess, read_response

PATH = f"/cvp-config/{SYNCHRONIZE}"
RIGHT, WRONG = "Basic d3NtYWRtaW46d3NtYWRtaW4=", "Basic eDp5"
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux"
)
MIB = 1024**2


def build_head(
    *framing: str,
    method: str = "POST",
    path: str = PATH,
    accept: str | None = XML,
    content_type: str = XML,
    authorization: str = RIGHT,
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", *framing]
    lines += [f"Accept: {accept}"] if accept else []
    return "\r\n".join([*lines, f"Authorization: {authorization}", "", ""]).encode()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("certs")) as server:
        yield server


LARGE = "Content-Length: 1000000"
CHUNKED = "Transfer-Encoding: chunked"
REJECTED = [
    ("wrong credentials", build_head(LARGE, authorization=WRONG), 401),
    ("unknown path", build_head(LARGE, path="/nothing"), 404),
    ("method", build_head(LARGE, method="PUT"), 405),
    ("no Accept", build_head(LARGE, accept=None), 400),
    ("Accept", build_head(LARGE, accept="text/html"), 406),
    ("Content-Type", build_head(LARGE, content_type="text/plain"), 415),
    ("length", build_head("Content-Length: 3000000"), 413),
    ("chunked, wrong credentials", build_head(CHUNKED, authorization=WRONG), 401),
    ("chunked, Accept", build_head(CHUNKED, accept="text/html"), 406),
]


@pytest.mark.parametrize(
    ("sent", "status"), [(sent, status) for _, sent, status in REJECTED], ids=[r[0] for r in REJECTED]
)
def test_an_error_in_the_headers_does_not_wait_for_the_body(attacked: ServerProcess, sent: bytes, status: int) -> None:
    with attacked.connection() as connection:
        connection.sendall(sent)
        assert read_response(connection).startswith(f"HTTP/1.1 {status} ".encode())
        # The client may still send the body, and the connection stays usable.
        length = re.search(rb"Content-Length: (\d+)", sent)
        connection.sendall(b"x" * int(length[1]) if length else b"f\r\n" + b"x" * 15 + b"\r\n0\r\n\r\n")
        connection.sendall(build_head("Content-Length: 0"))
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
    latest, rejected = attacked.journal(limit=2)["requests"]
    assert (latest["request"]["mockcvp"]["unread"], latest["response"]["status"]) == (False, 202)
    assert (rejected["request"]["mockcvp"]["unread"], rejected["request"]["body"]) == (True, "")
    assert rejected["response"]["status"] == status


def test_a_rejected_body_is_read_before_the_connection_closes(attacked: ServerProcess) -> None:
    attacked.forget()
    with attacked.connection() as connection:
        connection.sendall(build_head(LARGE, "Connection: close", authorization=WRONG))
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        # This loop lasts longer than the timeout of a TLS shutdown.
        for _ in range(10):
            connection.sendall(b"x" * 100_000)
            time.sleep(0.05)
        # The server ignores a request after a response that closes the connection.
        connection.sendall(build_head("Content-Length: 0"))
        assert connection.recv(1) == b""
    assert attacked.journal()["meta"]["total"] == 1


def test_an_endless_discarded_body_times_out(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, server.connection() as connection:
        connection.sendall(build_head(f"Content-Length: {10**15}", authorization=WRONG))
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        deadline = time.monotonic() + 60
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                connection.sendall(b"x" * 1_000_000)
        server.line("closed the connection of 127.0.0.1: the client did not send a request's body within 2 s")
        assert time.monotonic() < deadline


def test_a_small_body_of_a_rejected_request_is_recorded(attacked: ServerProcess) -> None:
    with attacked.connection() as connection:
        connection.sendall(build_head("Content-Length: 14", authorization=WRONG))
        connection.sendall(b"<synchronize/>")
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
    (call,) = attacked.journal(limit=1)["requests"]
    assert call["request"]["body"] == "<synchronize/>"


def test_a_stub_mapping_can_match_a_large_body(attacked: ServerProcess) -> None:
    url = f"https://localhost:{attacked.port}/__admin/mappings"
    body = "y" * 100_000
    mapping = {
        "request": {"urlPath": "/other", "bodyPatterns": [{"contains": "yyy"}]},
        "response": {"status": 299, "body": "stubbed"},
    }
    with attacked.client(auth=None) as client:
        identity = client.post(url, json=mapping).json()["id"]
        try:
            response = client.post(f"https://localhost:{attacked.port}/other", content=body)
            assert (response.status_code, response.text) == (299, "stubbed")
        finally:
            client.delete(f"{url}/{identity}")


def measure_memory(server: ServerProcess) -> int:
    """Return the resident memory of a server process, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def send_unfinished(connection: ssl.SSLSocket, headers: bytes, size: int) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(headers + b" " * (size - 1))


def warm_up(connection: ssl.SSLSocket) -> ssl.SSLSocket:
    """Send a large body, so that the TLS buffers of the connection, up to 1 MiB, exist before a measurement."""
    connection.sendall(build_head(f"Content-Length: {2 * MIB}", authorization=WRONG) + b" " * 2 * MIB)
    read_response(connection)
    return connection


def wait_for_responses(connections: list[ssl.SSLSocket], count: int) -> dict[ssl.SSLSocket, bytes]:
    """Wait until this many connections have a response, and return each of them with its received data."""
    ready: dict[ssl.SSLSocket, bytes] = {}
    deadline = time.monotonic() + 120
    while len(ready) < count:
        assert time.monotonic() < deadline, f"{len(ready)} of {count} have a response"
        time.sleep(0.05)
        for connection in connections:
            connection.setblocking(False)
            # The received data may be a TLS session ticket without any HTTP.
            with contextlib.suppress(ssl.SSLWantReadError):
                ready[connection] = ready.get(connection, b"") + connection.recv(65536)
            connection.settimeout(60)
    return ready


def test_a_body_in_1_byte_chunks_does_not_block_other_clients(attacked: ServerProcess) -> None:
    sent = build_head(CHUNKED) + b"1\r\n \r\n" * 500_000 + b"0\r\n\r\n"
    others = 0
    with attacked.connection() as hostile, attacked.connection() as other, ThreadPoolExecutor() as threads:
        threads.submit(hostile.sendall, sent)
        response = threads.submit(read_response, hostile)
        while not response.done():
            other.sendall(build_head("Content-Length: 0"))
            assert read_response(other).startswith(b"HTTP/1.1 202 ")
            others += 1
        assert response.result().startswith(b"HTTP/1.1 400 ")
    # The server parses 16 KiB in one event-loop iteration. The body has only 12 slices of 256 KiB.
    assert others > 36


@LINUX
def test_unauthorized_unfinished_bodies_use_no_memory(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [warm_up(stack.enter_context(server.connection())) for _ in range(60)]
        before = measure_memory(server)
        for connection in connections:
            send_unfinished(connection, build_head(f"Content-Length: {2 * MIB}", authorization=WRONG), 2 * MIB)
        for connection in connections:
            assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        assert measure_memory(server) - before < 60 * MIB


@LINUX
def test_the_total_size_of_unfinished_bodies_is_limited(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [warm_up(stack.enter_context(server.connection())) for _ in range(100)]
        before = measure_memory(server)
        for connection in connections:
            send_unfinished(connection, build_head(f"Content-Length: {2 * MIB}"), 2 * MIB)
        # The limit of 128 MiB is enough for 64 of the 100 bodies.
        rejected = wait_for_responses(connections, 36)
        assert [response[:13] for response in rejected.values()] == [b"HTTP/1.1 503 "] * 36
        assert measure_memory(server) - before < 1.5 * 128 * MIB
        latest = server.journal(limit=1)["requests"][0]
        assert "all unfinished request bodies take more than" in latest["request"]["mockcvp"]["refusal"]
        # The server still accepts a complete request, and the rest of the admitted bodies.
        with server.client() as client:
            assert client.post(SYNCHRONIZE, headers={"Accept": XML}).status_code == 202
        admitted = next(connection for connection in connections if connection not in rejected)
        admitted.sendall(b" ")
        assert read_response(admitted).startswith(b"HTTP/1.1 400 ")


@LINUX
def test_the_size_of_unfinished_control_bodies_is_limited(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connection()) for _ in range(5)]
        before = measure_memory(server)
        for connection in connections:
            send_unfinished(connection, build_head(f"Content-Length: {60 * MIB}", path="/__admin/mappings"), 60 * MIB)
        rejected = wait_for_responses(connections, 3)
        assert [response[:13] for response in rejected.values()] == [b"HTTP/1.1 503 "] * 3
        assert measure_memory(server) - before < 2 * 128 * MIB


@given(
    st.lists(st.binary(max_size=20), max_size=8), st.integers(0, 60), st.integers(0, 60), st.sampled_from([True, False])
)
def test_a_read_body_no_longer_counts_as_unfinished(
    chunks: list[bytes], limit: int, total_limit: int, is_ended: bool
) -> None:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b""} if is_ended else {"type": "http.disconnect"})
    unfinished = UnfinishedBodies(total_limit)

    async def receive() -> Message:
        return messages.pop(0)

    body = asyncio.run(read_body(receive, limit, unfinished))
    whole = b"".join(chunks)
    assert unfinished.size == 0
    assert whole.startswith(body.content)
    if len(whole) <= min(limit, total_limit):
        assert (body.content, body.is_complete) == (whole, is_ended)
        assert not body.is_oversize
    elif len(whole) > limit or is_ended:
        assert body.is_oversize or body.is_crowded


def test_a_long_list_does_not_block_other_requests() -> None:
    server = MockState(Settings())
    servers = [{"id": f"s{n}", "type": "MEDIA", "hostname": "h", "ipaddr": "192.0.2.1"} for n in range(10_000)]
    server.deploy(Deployment.model_validate({"servers": servers}))
    app = create_app(state=server)
    served: list[str] = []

    async def request(path: str) -> None:
        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(_: Message) -> None:
            pass

        headers = [(b"host", b"oamp"), (b"accept", b"application/xml"), (b"authorization", RIGHT.encode())]
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "query_string": b"",
        }
        await app(scope | {"headers": headers}, receive, send)
        served.append(path)

    async def list_and_request(path: str) -> None:
        listing = asyncio.create_task(request(path))
        while not listing.done():
            await asyncio.sleep(0)
            await request("/cvp-config/version")
        await listing

    for path in ("/cvp-config/server", "/cvp-config/server/synchronize"):
        served.clear()
        asyncio.run(list_and_request(path))
        # The server serves many other requests before the list is complete.
        assert served.index(path) > 50


def test_an_accept_header_of_1900_ranges_uses_little_cpu_time() -> None:
    from tests.costs import ratio

    def choose(accept: str) -> None:
        # The test bypasses the cache, because a client can send a different header each time.
        negotiation._choice(accept)

    for ranges in (["*/*"] * 1900, [f"*/*;a={n}" for n in range(700)], [f"a/b{n}" for n in range(1000)]):
        header = ",".join(ranges)
        assert ratio(lambda header=header: choose(header), lambda: choose("application/xml, application/json")) < 300  # type: ignore[misc] # the default value binds the variable


def test_the_total_size_of_chunk_extensions_is_limited(tmp_path: Path) -> None:
    chunk = b"1;" + b"x" * 4000 + b"\r\n \r\n"
    with ServerProcess(tmp_path, "--max-body-bytes", "1000") as server, server.connection() as connection:
        # The limit is 8 times the limits of a body and a head together.
        with contextlib.suppress(OSError):
            connection.sendall(build_head(CHUNKED) + chunk * 100)
        response = b""
        with contextlib.suppress(OSError):
            response = read_response(connection)
        assert not response or response.startswith(b"HTTP/1.1 400 ")
        server.line("the body has more than 73536 bytes on the wire")


def test_a_body_in_1_byte_chunks_is_accepted(tmp_path: Path) -> None:
    body = b"<synchronize>" + b" " * 5000 + b"</synchronize>"
    with ServerProcess(tmp_path, "--max-body-bytes", "6000") as server, server.connection() as connection:
        connection.sendall(build_head(CHUNKED) + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
