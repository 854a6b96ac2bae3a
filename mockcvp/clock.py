"""The clock of a mock server, which a test can freeze and advance."""

import threading
import time
from math import floor

# One day earlier, the year is below 10000 in every time zone.
_YEAR_10000 = 253402300800 - 86400


def in_milliseconds(seconds: float) -> float:
    """Round a time in seconds to milliseconds, faster than ``round``."""
    return floor(seconds * 1000 + 0.5) / 1000


class Clock:
    """A clock for sync-ups.

    ``clock()`` returns the time in seconds since 1970. Only ``set`` and ``reset`` can move it back.
    The time is rounded to milliseconds, so that ten advances of 0.1 seconds are one second. The clock is thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Return to the system time."""
        with self._lock:
            self._ahead = 0.0
            self._stopped_at: float | None = None
            self._latest = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        with self._lock:
            if self._stopped_at is not None:
                return self._stopped_at
            now = in_milliseconds(time.time() + self._ahead)
            # The system clock may be set back, but a sync-up must not end twice.
            if now > self._latest:
                self._latest = now
            return self._latest

    @property
    def setting(self) -> tuple[bool, float]:
        """Whether the clock is frozen, and its time or its lead over the system time; it changes with every setting."""
        with self._lock:
            return (False, self._ahead) if self._stopped_at is None else (True, self._stopped_at)

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._stopped_at is not None

    def freeze(self) -> None:
        """Stop the clock; only ``advance`` and ``set`` change the time."""
        with self._lock:
            self._stopped_at = self()

    def resume(self) -> None:
        """Continue from the current time of the clock."""
        with self._lock:
            now, self._stopped_at = self(), None
            self.set(now)

    def advance(self, seconds: float) -> None:
        """Advance the clock.

        Raises:
            ValueError: the number is negative, or the new time is after the year 9999
        """
        _check_number("seconds", seconds)
        if not seconds >= 0:
            raise ValueError(f"a clock only goes forward, and not by {seconds} seconds")
        with self._lock:
            self.set(self() + seconds)

    def set(self, now: float) -> None:
        """Set the clock. After a sync-up, do not set an earlier time: this method does not check it.

        Args:
            now: the time in seconds since 1970, as ``datetime.timestamp()`` returns it

        Raises:
            ValueError: the time is before 1970 or after the year 9999
        """
        _check_number("now", now)
        if not 0 <= now < _YEAR_10000:
            raise ValueError("the time of a clock must be from the year 1970 to 9999")
        now = in_milliseconds(now)
        with self._lock:
            if self._stopped_at is not None:
                self._stopped_at = now
            else:
                self._ahead = now - time.time()
                self._latest = now


def _check_number(name: str, value: float) -> None:
    if not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
