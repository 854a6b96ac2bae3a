"""The server time of `GET /cvp-config/server/synchronize` with a deployment of 200 servers."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import report
from benchmarks.report import Table
from mockcvp.oamp.http import Request
from mockcvp.oamp.routes import dispatcher
from mockcvp.settings import Settings
from mockcvp.state import MockState

RUNS = 200
DEPLOYMENT = Path(__file__).parent.parent / "fixtures" / "deployments" / "two-hundred-servers.json"


def milliseconds(accept: bytes) -> float:
    """Return the median time of a response after a sync-up of every server, in milliseconds."""
    oamp = MockState(Settings(deployment=DEPLOYMENT)).oamp
    headers = ((b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="), (b"accept", accept), (b"host", b"localhost:8111"))
    dispatcher.respond(oamp, Request("POST", "/cvp-config/command/synchronize", "", headers))
    request = Request("GET", "/cvp-config/server/synchronize", "", headers)
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        response = dispatcher.respond(oamp, request)
        seconds.append(time.perf_counter() - began)
        if response.status != 200:
            raise SystemExit(f"{response.status}: {response.reason}")
    return statistics.median(seconds) * 1000


def tables() -> Iterator[Table]:
    """Yield the medians."""
    yield Table(
        "status",
        f"The states of the sync-ups of 200 servers: time in the server, medians of {RUNS} runs",
        ("format", "milliseconds"),
        [("XML", milliseconds(b"application/xml")), ("JSON", milliseconds(b"application/json"))],
    )


if __name__ == "__main__":
    report.show(tables())
