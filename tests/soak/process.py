"""What a process takes, and what it says."""

import asyncio
import os
import queue
import re
import time
from pathlib import Path

from tests.server_process import ServerProcess

_PAGE = os.sysconf("SC_PAGE_SIZE")
_BAD = re.compile(r"Traceback|fault while answering|Exception|Error\b|was never|unhandled", re.IGNORECASE)
# what bodies and messages of the load's own calls say
_HARMLESS = re.compile(r"processing\.(xml|json)SyntaxError")
_WINDOW = 0.2


class Watch:
    """Samples the memory of a mock server and reads its log, from now on."""

    def __init__(self, running: ServerProcess) -> None:
        self._running = running
        self._proc = Path("/proc") / str(running.process.pid)
        self._began = time.monotonic()
        self._samples: list[tuple[float, float]] = []
        self.bad_lines: list[str] = []
        self.lines = 0

    @property
    def files(self) -> int:
        """How many files it has open."""
        return len(list((self._proc / "fd").iterdir()))

    @property
    def memory(self) -> float:
        """The memory that it has in RAM, in MB."""
        return int((self._proc / "statm").read_text().split()[1]) * _PAGE / 1e6

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._samples.append((time.monotonic() - self._began, self.memory))
            self.read_log()
            await asyncio.sleep(0.5)

    def read_log(self) -> None:
        """Look at what was said since the last time."""
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
        """Return the mean of a fifth of the time, each: the second, and the last."""
        whole = self._samples[-1][0]
        return self._mean(_WINDOW * whole, 2 * _WINDOW * whole), self._mean((1 - _WINDOW) * whole, whole)

    def _mean(self, start: float, end: float) -> float:
        found = [memory for moment, memory in self._samples if start <= moment <= end] or [self._samples[-1][1]]
        return sum(found) / len(found)
