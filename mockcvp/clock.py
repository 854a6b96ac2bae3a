"""The clock of a mock server: the real one, until a test freezes it or moves it on."""

import threading
import time
from math import floor

# a day before its beginning, wherever on earth
_YEAR_10000 = 253402300800 - 86400


def in_milliseconds(seconds: float) -> float:
    """Return a time rounded to whole milliseconds, in seconds; faster than ``round``."""
    return floor(seconds * 1000 + 0.5) / 1000


class Clock:
    """A clock that never goes back by itself. Called, it tells the time in seconds since 1970.

    It tells whole milliseconds, so that ten tenths of a second are a second. Safe between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Tell the real time again."""
        with self._lock:
            self._ahead = 0.0
            self._stopped_at: float | None = None
            self._latest = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
        with self._lock:
            if self._stopped_at is not None:
                return self._stopped_at
            now = in_milliseconds(time.time() + self._ahead)
            # the machine's clock may be set back; sync-ups that have ended stay ended all the same
            if now > self._latest:
                self._latest = now
            return self._latest

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._stopped_at is not None

    def freeze(self) -> None:
        """Let it stand still from now on, but for ``advance`` and ``set``."""
        with self._lock:
            self._stopped_at = self()

    def resume(self) -> None:
        """Let it go on from the time that it tells."""
        with self._lock:
            now, self._stopped_at = self(), None
            self.set(now)

    def advance(self, seconds: float) -> None:
        """Move it on.

        Raises:
            ValueError: for a negative number, or one that leads beyond the year 9999
        """
        if not seconds >= 0:
            raise ValueError(f"a clock only goes forward, and not by {seconds} seconds")
        with self._lock:
            self.set(self() + seconds)

    def set(self, now: float) -> None:
        """Let it tell a time, earlier ones too: whoever calls this sees to it that nothing has happened yet.

        Raises:
            ValueError: for a time before 1970 or after the year 9999
        """
        if not 0 <= now < _YEAR_10000:
            raise ValueError("a clock tells times from the year 1970 to 9999")
        now = in_milliseconds(now)
        with self._lock:
            if self._stopped_at is not None:
                self._stopped_at = now
            else:
                self._ahead = now - time.time()
                self._latest = now
