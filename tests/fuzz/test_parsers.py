"""What reads texts of strangers, held against inputs that once were new to it; and against a million others.

Each input of the corpus is read, with pytest alone. With MOCKCVP_FUZZ=long, atheris looks for more, for minutes:
`MOCKCVP_FUZZ=long pytest tests/fuzz` prints what it did; pytest-xdist's workers would swallow that.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS, most_seconds, seconds_of

LONG = os.environ.get("MOCKCVP_FUZZ") == "long"
RUNS = 1_000_000
MOST_FILES = 60


@pytest.mark.parametrize("name", TARGETS)
def test_each_input_of_the_corpus_costs_little(name: str) -> None:
    inputs = {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}
    assert 0 < len(inputs) <= MOST_FILES
    # what is made once, no input is to wait for
    TARGETS[name](b"{}")
    most = most_seconds()
    times = {file: seconds_of(TARGETS[name], data, most) / most for file, data in inputs.items()}
    assert {file: wait_delivered for file, wait_delivered in times.items() if wait_delivered > 1} == {}


@pytest.mark.skipif(not LONG, reason="a million inputs take minutes: make fuzz")
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: make fuzz installs it"
)
@pytest.mark.parametrize("name", TARGETS)
def test_a_million_new_inputs_cost_little_each(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # libFuzzer writes what it finds into the first directory
    corpus = shutil.copytree(CORPUS / name, tmp_path / name)
    options = [f"-runs={RUNS + 2 * MOST_FILES}", f"-artifact_prefix={tmp_path}/"]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.atheris_targets", name, *options, str(corpus)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    reported = [line for line in ended.stdout.splitlines() if line.startswith(("FOUND", "DONE"))]
    with capsys.disabled():
        print("", *reported, sep="\n")  # noqa: T201 - it proves what was done
    assert ended.returncode == 0, "\n".join([*reported, ended.stderr[-4000:]])
    done = re.fullmatch(r"DONE \w+: (\d+) inputs, 0 findings, slowest .*", reported[-1])
    assert done, reported
    assert int(done[1]) >= RUNS
