"""Where the log goes: a line of text for each record, to a stream."""

import asyncio
import logging
import time
from functools import lru_cache
from typing import TextIO


def write_to(stream: TextIO, level: str) -> None:
    """Write the log to a stream, in a process that is mockcvp's own.

    Args:
        stream: gets the lines
        level: the least serious of mockcvp's own records that are written
    """
    handler = _Handler(stream)
    handler.setFormatter(_Formatter("%(asctime)s %(message)s"))
    # uvicorn warns of what the double's own lines tell better
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    logging.getLogger("mockcvp").setLevel(level.upper())
    # as the library's own guide has it, for what no line tells
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that passes on what it wrote at once; in an event loop, all that one turn of it wrote together."""

    _due = False

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
        super().flush()


class _Formatter(logging.Formatter):
    """A formatter that writes a second down but once."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - the library's
        return f"{_second(int(record.created))},{record.msecs:03.0f}"


@lru_cache(maxsize=2)
def _second(since_1970: int) -> str:
    return time.strftime(logging.Formatter.default_time_format, time.localtime(since_1970))
