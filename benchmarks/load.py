"""The throughput, CPU time, latency and memory of mockcvp and its peers under a load of sync-ups."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import peers, report
from benchmarks.peers import Peer, Place, Started
from benchmarks.report import Table, Value
from mockcvp.server.tls import certificate
from mockcvp.settings import Settings

RUNS, CONNECTIONS = 3, 32
FIRST_SECONDS, WARM_SECONDS, SECONDS = 5, 18, 4
MILLION = 1_000_000
_SCRIPT = peers.HERE / "sync_up.lua"


class Load(NamedTuple):
    """The result of a load: responses per second, and the CPU time of each in microseconds."""

    rate: float
    cost: float


@contextmanager
def place() -> Iterator[Place]:
    """Create a temporary directory with a certificate, and choose a port."""
    with tempfile.TemporaryDirectory() as directory:
        cert = certificate(Settings(cert_dir=Path(directory) / "certs")).path
        yield Place(peers.free_port(), Path(directory), cert, cert.with_name("mockcvp-key.pem"))


@contextmanager
def started(peer: Peer) -> Iterator[Started]:
    """Start a peer."""
    with place() as where, Started(peer, where) as server:
        yield server


def load(server: Started, seconds: float, *form: str) -> Load:
    """Run wrk at the maximum rate; ``form`` has the arguments of its script."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "-s", str(_SCRIPT), server.url]
    before = server.cpu_seconds()
    reported = subprocess.run([*command, "--", *form], capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - before
    calls = re.search(r"(\d+) requests in ([\d.]+)s", reported)
    count = int(calls[1]) if calls else 0
    rejected = re.search(r"Non-2xx or 3xx responses: (\d+)", reported)
    if rejected or not count:
        raise SystemExit(f"not every call was accepted:\n{reported}")
    assert calls
    return Load(count / float(calls[2]), cpu / count * 1e6)


def one_by_one(server: Started, seconds: float = 1.0) -> float:
    """Return the median time of sequential calls on one connection, in microseconds."""
    durations = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        with server.connected() as connection:
            is_open = True
            while is_open and time.perf_counter() < ends:
                began = time.perf_counter()
                is_open = _call(connection)
                durations.append(time.perf_counter() - began)
    return median(durations) * 1e6


def _call(connection: socket.socket) -> bool:
    """Make a call, and return whether its connection stays open."""
    connection.sendall(peers.request())
    response = b""
    while b"\r\n\r\n" not in response and (more := connection.recv(65536)):
        response += more
    head, _, body = response.partition(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 202 ", b"HTTP/1.0 202 ")):
        raise SystemExit(f"a call was not accepted: {head.decode(errors='replace')}")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if fields.get(b"connection") == b"close" or head.startswith(b"HTTP/1.0"):
        return False
    length, chunked = int(fields.get(b"content-length", 0)), fields.get(b"transfer-encoding") == b"chunked"
    while (chunked and not body.endswith(b"0\r\n\r\n")) or len(body) < length:
        body += connection.recv(65536)
    return True


def latencies(server: Started, rate: float, seconds: int = 5) -> list[float]:
    """Return the latency at a fixed rate in milliseconds: the median and the percentiles 99 and 99.9."""
    with tempfile.NamedTemporaryFile("r", suffix=".tsv") as log, tempfile.NamedTemporaryFile("wb") as body:
        body.write(peers.BODIES["json"])
        body.flush()
        headers = ("Content-Type: application/json", "Accept: application/json", f"Authorization: {peers.CREDENTIALS}")
        command = ["h2load", "--h1", f"-c{CONNECTIONS}", "-t1", "-m1", f"--rps={rate / CONNECTIONS:.1f}"]
        options = [f"-D{seconds}", f"-d{body.name}", f"--log-file={log.name}", *(f"-H{header}" for header in headers)]
        # h2load appends to an existing log.
        Path(log.name).unlink()
        subprocess.run([*command, *options, server.url], capture_output=True, check=True)
        calls = [line.split() for line in Path(log.name).read_text().splitlines()]
        Path(log.name).touch()
    if any(call[1] != "202" for call in calls) or len(calls) < rate * seconds * 0.9:
        raise SystemExit(f"there were {len(calls)} responses to {rate * seconds:.0f} calls, or not all were 202")
    milliseconds = sorted(int(call[2]) / 1000 for call in calls)
    return [milliseconds[int(len(milliseconds) * part)] for part in (0.5, 0.99, 0.999)]


@contextmanager
def counting(server: Started) -> Iterator[list[int]]:
    """Search the journal continuously, in a thread."""
    done, stopped = list[int](), threading.Event()
    pattern = json.dumps({"bodyPatterns": [{"equalToJson": "{}"}]})
    _, _, authority, _ = server.url.split("/", 3)
    connection = http.client.HTTPSConnection(authority, context=_unverified())

    def count() -> None:
        while not stopped.is_set():
            connection.request("POST", "/__admin/requests/count", pattern, {"Content-Type": "application/json"})
            json.loads(connection.getresponse().read())
            done.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    while not done:
        time.sleep(0.01)
    try:
        yield done
    finally:
        stopped.set()
        thread.join()
        connection.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def measured() -> tuple[dict[str, dict[str, list[float]]], list[str]]:
    """Return the measurements by figure and peer, and a line for each peer without one."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    others = (peers.PRISM, peers.MOUNTEBANK, peers.HTTPSERVER, peers.TEXTBOOK, peers.ON_REQUEST, peers.ROUTE)
    every = (peers.MOCKCVP, peers.LOGGING, peers.WIREMOCK, *others, peers.UVICORN)
    missing = [f"{peer.name} is not measured: {peer.why_not}" for peer in every if peer.why_not]

    def note(figure: str, peer: Peer, value: float) -> None:
        found[figure][peer.name].append(value)

    for _ in range(RUNS):
        for peer in every:
            if peer.why_not:
                continue
            with started(peer) as server:
                note("start", peer, server.seconds)
                first = load(server, FIRST_SECONDS if peer is peers.WIREMOCK else 1, "json")
                if peer is peers.WIREMOCK:
                    note("first", peer, first.rate)
                    load(server, WARM_SECONDS, "json")
                rate, cost = load(server, SECONDS, "json")
                note("rate", peer, rate)
                note("cost", peer, cost)
                note("memory", peer, server.megabytes())
                note("one", peer, one_by_one(server))
                if peer is peers.MOCKCVP:
                    for form in (("xml",), ("json", "different"), ("xml", "different")):
                        note(" ".join(form), peer, load(server, SECONDS, *form).rate)
    return found, missing


def memory() -> dict[int, float]:
    """Return mockcvp's memory after a number of calls, in megabytes."""
    used: dict[int, float] = {}
    with started(peers.MOCKCVP) as server:
        calls = 0.0
        for number in (MILLION // 10, MILLION):
            while calls < number:
                rate, _ = load(server, 2, "json", "different")
                calls += rate * 2
            used[number] = server.megabytes()
    return used


def tables() -> Iterator[Table]:
    """Yield the throughput of all peers, ratios, the memory, and latencies."""
    if not shutil.which("wrk"):
        print("the load is not measured: there is no wrk on this machine (Debian's package wrk)")
        return
    found, missing = measured()
    middle = {figure: {name: median(values) for name, values in by_peer.items()} for figure, by_peer in found.items()}
    how = f"medians of {RUNS} alternate runs, {CONNECTIONS} persistent connections with TLS from the same machine"
    yield Table(
        "throughput",
        f"Sync-ups at the maximum rate: {how}",
        ("server", "sync-ups a second", "CPU time of each (µs)", "memory then (MB)", "one call at a time (µs)"),
        [
            (name, rate, *(middle[figure][name] for figure in ("cost", "memory", "one")))
            for name, rate in middle["rate"].items()
        ],
        chart=1,
        notes=tuple(missing),
    )
    yield Table("ratios", "mockcvp beside others", ("beside", "ratio"), _ratios(middle))
    yield Table(
        "memory",
        "mockcvp's memory after calls that all differ",
        ("calls", "MB"),
        [(f"{calls:,}", used) for calls, used in memory().items()],
    )
    yield from _latency_tables(middle["rate"][peers.MOCKCVP.name] / 2)


def _ratios(middle: dict[str, dict[str, float]]) -> list[tuple[Value, ...]]:
    rates, costs, ours = middle["rate"], middle["cost"], peers.MOCKCVP.name
    rows: list[tuple[Value, ...]] = []
    if (wiremock := peers.WIREMOCK.name) in rates:
        first = middle["first"][wiremock]
        rows = [
            (f"WireMock's first {FIRST_SECONDS} s after its start ({first:,.0f} a second)", rates[ours] / first),
            (f"WireMock after {FIRST_SECONDS + WARM_SECONDS} s", rates[ours] / rates[wiremock]),
            (f"CPU time of a call of WireMock after {FIRST_SECONDS + WARM_SECONDS} s", costs[ours] / costs[wiremock]),
        ]
    rows.append(("pytest-httpserver", rates[ours] / rates[peers.HTTPSERVER.name]))
    for form in ("xml", "json different", "xml different"):
        name = form.upper().replace("DIFFERENT", "each different from all others")
        rows.append((f"mockcvp's JSON: {name} ({middle[form][ours]:,.0f} a second)", middle[form][ours] / rates[ours]))
    return rows


def _latency_tables(rate: float) -> Iterator[Table]:
    if not shutil.which("h2load"):
        print("latencies are not measured: there is no h2load on this machine (Debian's package nghttp2-client)")
        return
    alone, searched = [], []
    for _ in range(RUNS):
        with started(peers.MOCKCVP) as server:
            load(server, 1, "json")
            alone.append(latencies(server, rate))
            with counting(server) as counts:
                before = len(counts)
                searched.append(latencies(server, rate))
                if len(counts) == before:
                    raise SystemExit("the journal was not searched meanwhile")
    yield Table(
        "latency",
        f"Latency in milliseconds at {rate:,.0f} sync-ups a second, half of the maximum rate",
        ("load", "median", "99 %", "99.9 %"),
        [
            (name, *(median(values) for values in zip(*runs, strict=True)))
            for name, runs in (("without other requests", alone), ("during searches of a full journal", searched))
        ],
    )


if __name__ == "__main__":
    report.show(tables())
