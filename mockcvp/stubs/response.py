"""What a stub mapping answers: a response, a fault of the connection, a refusal of the product's; and how slowly."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from mockcvp.oamp.errors import ApiError
from mockcvp.oamp.http import Headers

LONGEST_DELAY = 3600.0
"""The longest time that an answer can be held back, in seconds."""


class Fault(StrEnum):
    """What a connection does instead of an answer, in WireMock's words."""

    CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK"
    RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE"


@dataclass(frozen=True, slots=True)
class Delays:
    """How long answers are held back.

    Attributes:
        fixed: in seconds; None where nothing is said
        random: draws a further time, in seconds; None where nothing is said
    """

    fixed: float | None = None
    random: Callable[[], float] | None = None

    def drawn(self, otherwise: "Delays") -> float:
        """Return a time in seconds; what is not said here is as in ``otherwise``."""
        fixed = otherwise.fixed if self.fixed is None else self.fixed
        draw = self.random or otherwise.random
        return min((fixed or 0.0) + (draw() if draw else 0.0), LONGEST_DELAY)


@dataclass(frozen=True, slots=True)
class Dribble:
    """A body that comes in pieces.

    Attributes:
        chunks: how many
        seconds: over which they are spread
    """

    chunks: int
    seconds: float

    def pieces(self, body: bytes) -> list[bytes]:
        """Return a body in its pieces; fewer, where it has fewer bytes."""
        count = min(self.chunks, len(body))
        ends = [len(body) * number // count for number in range(count + 1)]
        return [body[start:end] for start, end in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class StubResponse:
    """What a stub mapping answers.

    Attributes:
        status: of the answer
        reason: the words after it, where they are not the usual ones
        headers: but for ``Date`` and the length
        body: of the answer
        delays: how long it is held back
        dribble: in which pieces the body comes, where it does
        fault: what the connection does instead of all this
        error: the documented error that is answered instead of all this, in the form that the client asks for
    """

    status: int = 200
    reason: str | None = None
    headers: Headers = ()
    body: bytes = b""
    delays: Delays = Delays()
    dribble: Dribble | None = None
    fault: Fault | None = None
    error: ApiError | None = None


def uniform(lower: float, upper: float) -> Callable[[], float]:
    """Return what draws times between two, in seconds."""
    return lambda: random.uniform(lower, upper)  # nosec B311 # noqa: S311 - no secret


def lognormal(median: float, sigma: float, longest: float = LONGEST_DELAY) -> Callable[[], float]:
    """Return what draws times of a lognormal distribution with this median, in seconds; none is over ``longest``."""
    return lambda: min(median * math.exp(min(random.gauss(0, sigma), 50)), longest)
