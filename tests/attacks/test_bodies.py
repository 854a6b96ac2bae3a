"""Request bodies that nobody needs, that never end, or that are many: what they get, and what they cost."""

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


def head(
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
    ("wrong credentials", head(LARGE, authorization=WRONG), 401),
    ("unknown path", head(LARGE, path="/nothing"), 404),
    ("method", head(LARGE, method="PUT"), 405),
    ("no Accept", head(LARGE, accept=None), 400),
    ("Accept", head(LARGE, accept="text/html"), 406),
    ("Content-Type", head(LARGE, content_type="text/plain"), 415),
    ("length", head("Content-Length: 3000000"), 413),
    ("chunked, wrong credentials", head(CHUNKED, authorization=WRONG), 401),
    ("chunked, Accept", head(CHUNKED, accept="text/html"), 406),
]


@pytest.mark.parametrize(
    ("sent", "status"), [(sent, status) for _, sent, status in REJECTED], ids=[r[0] for r in REJECTED]
)
def test_a_body_is_not_awaited_where_headers_suffice(attacked: ServerProcess, sent: bytes, status: int) -> None:
    with attacked.connection() as connection:
        connection.sendall(sent)
        assert read_response(connection).startswith(f"HTTP/1.1 {status} ".encode())
        # the body may still come, and the connection serves on
        length = re.search(rb"Content-Length: (\d+)", sent)
        connection.sendall(b"x" * int(length[1]) if length else b"f\r\n" + b"x" * 15 + b"\r\n0\r\n\r\n")
        connection.sendall(head("Content-Length: 0"))
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
    latest, rejected = attacked.journal(limit=2)["requests"]
    assert (latest["request"]["mockcvp"]["unread"], latest["response"]["status"]) == (False, 202)
    assert (rejected["request"]["mockcvp"]["unread"], rejected["request"]["body"]) == (True, "")
    assert rejected["response"]["status"] == status


def test_a_closed_connection_takes_the_rest_of_a_body(attacked: ServerProcess) -> None:
    attacked.forget()
    with attacked.connection() as connection:
        connection.sendall(head(LARGE, "Connection: close", authorization=WRONG))
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        # longer than a TLS shutdown takes
        for _ in range(10):
            connection.sendall(b"x" * 100_000)
            time.sleep(0.05)
        # a request behind a response that closes the connection is not served
        connection.sendall(head("Content-Length: 0"))
        assert connection.recv(1) == b""
    assert attacked.journal()["meta"]["total"] == 1


def test_a_discarded_body_without_end_is_ended_in_time(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--body-timeout", "2") as server, server.connection() as connection:
        connection.sendall(head(f"Content-Length: {10**15}", authorization=WRONG))
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        deadline = time.monotonic() + 60
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                connection.sendall(b"x" * 1_000_000)
        server.line("closed the connection of 127.0.0.1: the client did not send a request's body within 2 s")
        assert time.monotonic() < deadline


def test_a_small_body_of_a_rejected_call_is_recorded(attacked: ServerProcess) -> None:
    with attacked.connection() as connection:
        connection.sendall(head("Content-Length: 14", authorization=WRONG))
        connection.sendall(b"<synchronize/>")
        assert read_response(connection).startswith(b"HTTP/1.1 401 ")
    (call,) = attacked.journal(limit=1)["requests"]
    assert call["request"]["body"] == "<synchronize/>"


def test_a_stub_mapping_still_sees_a_large_body(attacked: ServerProcess) -> None:
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


def resident(server: ServerProcess) -> int:
    """Return the memory that a process takes, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def send_unfinished(connection: ssl.SSLSocket, head: bytes, size: int) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(head + b" " * (size - 1))


def warmed_up(connection: ssl.SSLSocket) -> ssl.SSLSocket:
    """Send a large body once: the TLS buffers of a connection take up to 1 MiB from then on, which is not measured."""
    connection.sendall(head(f"Content-Length: {2 * MIB}", authorization=WRONG) + b" " * 2 * MIB)
    read_response(connection)
    return connection


def with_responses(connections: list[ssl.SSLSocket], count: int) -> dict[ssl.SSLSocket, bytes]:
    """Wait until so many connections have a response, and return these with what came."""
    ready: dict[ssl.SSLSocket, bytes] = {}
    deadline = time.monotonic() + 120
    while len(ready) < count:
        assert time.monotonic() < deadline, f"{len(ready)} of {count} have a response"
        time.sleep(0.05)
        for connection in connections:
            connection.setblocking(False)
            # what is to be read may be none of HTTP, but a session ticket
            with contextlib.suppress(ssl.SSLWantReadError):
                ready[connection] = ready.get(connection, b"") + connection.recv(65536)
            connection.settimeout(60)
    return ready


def test_a_body_of_1_byte_chunks_lets_other_clients_through(attacked: ServerProcess) -> None:
    sent = head(CHUNKED) + b"1\r\n \r\n" * 500_000 + b"0\r\n\r\n"
    others = 0
    with attacked.connection() as hostile, attacked.connection() as other, ThreadPoolExecutor() as threads:
        threads.submit(hostile.sendall, sent)
        response = threads.submit(read_response, hostile)
        while not response.done():
            other.sendall(head("Content-Length: 0"))
            assert read_response(other).startswith(b"HTTP/1.1 202 ")
            others += 1
        assert response.result().startswith(b"HTTP/1.1 400 ")
    # about one for each 16 KiB; it was one for each 256 KiB, of which there are 12
    assert others > 36


@LINUX
def test_unfinished_bodies_without_credentials_take_no_memory(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [warmed_up(stack.enter_context(server.connection())) for _ in range(60)]
        before = resident(server)
        for connection in connections:
            send_unfinished(connection, head(f"Content-Length: {2 * MIB}", authorization=WRONG), 2 * MIB)
        for connection in connections:
            assert read_response(connection).startswith(b"HTTP/1.1 401 ")
        assert resident(server) - before < 60 * MIB


@LINUX
def test_all_unfinished_bodies_together_are_bounded(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [warmed_up(stack.enter_context(server.connection())) for _ in range(100)]
        before = resident(server)
        for connection in connections:
            send_unfinished(connection, head(f"Content-Length: {2 * MIB}"), 2 * MIB)
        # 64 bodies fit within 128 MiB
        rejected = with_responses(connections, 36)
        assert [response[:13] for response in rejected.values()] == [b"HTTP/1.1 503 "] * 36
        assert resident(server) - before < 1.5 * 128 * MIB
        latest = server.journal(limit=1)["requests"][0]
        assert "all unfinished request bodies take more than" in latest["request"]["mockcvp"]["refusal"]
        # a body that comes whole at once is served all the same, and the first ones may end
        with server.client() as client:
            assert client.post(SYNCHRONIZE, headers={"Accept": XML}).status_code == 202
        admitted = next(connection for connection in connections if connection not in rejected)
        admitted.sendall(b" ")
        assert read_response(admitted).startswith(b"HTTP/1.1 400 ")


@LINUX
def test_unfinished_control_bodies_are_bounded(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connection()) for _ in range(5)]
        before = resident(server)
        for connection in connections:
            send_unfinished(connection, head(f"Content-Length: {60 * MIB}", path="/__admin/mappings"), 60 * MIB)
        rejected = with_responses(connections, 3)
        assert [response[:13] for response in rejected.values()] == [b"HTTP/1.1 503 "] * 3
        assert resident(server) - before < 2 * 128 * MIB


@given(
    st.lists(st.binary(max_size=20), max_size=8), st.integers(0, 60), st.integers(0, 60), st.sampled_from([True, False])
)
def test_reading_a_body_gives_back_its_memory(chunks: list[bytes], limit: int, together: int, ends: bool) -> None:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b""} if ends else {"type": "http.disconnect"})
    unfinished = UnfinishedBodies(together)

    async def receive() -> Message:
        return messages.pop(0)

    body = asyncio.run(read_body(receive, limit, unfinished))
    whole = b"".join(chunks)
    assert unfinished.size == 0
    assert whole.startswith(body.content)
    if len(whole) <= min(limit, together):
        assert (body.content, body.is_complete) == (whole, ends)
        assert not body.is_oversize
    elif len(whole) > limit or ends:
        assert body.is_oversize or body.is_crowded


def test_others_are_served_while_a_long_list_is_written() -> None:
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

    async def both(path: str) -> None:
        listing = asyncio.create_task(request(path))
        while not listing.done():
            await asyncio.sleep(0)
            await request("/cvp-config/version")
        await listing

    for path in ("/cvp-config/server", "/cvp-config/server/synchronize"):
        served.clear()
        asyncio.run(both(path))
        # before it is done, some hundreds of others are
        assert served.index(path) > 50


def test_an_accept_of_1900_ranges_costs_little() -> None:
    from tests.costs import ratio

    def choose(accept: str) -> None:
        # the cache is passed by: a client can send another header each time
        negotiation._choice(accept)

    for ranges in (["*/*"] * 1900, [f"*/*;a={n}" for n in range(700)], [f"a/b{n}" for n in range(1000)]):
        header = ",".join(ranges)
        assert ratio(lambda header=header: choose(header), lambda: choose("application/xml, application/json")) < 300  # type: ignore[misc] # the default binds it


def test_chunk_extensions_are_bounded_in_total(tmp_path: Path) -> None:
    chunk = b"1;" + b"x" * 4000 + b"\r\n \r\n"
    with ServerProcess(tmp_path, "--max-body-bytes", "1000") as server, server.connection() as connection:
        # eight times what a body and a head may have
        with contextlib.suppress(OSError):
            connection.sendall(head(CHUNKED) + chunk * 100)
        response = b""
        with contextlib.suppress(OSError):
            response = read_response(connection)
        assert not response or response.startswith(b"HTTP/1.1 400 ")
        server.line("the body has more than 73536 bytes on the wire")


def test_a_body_in_chunks_of_one_byte_is_no_attack(tmp_path: Path) -> None:
    body = b"<synchronize>" + b" " * 5000 + b"</synchronize>"
    with ServerProcess(tmp_path, "--max-body-bytes", "6000") as server, server.connection() as connection:
        connection.sendall(head(CHUNKED) + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert read_response(connection).startswith(b"HTTP/1.1 202 ")
