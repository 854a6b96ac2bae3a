"""The server time of `GET /cvp-config/server/synchronize` with a deployment of 200 servers."""

import statistics
import time
from pathlib import Path

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


def main() -> None:
    """Print the medians."""
    print(f"status of the sync-ups of 200 servers, server time, median of {RUNS} runs")
    print(f"| XML | {milliseconds(b'application/xml'):.2f} ms |")
    print(f"| JSON | {milliseconds(b'application/json'):.2f} ms |")


if __name__ == "__main__":
    main()
