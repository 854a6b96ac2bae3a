"""The memory, open files and log of a server process."""

import asyncio
import os
import queue
import re
import time
from pathlib import Path

from tests.server_process import ServerProcess

_PAGE = os.sysconf("SC_PAGE_SIZE")
_BAD = re.compile(r"Traceback|Exception|Error\b|was never|unhandled", re.IGNORECASE)
# These errors belong to the invalid calls of the load.
_HARMLESS = re.compile(r"processing\.(xml|json)SyntaxError")
_WINDOW = 0.2


class Watch:
    """Samples the memory of a mock server and reads its log."""

    def __init__(self, running: ServerProcess) -> None:
        self._running = running
        self._proc = Path("/proc") / str(running.process.pid)
        self._began = time.monotonic()
        self._samples: list[tuple[float, float]] = []
        self.bad_lines: list[str] = []
        self.lines = 0

    @property
    def files(self) -> int:
        """The number of open files."""
        return len(list((self._proc / "fd").iterdir()))

    @property
    def memory(self) -> float:
        """The resident memory, in MB."""
        return int((self._proc / "statm").read_text().split()[1]) * _PAGE / 1e6

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._samples.append((time.monotonic() - self._began, self.memory))
            self.read_log()
            await asyncio.sleep(0.5)

    def read_log(self) -> None:
        """Read the new lines of the log."""
        while True:
            try:
                line = self._running.lines.get_nowait()
            except queue.Empty:
                return
            if line is None:
                return
            self.lines += 1
            if _BAD.search(_HARMLESS.sub("", line)) and len(self.bad_lines) < 20:
                self.bad_lines.append(line)

    def memory_after_warm_up_and_at_the_end(self) -> tuple[float, float]:
        """Return the mean memory in the second and in the last fifth of the time."""
        whole = self._samples[-1][0]
        return self._mean(_WINDOW * whole, 2 * _WINDOW * whole), self._mean((1 - _WINDOW) * whole, whole)

    def _mean(self, start: float, end: float) -> float:
        found = [memory for moment, memory in self._samples if start <= moment <= end] or [self._samples[-1][1]]
        return sum(found) / len(found)
