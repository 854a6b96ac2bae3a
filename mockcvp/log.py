"""The command's log: lines of text that a thread writes to a descriptor."""

import asyncio
import logging
import os
import select
import threading
import time
from contextlib import nullcontext, suppress
from functools import lru_cache

_STDERR = 2
# waking the thread for the lines of each iteration of the event loop costs more than writing them
_BATCH_SECONDS = 0.005
_MOST_BYTES = 4 * 1024**2
# as much as a pipe holds
_PIECE_BYTES = 64 * 1024


class Log:
    """The log of the command. Logging never waits for whoever reads the log.

    A log that cannot be written is one line on stderr.

    Args:
        descriptor: where the lines are written
        encoding: of the lines, in which a character that the encoding lacks is escaped
        level: the least serious of mockcvp's own records that are written
    """

    def __init__(self, descriptor: int, encoding: str, level: str) -> None:
        self._handler = _Handler(_Writer(descriptor), encoding)
        self._handler.setFormatter(_Formatter("%(asctime)s %(message)s"))
        # uvicorn's warnings say less than the lines of mockcvp on the same events
        logging.basicConfig(level=logging.ERROR, handlers=[self._handler])
        logging.getLogger("mockcvp").setLevel(level.upper())
        # as the library's own guide has it, for what no line tells
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        logging._srcfile = None

    def write(self, line: str) -> None:
        """Write a line without a time, whatever the level."""
        self._handler.write(line)

    def close(self, seconds: float = 1.0) -> None:
        """Wait until all lines are written, at most so long."""
        self._handler.pass_on()
        self._handler.writer.close(seconds)


class _Writer:
    """A thread that writes to a descriptor, and drops lines while nobody reads them.

    Args:
        descriptor: what is written to, which may block
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._changed = threading.Condition(threading.Lock())
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._unwritten = memoryview(b"")
        self._dropped = 0
        self._is_closed = self._has_failed = False
        # a daemon, since the end of the process does not wait for a reader
        self._thread = threading.Thread(target=self._run, name="mockcvp log", daemon=True)
        self._thread.start()

    def put(self, chunk: bytes) -> None:
        """Write some lines soon; drop them if too many are waiting, until all that waits is written."""
        with self._changed:
            if self._dropped or (self._chunks and self._bytes + len(chunk) > _MOST_BYTES):
                self._dropped += chunk.count(b"\n")
                return
            self._chunks.append(chunk)
            self._bytes += len(chunk)
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Wait until all lines are written, at most so long, and report on stderr how many are not."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._changed:
                left = b"".join([self._unwritten, *self._chunks]).count(b"\n") + self._dropped
            # stderr may be the same pipe
            report = threading.Thread(target=_report, args=(_dropped(left),), daemon=True)
            report.start()
            report.join(seconds)

    def _run(self) -> None:
        while chunk := self._next():
            self._unwritten = memoryview(chunk)
            while self._unwritten:
                self._write()

    def _next(self) -> bytes:
        """Wait for lines, and return them; none at the end."""
        with self._changed:
            if self._dropped and not self._chunks:
                self._chunks.append(f"{_dropped(self._dropped)}\n".encode())
                self._dropped = 0
            while not self._chunks and not self._is_closed:
                self._changed.wait()
            chunk = b"".join(self._chunks)
            self._chunks.clear()
            self._bytes = 0
            return chunk

    def _write(self) -> None:
        try:
            # not by a stream, whose lock must be free when the interpreter ends
            written = os.write(self._descriptor, self._unwritten[:_PIECE_BYTES])
        except BlockingIOError:
            # another process has made the descriptor non-blocking
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
    """A handler that passes lines on at once, or those of one iteration of an event loop together."""

    def __init__(self, writer: _Writer, encoding: str) -> None:
        super().__init__()
        self.writer = writer
        self._encoding = encoding
        self._lines: list[str] = []
        self._is_due = False

    def emit(self, record: logging.LogRecord) -> None:
        """Format a record, and pass it on."""
        self.write(self.format(record))

    def write(self, line: str) -> None:
        """Pass on a line."""
        with self.lock or nullcontext():
            self._lines.append(line)
            if self._is_due:
                return
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.pass_on()
                return
            self._is_due = True
            loop.call_later(_BATCH_SECONDS, self.pass_on)

    def pass_on(self) -> None:
        """Give the writer all lines that it has not."""
        with self.lock or nullcontext():
            lines, self._lines, self._is_due = self._lines, [], False
            if lines:
                self.writer.put(("\n".join(lines) + "\n").encode(self._encoding, "backslashreplace"))


class _Formatter(logging.Formatter):
    """A formatter that formats each second once."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - the library's
        return f"{_second(int(record.created))},{record.msecs:03.0f}"


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return time.strftime(logging.Formatter.default_time_format, time.localtime(since_1970))
