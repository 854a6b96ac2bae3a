"""Response definitions of stub mappings, with their delays and faults."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from mockcvp.oamp.errors import ApiError
from mockcvp.oamp.http import Headers

MAX_DELAY = 3600.0
"""The longest delay of a response, in seconds."""


class Fault(StrEnum):
    """A connection fault that replaces a response, with WireMock's name."""

    CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK"
    RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE"


@dataclass(frozen=True, slots=True)
class Delays:
    """The fixed delay of a response and its delay distribution, which add up.

    Attributes:
        fixed: the fixed delay in seconds; None if not set
        random: a function that samples the delay distribution, in seconds; None if not set
    """

    fixed: float | None = None
    random: Callable[[], float] | None = None

    def sample(self, default: "Delays") -> float:
        """Return a delay in seconds; ``default`` supplies what is not set here."""
        fixed = default.fixed if self.fixed is None else self.fixed
        sample_random = self.random or default.random
        return min((fixed or 0.0) + (sample_random() if sample_random else 0.0), MAX_DELAY)


@dataclass(frozen=True, slots=True)
class Dribble:
    """A chunked dribble delay: the body is sent in chunks over a time.

    Attributes:
        chunks: the number of chunks
        seconds: the time over which the chunks are sent
    """

    chunks: int
    seconds: float

    def split(self, body: bytes) -> list[bytes]:
        """Return the chunks of a body; a body of fewer bytes than chunks has a chunk for each byte."""
        count = min(self.chunks, len(body))
        ends = [len(body) * number // count for number in range(count + 1)]
        return [body[start:end] for start, end in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class StubResponse:
    """The response definition of a stub mapping.

    Attributes:
        status: the status code
        reason: the reason phrase; None for the standard one
        headers: all headers except ``Date``
        body: the body
        delays: the delays before the response
        dribble: the chunked dribble delay; None to send the body at once
        fault: the connection fault that replaces the response
        error: the OAMP error that replaces the response, in the media type that the client accepts
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
    """Return a function that samples a uniform distribution."""
    return lambda: random.uniform(lower, upper)  # nosec B311 # noqa: S311 - no secret


def lognormal(median: float, sigma: float, maximum: float = MAX_DELAY) -> Callable[[], float]:
    """Return a function that samples a lognormal distribution, truncated to ``maximum``."""
    return lambda: min(median * math.exp(min(random.gauss(0, sigma), 50)), maximum)
