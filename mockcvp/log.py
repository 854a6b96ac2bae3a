"""Where the log goes: a line of text for each record, to a stream."""

import asyncio
import logging
import os
import sys
import time
from contextlib import nullcontext, suppress
from functools import lru_cache
from typing import TextIO


class Log:
    """The log of a process that is mockcvp's own, written to a stream; where that fails, one line on stderr says so.

    Args:
        stream: gets the lines
        level: the least serious of mockcvp's own records that are written
    """

    def __init__(self, stream: TextIO, level: str) -> None:
        self._handler = _Handler(stream)
        self._handler.setFormatter(_Formatter("%(asctime)s %(message)s"))
        # uvicorn warns of what the double's own lines tell better
        logging.basicConfig(level=logging.ERROR, handlers=[self._handler])
        logging.getLogger("mockcvp").setLevel(level.upper())
        # as the library's own guide has it, for what no line tells
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        logging._srcfile = None

    def say(self, line: str) -> None:
        """Write a line as it is, whatever the level."""
        self._handler.write(line)

    def close(self) -> None:
        """Write what is left, so that the end of the process need not, which would fail where the log has failed."""
        stream = self._handler.stream
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that passes on what it wrote at once; in an event loop, all that one turn of it wrote together."""

    _due = False
    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the library's
        """Tell once that the log cannot be written; the calls are answered all the same."""
        if not self._failed:
            self._failed = True
            with suppress(OSError):
                print(f"mockcvp: the log cannot be written: {sys.exc_info()[1]}", file=sys.stderr, flush=True)  # noqa: T201 - no log

    def write(self, line: str) -> None:
        """Write a line as it is, at once."""
        with self.lock or nullcontext():
            try:
                self.stream.write(f"{line}\n")
                self.stream.flush()
            except OSError:
                self.handleError(logging.makeLogRecord({}))

    def flush(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            super().flush()
            return
        if not self._due:
            self._due = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._due = False
        try:
            super().flush()
        except OSError:
            self.handleError(logging.makeLogRecord({}))


class _Formatter(logging.Formatter):
    """A formatter that writes a second down but once."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - the library's
        return f"{_second(int(record.created))},{record.msecs:03.0f}"


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return time.strftime(logging.Formatter.default_time_format, time.localtime(since_1970))
