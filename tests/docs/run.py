"""Runs the blocks of one page in one temporary directory."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, Fate, Step
from tests.docs.machine import class_path, need_containers, need_programs
from tests.docs.output import begins_with, difference, lines_of, matches, missing_line
from tests.docs.parsers import parse
from tests.server_process import PATIENCE

FILES = ["fixtures", "examples", "compose.yaml"]
"""The files in the directory of a page at the start."""

_PORT = "8111"
# A port in a command or in a URL of this machine.
_PORTS = re.compile(r"(?:\blocalhost:|\b127\.0\.0\.1:|_PORT=|--(?:admin-)?port[ =])([1-9]\d{3,4})\b")
_HOST = re.compile(r"([\w.-]+|\]):$")
_THIS_MACHINE = ("localhost", "127.0.0.1", "0.0.0.0", "]")
_DOCKER = Path(__file__).with_name("docker.sh")
_READY = "mockcvp is ready"
_LOG_PATIENCE = 10.0
_COMMAND_PATIENCE = 300.0
_INTERPRETERS = {"java": ["java"], "js": ["node"], "go": ["go", "run"]}


class BlockError(Exception):
    """A block does not do what its page says."""


class PageRun:
    """Runs the blocks of one page, each at most once, and each after those before it.

    A block that a test selects alone, or that another worker of pytest-xdist runs, first runs the blocks before it.

    Args:
        steps: all blocks of the page
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self._temporary = tempfile.TemporaryDirectory(prefix="mockcvp-docs-")
        self._directory = Path(self._temporary.name) / "page"
        self._state = Path(self._temporary.name) / "state.sh"
        self._output = Path(self._temporary.name) / "output"
        self._directory.mkdir()
        for name in FILES:
            _copy(ROOT / name, self._directory / name)
        named = {port for step in steps if step.block.language == "sh" for port in _PORTS.findall(step.block.source)}
        shown = sorted({_PORT, *named})
        self.ports = dict(zip(shown, _free_ports(len(shown)), strict=True))
        self._done: set[int] = set()
        self._failed: int | None = None
        self._outputs: dict[int, list[str]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._log = Path()
        self._has_containers = False

    def close(self) -> None:
        """End all processes and containers, and remove the directory."""
        for process in self._processes:
            _kill(process)
        if self._has_containers:
            self._bash(f". {_DOCKER}\nremove_containers", self._environment(), self._directory)
        self._temporary.cleanup()

    def evaluate(self, index: int) -> None:
        """Run a block, after those before it that have not run.

        Raises:
            BlockError: the block, or one before it, does not do what the page says
            pytest.skip.Exception: the block cannot run here
        """
        step = self.steps[index]
        if self._failed is not None and step.fate not in (Fate.PARSE, Fate.SKIP):
            pytest.skip(f"line {self.steps[self._failed].block.line} of the page fails")
        for earlier in range(index):
            before = self.steps[earlier]
            # Output is compared in its own test, and containers start only if the test needs them.
            has_effect = before.fate in (Fate.SERVE, Fate.RUN, Fate.WRITE)
            if earlier not in self._done and has_effect and (step.needs_container or not before.needs_container):
                try:
                    self._run(earlier)
                except pytest.skip.Exception as exc:
                    pytest.skip(f"line {before.block.line} of the page is skipped: {exc}")
                except BlockError as exc:
                    raise BlockError(f"The block in line {before.block.line} fails.\n{exc}") from None
        self._run(index)

    def _run(self, index: int) -> None:
        step = self.steps[index]
        self._done.add(index)
        if step.needs_container:
            self._need_containers()
        actions: dict[Fate, Callable[[int, Block], None]] = {
            Fate.SERVE: self._serve,
            Fate.RUN: self._execute,
            Fate.OUTPUT: self._compare,
            Fate.LOG: self._compare_log,
            Fate.WRITE: self._write,
            Fate.PARSE: self._parse,
        }
        try:
            if step.fate is Fate.INVALID:
                raise BlockError(step.reason)
            if step.fate is Fate.SKIP:
                pytest.skip(step.reason)
            actions[step.fate](index, step.block)
        except BlockError:
            if step.fate in (Fate.SERVE, Fate.RUN, Fate.WRITE):
                self._failed = index
            raise

    def _need_containers(self) -> None:
        need_containers()
        self._has_containers = True

    def text(self, block: Block) -> str:
        """Return the text of a block with free ports for those of the page."""
        is_inside = "container" in block.comments or block.language in ("yaml", "dockerfile")

        def ported(port: re.Match[str]) -> str:
            host = _HOST.search(port.string, 0, port.start())
            # A port after another port is the port inside a container, and there also a port after another host name.
            is_here = host is None or host[1] in _THIS_MACHINE or not (is_inside or host[1] in self.ports)
            return self.ports[port[0]] if is_here else port[0]

        return re.sub(rf"\b({'|'.join(self.ports)})\b", ported, block.source)

    def _lines_of(self, output: Path) -> list[str]:
        """Return the lines of a file with the ports of the page."""
        text = output.read_text(errors="replace")
        for shown, port in self.ports.items():
            text = re.sub(rf"\b{port}\b", shown, text)
        return lines_of(text)

    def _compare(self, index: int, block: Block) -> None:
        source = self.steps[self.steps[index].of]
        shown = lines_of(block.source)
        if source.fate is Fate.SERVE:
            self._wait_for_log(lambda log: begins_with(shown, log), lambda log: difference(shown, log))
            return
        actual = self._outputs.get(self.steps[index].of)
        if actual is None:
            pytest.skip(f"the block in line {source.block.line} did not run")
        if source.block.language == "python" and source.block.title:
            if (line := missing_line(shown, actual)) is not None:
                raise BlockError(
                    f"pytest does not print this line, or not after the lines before it:\n{line}\n\n"
                    + "\n".join(actual)
                )
        elif not matches(shown, actual):
            raise BlockError(difference(shown, actual))

    def _compare_log(self, _index: int, block: Block) -> None:
        shown = lines_of(block.source)
        if not self._log.is_file():
            raise BlockError("no server has started")
        self._wait_for_log(
            lambda log: missing_line(shown, log) is None,
            lambda log: (
                f"The log lacks this line after the lines before it:\n{missing_line(shown, log)}\n\n" + "\n".join(log)
            ),
        )

    def _wait_for_log(self, condition: Callable[[list[str]], bool], message: Callable[[list[str]], str]) -> None:
        # A thread writes the log after the response.
        ends = time.monotonic() + _LOG_PATIENCE
        while not condition(log := self._lines_of(self._log)):
            if time.monotonic() > ends:
                raise BlockError(message(log))
            time.sleep(0.05)

    def _write(self, _index: int, block: Block) -> None:
        self._file(block.title).write_text(self.text(block))
        self._parse(_index, block)

    def _file(self, title: str) -> Path:
        file = (self._directory / title).resolve()
        if not file.is_relative_to(self._directory):
            raise BlockError(f"{title} is outside the directory of the page")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _parse(self, _index: int, block: Block) -> None:
        try:
            parse(block.language, block.source)
        except ValueError as exc:
            raise BlockError(str(exc)) from None

    def _environment(self) -> dict[str, str]:
        dropped = ("MOCKCVP_", "PYTEST_", "REQUESTS_CA_BUNDLE", "SSL_CERT_", "NODE_EXTRA_CA_CERTS", "COMPOSE_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        return inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": sys.prefix,
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OAMP_PORT": self.ports[_PORT],
            "COMPOSE_PROJECT_NAME": f"mockcvp-docs-{os.getpid()}",
        }

    def _execute(self, index: int, block: Block) -> None:
        source = self.text(block)
        if block.language == "sh":
            need_programs(source)
            # The exported variables and the directory stay for the blocks after this one, as in one shell.
            script = f"trap 'export -p > {self._state}; echo cd \"$(pwd)\" >> {self._state}' EXIT\nset -e\n"
            script += f"test ! -e {self._state} || . {self._state}\n"
            script += f". {_DOCKER}\n" if self.steps[index].needs_container else ""
            status = self._bash(script + source, self._environment(), self._directory)
        else:
            command, environment = self._program(block, source)
            status = self._bash(f"exec {shlex.join(command)}", self._environment() | environment, self._directory)
        self._outputs[index] = self._lines_of(self._output)
        should_fail = "fails" in block.comments
        if (status != 0) is not should_fail:
            what = f"exits with {status}" + (", and the page says that it fails" if should_fail else "")
            raise BlockError("\n".join([f"The block {what}. Its output:", *self._outputs[index], *self._log_tail()]))

    def _program(self, block: Block, source: str) -> tuple[list[str], dict[str, str]]:
        """Return the command that runs a program, and its environment variables."""
        if block.language == "python":
            self._file(block.title or "script.py").write_text(source)
            if not block.title:
                return [sys.executable, "script.py"], {}
            return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", block.title], {}
        command = _INTERPRETERS[block.language]
        need_programs(command[0])
        options = class_path(block.comments["classpath"]) if "classpath" in block.comments else []
        self._file(block.title).write_text(source)
        certificate = self._directory / "certs" / "mockcvp.pem"
        trusted = {"NODE_EXTRA_CA_CERTS": str(certificate)} if block.language == "js" and certificate.exists() else {}
        return [*command, *options, block.title], trusted

    def _bash(self, script: str, environment: dict[str, str], directory: Path) -> int:
        # A background process of the block may outlive it, so that the output is a file and not a pipe.
        process = self._start(script, environment, directory, self._output)
        try:
            return process.wait(_COMMAND_PATIENCE)
        except subprocess.TimeoutExpired:
            raise BlockError(
                f"The block takes longer than {_COMMAND_PATIENCE:g} s.\n{self._output.read_text()}"
            ) from None

    def _start(
        self, script: str, environment: dict[str, str], directory: Path, output: Path
    ) -> subprocess.Popen[bytes]:
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _serve(self, index: int, block: Block) -> None:
        if self._server is not None:
            _kill(self._server)
        command = f"mockcvp serve {block.source}" if block.language == "server" else self.text(block)
        # A page has no Makefile.
        command = re.sub(r"\bmake (?:[A-Z_]+=\S* +)*run\b", "mockcvp serve", command)
        self._log = Path(self._temporary.name) / f"server-{index}.log"
        script = f"set -e\ntest ! -e {self._state} || . {self._state}\n{command}"
        environment = {"MOCKCVP_PORT": self.ports[_PORT]} | self._environment()
        self._server = process = self._start(script, environment, self._directory, self._log)
        ends = time.monotonic() + PATIENCE
        while _READY not in (log := self._log.read_text()):
            if process.poll() or time.monotonic() > ends:
                raise BlockError(f"The server does not start:\n{log}")
            time.sleep(0.02)

    def _log_tail(self) -> list[str]:
        if not self._log.is_file():
            return []
        return ["", "The end of the server's log:", *self._lines_of(self._log)[-20:]]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*", "wheels"))
    else:
        shutil.copy(source, target)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_ports(count: int) -> list[str]:
    with ExitStack() as listeners:
        opened = [listeners.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(listener.getsockname()[1]) for listener in opened]
