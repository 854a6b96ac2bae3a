"""Comparison of the working tree with a commit, in alternate runs: ``python -m benchmarks.against COMMIT``."""

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import peers
from benchmarks.load import load, one_by_one, started

RUNS, SECONDS = 7, 3
BODIES = {
    "JSON": ("json",),
    "XML": ("xml",),
    "JSON, all differ": ("json", "different"),
    "XML, all differ": ("xml", "different"),
}


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check out a commit in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=True)


def measured(commit: str) -> dict[str, tuple[list[float], list[float]]]:
    """Return the measurements of each figure, for a commit and for the working tree."""
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    with checked_out(commit) as tree:
        both = peers.commit("then", tree), peers.commit("now", peers.HERE.parent)
        for run in range(RUNS):
            # The order alternates, since the machine may be warmer or busier in the second run.
            for which in ((0, 1), (1, 0))[run % 2]:
                with started(both[which]) as server:
                    found["start to the first 202 (ms)"][which].append(server.seconds * 1000)
                    load(server, 1, "json")
                    for name, form in BODIES.items():
                        rate, cost = load(server, SECONDS, *form)
                        found[f"{name}: sync-ups a second"][which].append(rate)
                        found[f"{name}: CPU time of each (µs)"][which].append(cost)
                    found["one call at a time (µs)"][which].append(one_by_one(server))
                    found["memory then (MB)"][which].append(server.megabytes())
    return found


def main(commit: str) -> None:
    """Print the medians, their ratio, and the ratio of the best runs."""
    print(
        f"| medians of {RUNS} runs | {commit[:10]} | now | ratio | ratio of the best |\n| --- | --- | --- | --- | --- |"
    )
    for figure, (then, now) in measured(commit).items():
        best = max if "a second" in figure else min
        ratios = f"{median(now) / median(then):.2f} | {best(now) / best(then):.2f}"
        print(f"| {figure} | {median(then):,.0f} | {median(now):,.0f} | {ratios} |")


if __name__ == "__main__":
    main(sys.argv[1])
