"""The command ends with exit code 0 after any number of signals at any time."""

import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from mockcvp.app import create_app
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from mockcvp.state import MockState
from mockcvp.stubs.response import Delays

STOPS = [signal.SIGTERM, signal.SIGINT]
LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the signals that a process handles are read from /proc: run it on Linux"
)


@contextmanager
def started(cert_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", "0", "--cert-dir", str(cert_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        try:
            yield process
        finally:
            process.kill()


def has_signal_handlers(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process has handlers for all signals that stop the command."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return all(caught >> (number - 1) & 1 for number in STOPS)


def wait_for_handlers(process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while not has_signal_handlers(process):
        assert process.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.001)


def assert_stops_without_error(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    assert process.stderr
    lines = process.stdout.read().splitlines()
    assert process.wait(30) == 0
    assert process.stderr.read() == b""
    if any(b"mockcvp is ready" in line for line in lines):
        assert lines[-1].endswith(b" stopped")


def send_signals(process: subprocess.Popen[bytes], count: int = 20, seconds: float = 0.2) -> None:
    for number in range(count):
        with suppress(ProcessLookupError):
            process.send_signal(STOPS[number % 2])
        time.sleep(seconds / count)


@pytest.mark.parametrize("start", ["module", "script"])
def test_signals_are_handled_before_the_command_is_loaded(start: str) -> None:
    (script,) = entry_points(group="console_scripts", name="mockcvp")
    module, _, function = script.value.partition(":")
    run = {
        "module": "import runpy; runpy.run_module('mockcvp', run_name='__main__')",
        "script": f"from {module} import {function}; {function}()",
    }[start]
    code = (
        "import signal, sys\n"
        "def report(number, _):\n"
        "    print(number, {'click', 'pydantic', 'asyncio', 'ssl', 'logging'} & sys.modules.keys())\n"
        "    sys.exit()\n"
        "signal.signal = report\n"
    )
    result = subprocess.run([sys.executable, "-c", code + run], capture_output=True, text=True, check=True)
    assert result.stdout == f"{signal.SIGTERM} set()\n"


@LINUX
@pytest.mark.parametrize("number", STOPS)
def test_a_signal_during_the_start_stops_the_command(tmp_path: Path, number: signal.Signals) -> None:
    for step in range(15):
        # The first start in a directory generates a certificate.
        with started(tmp_path / str(step % 2)) as process:
            wait_for_handlers(process)
            time.sleep(step * 0.03)
            process.send_signal(number)
            assert_stops_without_error(process)


@LINUX
def test_many_signals_during_the_start_stop_the_command(tmp_path: Path) -> None:
    for step in range(10):
        with started(tmp_path) as process:
            wait_for_handlers(process)
            time.sleep(step * 0.04)
            send_signals(process)
            assert_stops_without_error(process)


def read_ready_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    while b"mockcvp is ready" not in (line := process.stdout.readline()):
        assert line


def test_many_signals_stop_a_running_server(tmp_path: Path) -> None:
    for step in range(8):
        with started(tmp_path) as process:
            read_ready_line(process)
            # Some series of signals are shorter than the stop of the server, and some are longer.
            send_signals(process, seconds=0.02 * 2**step)
            assert_stops_without_error(process)


def test_a_second_interrupt_does_not_wait_for_requests(tmp_path: Path) -> None:
    settings = Settings(port=0, cert_dir=tmp_path)
    server, is_ready = MockState(settings), threading.Event()
    server.stubs.set_delays(Delays(3000), {"fixedDelay": 3_000_000})
    oamp_server = Server(create_app(state=server), settings, drain_seconds=3000)
    running = threading.Thread(target=oamp_server.run, args=(is_ready.set,), daemon=True)
    running.start()
    assert is_ready.wait(30)
    tls = ssl.create_default_context(cafile=oamp_server.certificate)
    plain = socket.create_connection(("127.0.0.1", oamp_server.port), timeout=30)
    with tls.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # The journal has a call even while its response is delayed.
        assert server.journal.wait_for(list, 1, 30)
        oamp_server.interrupt()
        running.join(0.3)
        assert running.is_alive()
        oamp_server.interrupt()
        running.join(30)
        assert not running.is_alive()
    # A signal may arrive after the event loop is closed.
    oamp_server.interrupt()


def test_signals_while_the_log_closes_keep_the_exit_code_0(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        read_ready_line(process)
        assert process.stdout
        process.send_signal(signal.SIGTERM)
        while b" stopped\n" not in process.stdout.readline():
            pass
        send_signals(process, 100, 0.1)
        assert process.wait(30) == 0
