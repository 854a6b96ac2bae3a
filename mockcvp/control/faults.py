"""What goes wrong on purpose: the next answers, the next connections, the time that answers take."""

from collections import deque
from enum import StrEnum

from mockcvp.oamp.errors import ApiError

_MOST_PLANNED = 1_000_000


class Fault(StrEnum):
    """What a connection does instead of an answer, in WireMock's words."""

    CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK"
    RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE"


class Faults:
    """What is planned to go wrong with one double. May be changed from any thread.

    Attributes:
        delay: how long every answer is held back, in seconds
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self._planned: deque[Fault | ApiError] = deque()

    def plan(self, what: Fault | ApiError, times: int) -> None:
        """Let the next calls, after those planned already, meet a fault or be refused with an error.

        Raises:
            ValueError: fewer than one, or more than a test can make
        """
        if not 1 <= times <= _MOST_PLANNED:
            raise ValueError(f"times must be from 1 to {_MOST_PLANNED}, not {times}")
        self._planned.extend([what] * times)

    def take(self) -> Fault | ApiError | None:
        """Return what the next call meets, None where nothing is planned."""
        return self._planned.popleft() if self._planned else None

    def clear(self) -> None:
        """Plan nothing any more."""
        self.delay = 0.0
        self._planned.clear()
