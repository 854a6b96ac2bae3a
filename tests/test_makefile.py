"""The Makefile: its help, and what a person sees while it installs."""

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
# a Python whose virtual environments have a pip that prints its arguments
PYTHON = """\
#!/bin/sh
if [ "$2" = venv ]; then mkdir -p "$3/bin" && printf '#!/bin/sh\\necho "$@"\\n' >"$3/bin/python" && chmod +x "$3/bin/python"; fi
"""

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine: apt-get install make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory with the Makefile, the files that its rules depend on, and the Python above."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/run.txt", "requirements/dev.txt", "requirements/fuzz.txt"):
        (tmp_path / name).touch()
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(clone: Path, *targets: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = ["make", "PYTHON=./python", *targets]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        command, cwd=clone, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True, timeout=60
    )


@pytest.mark.parametrize("targets", [[], ["help"]])
def test_make_lists_every_target(clone: Path, targets: list[str]) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    printed = make(clone, *targets).stdout
    assert sorted(re.findall(r"^make (\S+)  +\w+", printed, re.MULTILINE)) == sorted(phony[1].split())


@pytest.mark.parametrize("target", ["run", "dev", "fuzz"])
def test_make_prints_one_line_before_it_installs(clone: Path, target: str) -> None:
    first = make(clone, f".venv/{target}")
    announced, *installed = first.stderr.splitlines()
    assert announced == "installing into .venv, once"
    assert installed
    assert all(line.startswith("-m pip install --quiet ") for line in installed)
    # The log of `make run` is on stdout.
    assert first.stdout == ""
    again = make(clone, f".venv/{target}")
    assert "install" not in again.stdout + again.stderr


def test_a_terminal_shows_the_progress_of_pip(clone: Path) -> None:
    terminal, stderr = pty.openpty()
    try:
        make(clone, ".venv/run", stderr=stderr)
    finally:
        # A read would wait for a program that has the terminal open.
        os.close(stderr)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert "-m pip install --disable-pip-version-check" in shown
    assert "--quiet" not in shown
