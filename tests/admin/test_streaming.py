"""The streaming of long lists: little memory, and no delay for other clients."""

import asyncio
import itertools
import json
import re
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from mockcvp import MockCVP
from mockcvp.admin import streaming
from mockcvp.admin.serve_events import served_request
from mockcvp.admin.streaming import base64_of, json_of, list_of, streamed, text_of
from tests.costs import iterations_during
from tests.server_process import JSON, PASSWORD, SYNCHRONIZE, USER, XML, ServerProcess

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CONTROL_CHARACTERS = b"\1" * 1_000_000


def in_small_slices() -> Any:
    return mock.patch.multiple(streaming, LARGE=4, _SLICE=6)


@given(JSON_VALUES)
def test_the_chunks_of_a_value_are_its_json(value: Any) -> None:
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert "".join(json_of(value, is_large=False)) == compact
    with in_small_slices():
        assert "".join(json_of(value, is_large=True)) == compact


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_bytes_in_slices_are_the_same_text(raw: bytes) -> None:
    with in_small_slices():
        reported = json.loads("".join(json_of({"text": text_of(raw), "base64": base64_of(raw)}, is_large=True)))
    assert reported == {"text": raw.decode(errors="replace"), "base64": b64encode(raw).decode()}


def test_a_deeply_nested_value_is_encoded() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert "".join(json_of(value, is_large=True)) == "[" * 100_001 + "]" * 100_001


@given(st.lists(JSON_VALUES, max_size=4), st.dictionaries(st.text(), JSON_VALUES, max_size=2))
def test_a_list_has_its_members_before_and_after_it(entries: list[Any], others: dict[str, Any]) -> None:
    before = {f"before {name}": value for name, value in others.items()}
    pieces = list_of("list", (json_of(one, is_large=False) for one in entries), before, others)
    assert list(json.loads("".join(pieces)).items()) == list((before | {"list": entries} | others).items())


def test_other_tasks_run_between_slow_entries() -> None:
    def entries() -> Iterator[Iterator[str]]:
        for _ in range(100):
            time.sleep(0.0005)
            yield iter(["1"])

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(_: Message) -> None:
        pass

    response = streamed(list_of("list", entries()))
    assert asyncio.run(iterations_during(response({"type": "http"}, receive, send))) >= 50


def recorded(client: httpx.Client, url: str, body: bytes) -> None:
    """Make a call whose only error is in the body, so that the journal records the body."""
    response = client.post(url, content=body, auth=(USER, PASSWORD), headers={"Accept": XML, "Content-Type": XML})
    assert response.status_code == 400


@pytest.fixture
def crowded() -> Iterator[tuple[MockCVP, httpx.Client]]:
    """A mock server whose journal has 60 calls with bodies of a million characters, each six characters in JSON."""
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        for _ in range(60):
            recorded(client, f"{cvp.url}/{SYNCHRONIZE}", CONTROL_CHARACTERS)
        yield cvp, client


def reader(cvp: MockCVP, opened: ExitStack) -> ssl.SSLSocket:
    """Return a connection that requests the journal and reads only the beginning of the response."""
    connection = opened.enter_context(connected(cvp))
    connection.sendall(b"GET /__admin/requests HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(9) == b"HTTP/1.1 "
    return connection


def connected(cvp: MockCVP) -> ssl.SSLSocket:
    import socket

    plain = socket.create_connection((httpx.URL(cvp.url).host, httpx.URL(cvp.url).port or 0), timeout=30)
    return cvp.ssl_context().wrap_socket(plain, server_hostname="localhost")


def test_entries_are_encoded_only_as_the_client_reads(
    crowded: tuple[MockCVP, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    cvp, client = crowded
    encoded = itertools.count()

    def counted(*arguments: Any) -> dict[str, Any]:
        next(encoded)
        return served_request(*arguments)

    monkeypatch.setattr("mockcvp.admin.requests.served_request", counted)
    with ExitStack() as opened:
        connection = reader(cvp, opened)
        for _ in range(500):
            client.get("health")
        # TCP and TLS buffer some of the 60 entries
        assert next(encoded) < 30
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received = received[-100:] + connection.recv(1_000_000)
    assert next(encoded) == 61


def test_an_error_in_a_stream_truncates_the_response(
    crowded: tuple[MockCVP, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    cvp, client = crowded
    places = itertools.count()

    def failing(*_: Any) -> dict[str, Any]:
        if next(places) == 20:
            raise RuntimeError("an internal error")
        return {"a": "b" * 10_000}

    monkeypatch.setattr("mockcvp.admin.requests.served_request", failing)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("requests")
    with ExitStack() as opened:
        next(places)
        places = itertools.count()
        connection = reader(cvp, opened)
        received = b""
        while more := connection.recv(1_000_000):
            received += more
    assert b"bbb" in received
    assert not received.endswith(b"0\r\n\r\n")
    assert b'"meta"' not in received


def memory(process: int) -> int:
    """Return the peak memory of a process since ``forget_peak``, in bytes."""
    reported = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", reported)
    assert found
    return int(found[1]) * 1024


def forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not report peak memory")
@pytest.mark.parametrize("size", [1_000, 1_900_000])
def test_six_stalled_readers_use_less_memory_than_a_journal(tmp_path: Path, size: int) -> None:
    journal = 32 * 1024**2
    options = ["--journal-max-bytes", str(journal), "--log-level", "error"]
    with ServerProcess(tmp_path, *options) as server, server.client(timeout=60) as client:
        control = f"https://localhost:{server.port}/__admin"
        for _ in range(min(journal // size + 1, 5_000)):
            recorded(client, SYNCHRONIZE, b"\1" * size)
        client.get(f"{control}/requests?limit=1")
        forget_peak(server.process.pid)
        before = memory(server.process.pid)
        with ExitStack() as opened:
            for _ in range(6):
                connection = opened.enter_context(server.connection())
                connection.sendall(b"GET /__admin/requests?limit=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(9) == b"HTTP/1.1 "
            for _ in range(500):
                client.get(f"{control}/health")
            assert memory(server.process.pid) - before < journal
        # a client that reads gets the whole journal in the same memory
        listed = client.get(f"{control}/requests?limit=100000").json()["requests"]
        assert len(listed) >= 15
        assert memory(server.process.pid) - before < journal


def test_a_list_has_at_most_1000_entries_by_default() -> None:
    with MockCVP() as cvp, cvp.client(headers={"Accept": JSON}) as client:
        for _ in range(1001):
            client.post(SYNCHRONIZE)

        def got(path: str) -> tuple[int, dict[str, object]]:
            document = client.get(f"{cvp.admin_url}/{path}").json()
            entries = document.get("requests") or document["synchronizations"]
            return len(entries), document["meta"]

        assert got("requests") == (1000, {"total": 1001, "limit": 1000})
        assert got("requests?limit=1001") == (1001, {"total": 1001})
        assert got("requests?limit=5") == (5, {"total": 1001})
        assert got("cvp/synchronizations") == (1000, {"total": 1001, "exact": True, "limit": 1000})
        assert got("cvp/synchronizations?limit=2000") == (1001, {"total": 1001, "exact": True})
        # a search has no default limit
        found = client.post(f"{cvp.admin_url}/requests/find", json={}).json()["requests"]
        assert len(found) == 1001


def test_near_misses_cover_the_newest_100_calls() -> None:
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        cvp.stub({"request": {"urlPath": "/elsewhere"}, "response": {"status": 200}})
        for number in range(101):
            assert client.get(f"{cvp.url}/{number}", auth=cvp.auth).status_code == 404
            reported = client.get("requests/unmatched/near-misses").json() if number in (99, 100) else {}
            assert reported.get("limit") == (100 if number == 100 else None)
        urls = [one["request"]["url"] for one in reported["nearMisses"]]
    assert urls == [f"/cvp-config/{number}" for number in range(100, 0, -1)]


class Beside(threading.Thread):
    """A client that calls continuously and records the time of each response."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.client = server.client(auth=None, timeout=60)
        self.url = f"https://localhost:{server.port}/__admin/health"
        self.times = [time.monotonic()]
        self.ends = False

    def run(self) -> None:
        with self.client:
            while not self.ends:
                assert self.client.get(self.url).status_code == 200
                self.times.append(time.monotonic())


@pytest.fixture(scope="module")
def populous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, httpx.Client]]:
    """A mock server with 5,000 stub mappings in one scenario, and 10,000 servers."""
    servers = [{"id": f"{one}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for one in range(10_000)]
    mappings = [
        {"request": {"url": f"/{one}"}, "response": {"body": "b" * 500}, "scenarioName": "story"}
        for one in range(5_000)
    ]
    directory = tmp_path_factory.mktemp("mappings")
    (directory / "mappings.json").write_text(json.dumps({"mappings": mappings}))
    options = ["--mappings", str(directory), "--log-level", "error"]
    with ServerProcess(tmp_path_factory.mktemp("certs"), *options) as server, server.client(timeout=60) as client:
        control = f"https://localhost:{server.port}/__admin"
        assert client.put(f"{control}/cvp/deployment", json={"servers": servers}).status_code == 200
        yield server, client


@pytest.mark.parametrize("path", ["mappings", "scenarios", "cvp/deployment"])
def test_a_long_list_does_not_block_other_clients(populous: tuple[ServerProcess, httpx.Client], path: str) -> None:
    server, client = populous
    parts = []
    for _ in range(3):
        beside = Beside(server)
        beside.start()
        try:
            began = time.monotonic()
            with client.stream("GET", f"https://localhost:{server.port}/__admin/{path}") as response:
                # parsing the response would take as long as writing it
                size = sum(map(len, response.iter_raw(1_000_000)))
            ended = time.monotonic()
        finally:
            beside.ends = True
            beside.join()
        assert size > 1_000_000
        gaps = (later - earlier for earlier, later in itertools.pairwise(beside.times) if began < later < ended)
        parts.append(max(gaps, default=ended - began) / (ended - began))
    assert min(parts) < 0.5
