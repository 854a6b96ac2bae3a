"""The costs of the `mock_cvp` fixture, compared with pytest-httpserver, and of the plugin in other sessions."""

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import report
from benchmarks.report import Table

RUNS = 5
TESTS = 200
USING = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_it({fixture}, number):
    pass
"""


def setups(fixture: str) -> list[float]:
    """Return the seconds of each test's set-up, in order."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "test_it.py"
        file.write_text(USING.format(tests=TESTS, fixture=fixture))
        hook = Path(directory) / "conftest.py"
        hook.write_text(
            "import pytest\n"
            "def pytest_runtest_logreport(report):\n"
            "    if report.when == 'setup':\n"
            "        print(f'setup {report.duration:.9f}')\n"
        )
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(file)]
        reported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory).stdout
    return [float(seconds) for seconds in re.findall(r"setup ([\d.]+)", reported)]


def import_of_plugin() -> float:
    """Return the seconds of the plugin's import after that of pytest."""
    timed = "t = time.perf_counter(); import mockcvp.testing.pytest_plugin; print(time.perf_counter() - t)"
    code = f"import time, pytest; {timed}"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def tables() -> Iterator[Table]:
    """Yield the medians."""
    # This is the time that pytest itself needs for each test.
    baseline = statistics.median(statistics.median(setups("request")[1:]) for _ in range(RUNS))
    ours = [setups("mock_cvp") for _ in range(RUNS)]
    peers = [setups("httpserver") for _ in range(RUNS)]
    each, theirs = (statistics.median(statistics.median(run[1:]) for run in runs) - baseline for runs in (ours, peers))
    plugin = statistics.median(import_of_plugin() for _ in range(RUNS))
    yield Table(
        "fixture",
        f"The `mock_cvp` fixture: medians of {RUNS} sessions of {TESTS} tests, without the time of pytest itself",
        ("what", "milliseconds"),
        [
            ("from the first use to ready", statistics.median(run[0] for run in ours) * 1000),
            ("each further test, mockcvp", each * 1000),
            ("each further test, pytest-httpserver", theirs * 1000),
            ("a session that does not use the plugin", plugin * 1000),
        ],
    )


if __name__ == "__main__":
    report.show(tables())
