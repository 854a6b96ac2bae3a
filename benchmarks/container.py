"""The time from `docker compose up` to healthy without the build, and the size that the image adds to its base."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import report
from benchmarks.report import Table
from tests.container.engine import Project, compose_command, docker

RUNS = 5


def tables() -> Iterator[Table]:
    """Yield both figures of the existing image ``mockcvp``."""
    engine = subprocess.run(["docker", "image", "inspect", "mockcvp"], capture_output=True, check=False)
    if engine.returncode or not compose_command():
        print("the container is not measured: there is no image mockcvp, or no engine (docker compose build makes it)")
        return
    project = Project(Path(__file__).parents[1], f"mockcvp-bench-{os.getpid()}", {})
    seconds = []
    try:
        for _ in range(RUNS):
            began = time.monotonic()
            project("up", "-d")
            project.container("oamp").wait_until("healthy")
            seconds.append(time.monotonic() - began)
            project("down", "-v")
    finally:
        project("down", "-v")
    base = next(
        line.partition("=")[2] for line in Path("Dockerfile").read_text().splitlines() if line.startswith("ARG BASE=")
    )
    sizes = [int(docker("inspect", "-f", "{{.Size}}", name)) for name in ("mockcvp", base)]
    yield Table(
        "container",
        "The container image",
        ("what", "figure"),
        [
            (f"`docker compose up` to healthy, median of {RUNS} (s)", median(seconds)),
            (f"size that the image adds to {base} (MB)", (sizes[0] - sizes[1]) / 1e6),
        ],
    )


if __name__ == "__main__":
    report.show(tables())
