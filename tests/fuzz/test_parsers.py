"""The parsers of untrusted input, with the inputs of the corpus and with generated ones.

With MOCKCVP_FUZZ=long, atheris generates a million inputs for each parser, which takes minutes. At the end,
`MOCKCVP_FUZZ=long pytest tests/fuzz` prints the counts, which pytest-xdist does not show.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS, max_seconds, measure

LONG = os.environ.get("MOCKCVP_FUZZ") == "long"
RUNS = 1_000_000
MAX_FILES = 60


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_of_the_corpus_exceeds_the_maximum_cpu_time(name: str) -> None:
    inputs = {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}
    assert 0 < len(inputs) <= MAX_FILES
    # The first input fills caches, which must not count as a cost of a later input.
    TARGETS[name](b"{}")
    max_allowed = max_seconds()
    ratios = {file: measure(TARGETS[name], data, max_allowed) / max_allowed for file, data in inputs.items()}
    assert {file: ratio for file, ratio in ratios.items() if ratio > 1} == {}


@pytest.mark.skipif(not LONG, reason="a million inputs take minutes: make fuzz")
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: make fuzz installs it"
)
@pytest.mark.parametrize("name", TARGETS)
def test_a_million_generated_inputs_have_no_findings(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # libFuzzer writes new inputs into the first directory.
    corpus = shutil.copytree(CORPUS / name, tmp_path / name)
    options = [f"-runs={RUNS + 2 * MAX_FILES}", f"-artifact_prefix={tmp_path}/"]
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
        print("", *reported, sep="\n")  # noqa: T201 - the output of this test
    assert ended.returncode == 0, "\n".join([*reported, ended.stderr[-4000:]])
    done = re.fullmatch(r"DONE \w+: (\d+) inputs, 0 findings, slowest .*", reported[-1])
    assert done, reported
    assert int(done[1]) >= RUNS
