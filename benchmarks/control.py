"""The costs of searches in a full journal and of 100 stub mappings without a match, compared with WireMock."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks import report
from benchmarks.report import Table
from mockcvp import MockCVP
from tests.clients.wiremock_jar import WHY_NOT, WireMock

CALLS, MAPPINGS, RUNS, BATCH = 10_000, 100, 5, 500
XML = "<synchronize><servers><server><refURL>media-{}</refURL><sincetime>0</sincetime></server></servers></synchronize>"
JSON = '{{"synchronize": {{"servers": {{"server": {{"refURL": "media-{}", "sincetime": "0"}}}}}}}}'
SYNCHRONIZE = "/cvp-config/command/synchronize"
PATTERNS: dict[str, Any] = {
    "count by XPath": {"bodyPatterns": [{"matchesXPath": "//server[refURL = 'media-7']"}]},
    "count by JSONPath": {"bodyPatterns": [{"matchesJsonPath": "$..server[?(@.refURL == 'media-8')]"}]},
    "count by equalToJson": {"bodyPatterns": [{"equalToJson": JSON.format(8)}]},
    "count by header": {"headers": {"Accept": {"contains": "json"}}},
}
Call = Callable[[str, str, str, str], bytes]


def caller(connection: http.client.HTTPConnection) -> Call:
    """Return a function that makes a call on a persistent connection."""
    connection.connect()
    # Nagle's algorithm would dominate the time of a call.
    assert connection.sock
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(method: str, path: str, kind: str = "application/json", body: str = "") -> bytes:
        headers = {
            "Accept": "application/json",
            "Content-Type": kind,
            "Authorization": "Basic d3NtYWRtaW46d3NtYWRtaW4=",
        }
        connection.request(method, path, body.encode(), headers)
        return connection.getresponse().read()

    return call


def per_call(call: Call, count: int) -> float:
    """Return the time of one sync-up, in microseconds."""
    began = time.perf_counter()
    for _ in range(count):
        call("POST", SYNCHRONIZE, "application/json", JSON.format(1))
    return (time.perf_counter() - began) / count * 1e6


def measured(call: Call) -> dict[str, float]:
    """Return each cost: milliseconds for a count, microseconds per call for the mappings."""
    # These calls warm the server up.
    per_call(call, 2000)
    with_none, with_all = [], []
    for _ in range(RUNS):
        with_none.append(per_call(call, BATCH))
        for number in range(MAPPINGS):
            pattern = {"method": "POST", "urlPath": SYNCHRONIZE, "headers": {"X-Other": {"equalTo": str(number)}}}
            mapping = {"request": pattern, "response": {"status": 500}}
            call("POST", "/__admin/mappings", "application/json", json.dumps(mapping))
        with_all.append(per_call(call, BATCH))
        call("DELETE", "/__admin/mappings", "application/json", "")
    costs = {f"{MAPPINGS} mappings that don't match, each call (µs)": median(with_all) - median(with_none)}
    call("DELETE", "/__admin/requests", "application/json", "")
    for number in range(CALLS):
        kind, body = ("application/xml", XML) if number % 2 else ("application/json", JSON)
        call("POST", SYNCHRONIZE, kind, body.format(number % 10))
    for name, pattern in PATTERNS.items():
        times = []
        for _ in range(RUNS):
            began = time.perf_counter()
            found = json.loads(call("POST", "/__admin/requests/count", "application/json", json.dumps(pattern)))
            times.append((time.perf_counter() - began) * 1000)
            assert found["count"] >= CALLS / 10, found
        costs[f"{name}, {CALLS} calls (ms)"] = median(times)
    return costs


def tables() -> Iterator[Table]:
    """Yield the medians, beside those of WireMock."""
    with MockCVP(journal_max_calls=CALLS) as cvp:
        url = urlsplit(cvp.url)
        assert url.hostname
        ours = measured(caller(http.client.HTTPSConnection(url.hostname, url.port, context=cvp.ssl_context())))
    theirs: dict[str, float] = {}
    if not WHY_NOT:
        with WireMock() as wiremock:
            url = urlsplit(wiremock.url)
            assert url.hostname
            theirs = measured(caller(http.client.HTTPConnection(url.hostname, url.port)))
    rows = []
    for name, cost in ours.items():
        other = theirs.get(name)
        rows.append((name, cost, other, cost / other if other else None))
    yield Table(
        "control",
        f"Searches of a journal of {CALLS} calls, medians of {RUNS}",
        ("search", "mockcvp", "WireMock", "ratio"),
        rows,
        notes=(f"WireMock is not measured: {WHY_NOT}.",) if WHY_NOT else (),
    )


if __name__ == "__main__":
    report.show(tables())
