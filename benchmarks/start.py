"""The time from the command to the first 202: mockcvp, a bare FastAPI app, WireMock and mountebank."""

from collections.abc import Iterator
from statistics import median

from benchmarks import peers, report
from benchmarks.load import started
from benchmarks.report import Table

RUNS = 7


def tables() -> Iterator[Table]:
    """Yield the medians, and the ratios of mockcvp's to them."""
    every = (peers.MOCKCVP, peers.BARE, peers.WIREMOCK, peers.MOUNTEBANK)
    found: dict[str, list[float]] = {peer.name: [] for peer in every if not peer.why_not}
    # The first run of each fills the file system's cache and does not count.
    for run in range(RUNS + 1):
        for peer in every:
            if not peer.why_not:
                with started(peer) as server:
                    found[peer.name] += [server.seconds] if run else []
    ours = median(found[peers.MOCKCVP.name])
    yield Table(
        "start",
        f"From the command to the first 202, medians of {RUNS} runs",
        ("server", "seconds", "mockcvp's time divided by this"),
        [(name, median(seconds), ours / median(seconds)) for name, seconds in found.items()],
        chart=1,
    )


if __name__ == "__main__":
    report.show(tables())
