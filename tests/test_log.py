"""The command's log is complete and in order, and never delays a response."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mockcvp import log
from tests.server_process import PATIENCE, ServerProcess

PIPE = 64 * 1024
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")


@contextmanager
def serving(cert_dir: Path, stderr: int = subprocess.PIPE) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Run the command, and read its log up to the ready line."""
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", "0", "--cert-dir", str(cert_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, bufsize=0) as process:
        try:
            assert process.stdout
            while b"mockcvp is ready" not in (ready := process.stdout.readline()):
                assert ready
            url = re.search(r"https://\S+:\d+", ready.decode())
            assert url
            # The test sends no secrets.
            with httpx.Client(base_url=url[0], verify=False, trust_env=False, timeout=30) as client:  # noqa: S501
                yield process, client
        finally:
            process.kill()


def send_requests(client: httpx.Client, first: int, last: int) -> None:
    """Send requests whose log lines are together larger than a pipe."""
    for number in range(first, last):
        assert client.get(f"/{number}/{'x' * 150}").status_code == 401


def numbers(text: bytes) -> list[int]:
    """Return the numbers of the logged calls."""
    return [int(number) for number in re.findall(rb"401 GET /(\d+)/x+ ", text)]


@pytest.mark.parametrize("stderr", [subprocess.PIPE, subprocess.STDOUT])
def test_an_unread_log_delays_neither_requests_nor_a_stop(tmp_path: Path, stderr: int) -> None:
    with serving(tmp_path, stderr) as (process, client):
        send_requests(client, 0, 1000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        if process.stderr:
            report = process.stderr.read().decode()
            assert re.fullmatch(r"mockcvp: \d+ log lines were dropped: nobody read the log\n", report)


def test_a_log_that_is_read_late_is_complete(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, client):
        send_requests(client, 0, 1000)
        assert process.stdout
        assert process.stderr
        text = b""
        while len(numbers(text)) < 1000:
            text += process.stdout.read(PIPE)
        send_requests(client, 1000, 1010)
        process.send_signal(signal.SIGTERM)
        while more := process.stdout.read(PIPE):
            text += more
        assert process.wait(30) == 0
        assert numbers(text) == list(range(1010))
        assert text.endswith(b" stopped\n")
        assert process.stderr.read() == b""


@contextmanager
def writing() -> Iterator[tuple[int, log._Writer]]:
    """Return the reading end of a pipe, and a log writer at the other end."""
    source, target = os.pipe()
    writer = log._Writer(target)
    try:
        yield source, writer
    finally:
        # Reading unblocks a thread that is still writing.
        os.set_blocking(source, False)
        while writer._thread.is_alive():
            read_available(source)
            writer.close(0.01)
        os.close(source)
        os.close(target)


def read_available(source: int) -> bytes:
    try:
        return os.read(source, PIPE)
    except BlockingIOError:
        return b""


def read_until(source: int, end: bytes) -> bytes:
    text = b""
    while not text.endswith(end):
        text += os.read(source, PIPE)
    return text


def fill(writer: log._Writer) -> int:
    """Put lines until the writer drops some, and return the number of lines."""
    count = 0
    while not writer._dropped:
        writer.put(b"%08d %s\n" % (count, b"x" * 90))
        count += 1
    return count


def test_dropped_lines_are_reported_when_reading_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MAX_BYTES", 100_000)
    with writing() as (source, writer):
        for _ in range(2):
            count = fill(writer)
            for _ in range(10):
                writer.put(b"dropped\ndropped\n")
            text = read_until(source, b"nobody read the log\n")
            *lines, report = text.splitlines()
            assert [int(line[:8]) for line in lines] == list(range(len(lines)))
            time, _, dropped = report.partition(b" ")
            assert TIME.fullmatch(time.decode())
            assert dropped == b"%d log lines were dropped: nobody read the log" % (count - len(lines) + 20)
            writer.put(b"after\n")
            assert read_until(source, b"after\n") == b"after\n"


def test_a_chunk_larger_than_the_buffer_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MAX_BYTES", 10)
    with writing() as (source, writer):
        writer.put(b"x" * 1000 + b"\n")
        assert read_until(source, b"\n") == b"x" * 1000 + b"\n"


def test_closing_waits_a_limited_time_for_a_reader(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "_MAX_BYTES", 100_000)
    with writing() as (_, writer):
        count = fill(writer)
        writer.close(0.1)
        report = re.fullmatch(r"mockcvp: (\d+) log lines were dropped: nobody read the log\n", capfd.readouterr().err)
        assert report
        # The data in the pipe counts as written.
        assert count - PIPE / 100 - 1 <= int(report[1]) <= count


def test_closing_writes_all_buffered_lines() -> None:
    with writing() as (source, writer):
        for number in range(500):
            writer.put(b"%d\n" % number)
        writer.close(30)
        assert read_until(source, b"499\n").splitlines() == [b"%d" % number for number in range(500)]


def test_a_non_blocking_descriptor_gets_all_lines() -> None:
    with writing() as (source, writer):
        os.set_blocking(writer._descriptor, False)
        lines = [b"%08d %s\n" % (number, b"x" * 90) for number in range(3000)]
        for line in lines:
            writer.put(line)
        assert read_until(source, lines[-1]) == b"".join(lines)


class Recorder:
    """A writer that stores its lines."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def put(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    @property
    def lines(self) -> list[str]:
        return b"".join(self.chunks).decode().splitlines()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def handler(recorder: Recorder) -> log._Handler:
    handler = log._Handler(recorder, "ascii")  # type: ignore[arg-type] # a test double
    handler.setFormatter(log._Formatter("%(asctime)s %(message)s"))
    return handler


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("", logging.INFO, "", 0, text, None, None)


def test_lines_of_one_event_loop_iteration_are_batched(handler: log._Handler, recorder: Recorder) -> None:
    handler.handle(record("before"))
    assert len(recorder.chunks) == 1

    async def main() -> None:
        for number in range(100):
            handler.handle(record(f"{number}."))
        assert len(recorder.chunks) == 1
        while len(recorder.chunks) == 1:
            await asyncio.sleep(0)
        assert len(recorder.chunks) == 2
        handler.handle(record("at the end"))

    asyncio.run(main())
    handler.handle(record("after"))
    handler.flush_lines()
    endings = [line.partition(" ")[2] for line in recorder.lines]
    assert endings == ["before", *(f"{number}." for number in range(100)), "at the end", "after"]


def test_lines_of_several_threads_stay_in_order(handler: log._Handler, recorder: Recorder) -> None:
    async def main() -> None:
        def work(name: int) -> None:
            for number in range(500):
                handler.handle(record(f"{name}:{number}"))

        threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            handler.handle(record("3:0"))
            await asyncio.sleep(0.001)

    asyncio.run(main())
    handler.flush_lines()
    for name in range(3):
        found = [line.rpartition(":")[2] for line in recorder.lines if f" {name}:" in line]
        assert found == [str(number) for number in range(500)]


def test_a_character_that_the_encoding_lacks_is_escaped(handler: log._Handler, recorder: Recorder) -> None:
    handler.handle(record("caf\u00e9 \ud800"))
    assert recorder.lines[0].endswith(r" caf\xe9 \ud800")


@pytest.mark.parametrize("since_1970", [0.0, 1.5, 1_900_000_000.25, 1_900_000_000.996])
def test_a_time_has_milliseconds_and_an_offset(since_1970: float) -> None:
    one = record("")
    one.created = since_1970
    expected = datetime.fromtimestamp(since_1970).astimezone().isoformat(timespec="milliseconds")
    assert log._Formatter("%(asctime)s").format(one) == expected


def test_every_line_begins_with_the_local_time(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, env={"TZ": "America/Phoenix"}) as server, server.client() as client:
        client.get("version")
        server.stop()
        lines = [server.ready, *iter(server.lines.get, None)]
    assert len(lines) == 3
    for line in lines:
        time = line.partition(" ")[0]
        assert TIME.fullmatch(time)
        assert time.endswith("-07:00")
        assert abs(datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds() < 2 * PATIENCE


def test_the_ready_line_names_the_console(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert server.ready.partition(" ")[2] == (
            f"mockcvp is ready: {url}/cvp-config, user wsmadmin, certificate {tmp_path}/mockcvp.pem, "
            f"console {url}/__admin/console/"
        )
    with ServerProcess(tmp_path, "--admin-port", "0") as server:
        assert server.ready.endswith(f", control {server.admin}, console {server.admin}/console/")
        assert f":{server.port}/" not in server.admin
