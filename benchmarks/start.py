"""The time from the command to the first 202: mockcvp, a bare FastAPI app, WireMock and mountebank."""

from statistics import median

from benchmarks import peers
from benchmarks.load import started

RUNS = 7


def main() -> None:
    """Print the medians, and their ratios to mockcvp's."""
    every = (peers.MOCKCVP, peers.BARE, peers.WIREMOCK, peers.MOUNTEBANK)
    found: dict[str, list[float]] = {peer.name: [] for peer in every if not peer.why_not}
    # The first run of each fills the file system's cache and does not count.
    for run in range(RUNS + 1):
        for peer in every:
            if not peer.why_not:
                with started(peer) as server:
                    found[peer.name] += [server.seconds] if run else []
    ours = median(found[peers.MOCKCVP.name])
    print(f"| from the command to the first 202, medians of {RUNS} runs | seconds | mockcvp's, of that |")
    print("| --- | --- | --- |")
    for name, seconds in found.items():
        print(f"| {name} | {median(seconds):.3f} | {ours / median(seconds):.2f} |")


if __name__ == "__main__":
    main()
