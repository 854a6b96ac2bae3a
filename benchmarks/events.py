"""The throughput of mockcvp while a client reads the stream of events, as an open console does."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import peers, report
from benchmarks.load import load, started
from benchmarks.peers import Started
from benchmarks.report import Table

RUNS, SECONDS = 5, 4


@contextmanager
def reading(server: Started, readers: int) -> Iterator[None]:
    """Read the stream of events with a number of clients."""
    url = server.url.replace("/cvp-config/command/synchronize", "/__admin/cvp/events")
    command = ["curl", "-sSkN", "-o", "/dev/null", url]
    running = [subprocess.Popen(command) for _ in range(readers)]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


def tables() -> Iterator[Table]:
    """Measure the throughput without and with a reader, in alternate runs."""
    found: dict[int, list[float]] = {0: [], 1: []}
    with started(peers.MOCKCVP) as server:
        load(server, 1, "json")
        for run in range(RUNS):
            for readers in ((0, 1), (1, 0))[run % 2]:
                with reading(server, readers):
                    found[readers].append(load(server, SECONDS, "json").rate)
    without, with_one = median(found[0]), median(found[1])
    rows = [("no reader", without, 1.0), ("one reader", with_one, with_one / without)]
    title = f"Sync-ups at the maximum rate while a client reads the events: medians of {RUNS} alternate runs"
    yield Table("events", title, ("readers of /__admin/cvp/events", "sync-ups a second", "ratio"), rows)


if __name__ == "__main__":
    report.show(tables())
