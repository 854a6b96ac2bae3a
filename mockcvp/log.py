"""The log of the command, which a thread writes to a file descriptor."""

import asyncio
import logging
import os
import select
import threading
import time
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import lru_cache

_STDERR = 2
# Waking the thread for the lines of each event-loop iteration would cost more than writing them.
_BATCH_SECONDS = 0.005
_MAX_BYTES = 4 * 1024**2
# A pipe buffers as many bytes.
_WRITE_BYTES = 64 * 1024
_DATE_LENGTH = len("2030-01-31T12:00:00")


class Log:
    """The log of the command. Logging never waits for a reader.

    A failed write is reported once on stderr.

    Args:
        descriptor: the file descriptor
        encoding: the encoding; characters outside it are escaped
        level: the minimum level of mockcvp's records
    """

    def __init__(self, descriptor: int, encoding: str, level: str) -> None:
        self._handler = _Handler(_Writer(descriptor), encoding)
        self._handler.setFormatter(_Formatter("%(asctime)s %(message)s"))
        # mockcvp reports the events of uvicorn's warnings itself, with more details.
        logging.basicConfig(level=logging.ERROR, handlers=[self._handler])
        logging.getLogger("mockcvp").setLevel(level.upper())
        # The documentation of logging recommends this for a format without these values.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        logging._srcfile = None

    def write(self, line: str) -> None:
        """Write a line at any level."""
        self._handler.write(f"{_formatted(time.time())} {line}")

    def close(self, seconds: float = 1.0) -> None:
        """Wait until all lines are written, or until the timeout in seconds."""
        self._handler.flush_lines()
        self._handler.writer.close(seconds)


class _Writer:
    """A thread that writes to a file descriptor, and drops lines if the buffer is full.

    Args:
        descriptor: a file descriptor, which may block
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._changed = threading.Condition(threading.Lock())
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._unwritten = memoryview(b"")
        self._dropped = 0
        self._is_closed = self._has_failed = False
        # The thread is a daemon, so that the process ends without a reader.
        self._thread = threading.Thread(target=self._run, name="mockcvp log", daemon=True)
        self._thread.start()

    def put(self, chunk: bytes) -> None:
        """Buffer some lines; once the buffer is full, drop lines until it is empty."""
        with self._changed:
            if self._dropped or (self._chunks and self._bytes + len(chunk) > _MAX_BYTES):
                self._dropped += chunk.count(b"\n")
                return
            self._chunks.append(chunk)
            self._bytes += len(chunk)
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Wait for the buffer until a timeout in seconds, and report the number of unwritten lines on stderr."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._changed:
                lines = b"".join([self._unwritten, *self._chunks]).count(b"\n") + self._dropped
            # Standard error may be the same blocked pipe.
            report = threading.Thread(target=_report, args=(_dropped(lines),), daemon=True)
            report.start()
            report.join(seconds)

    def _run(self) -> None:
        while chunk := self._next():
            self._unwritten = memoryview(chunk)
            while self._unwritten:
                self._write()

    def _next(self) -> bytes:
        """Wait for lines and return them; return b"" after ``close``."""
        with self._changed:
            if self._dropped and not self._chunks:
                self._chunks.append(f"{_formatted(time.time())} {_dropped(self._dropped)}\n".encode())
                self._dropped = 0
            while not self._chunks and not self._is_closed:
                self._changed.wait()
            chunk = b"".join(self._chunks)
            self._chunks.clear()
            self._bytes = 0
            return chunk

    def _write(self) -> None:
        try:
            # A blocked write to sys.stdout would hold its lock, which the interpreter needs at its exit.
            written = os.write(self._descriptor, self._unwritten[:_WRITE_BYTES])
        except BlockingIOError:
            # Another process can make a shared descriptor non-blocking.
            select.select([], [self._descriptor], [])
        except OSError as exc:
            self._unwritten = self._unwritten[:0]
            if not self._has_failed:
                self._has_failed = True
                _report(f"the log cannot be written: {exc}")
        else:
            self._unwritten = self._unwritten[written:]


def _dropped(lines: int) -> str:
    return f"{lines} log line{'s were' if lines != 1 else ' was'} dropped: nobody read the log"


def _report(message: str) -> None:
    with suppress(OSError):
        os.write(_STDERR, f"mockcvp: {message}\n".encode())


class _Handler(logging.Handler):
    """A handler that batches the lines of an event loop, and passes others to the writer at once."""

    def __init__(self, writer: _Writer, encoding: str) -> None:
        super().__init__()
        self.writer = writer
        self._encoding = encoding
        self._lines: list[str] = []
        self._is_flush_scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        """Format and write a record."""
        self.write(self.format(record))

    def write(self, line: str) -> None:
        """Pass a line to the writer, at once or with the next batch."""
        with self.lock or nullcontext():
            self._lines.append(line)
            if self._is_flush_scheduled:
                return
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush_lines()
                return
            self._is_flush_scheduled = True
            loop.call_later(_BATCH_SECONDS, self.flush_lines)

    def flush_lines(self) -> None:
        """Pass the batch to the writer."""
        with self.lock or nullcontext():
            lines, self._lines, self._is_flush_scheduled = self._lines, [], False
            if lines:
                self.writer.put(("\n".join(lines) + "\n").encode(self._encoding, "backslashreplace"))


class _Formatter(logging.Formatter):
    """A formatter with times in ISO 8601."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - an override
        return _formatted(record.created)


def _formatted(since_1970: float) -> str:
    """Return a time in ISO 8601, with milliseconds and the offset of the local time zone."""
    whole = int(since_1970)
    date, offset = _second(whole)
    return f"{date}.{int((since_1970 - whole) * 1000):03}{offset}"


# Most lines have the second of the line before.
@lru_cache(maxsize=2)
def _second(since_1970: int) -> tuple[str, str]:
    text = datetime.fromtimestamp(since_1970).astimezone().isoformat()
    return text[:_DATE_LENGTH], text[_DATE_LENGTH:]
