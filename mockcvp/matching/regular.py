"""Regular expressions as Java reads them, with an end to the time that one may take."""

import re
from functools import cache
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

_SECONDS = 0.05
_MOST_REPEATED = 100_000
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")


def compiled(expression: str, flags: int = 0) -> "regex.Pattern[str]":
    """Return a regular expression, compiled.

    Raises:
        ValueError: it is none, or repeats something more often than memory would last
    """
    import regex

    times = [int(most or least) for least, most in _REPEATED.findall(expression) if len(least) < 10 and len(most) < 10]
    if prod(max(one, 1) for one in times) > _MOST_REPEATED or len(times) < len(_REPEATED.findall(expression)):
        raise ValueError(f"{expression[:200]!r} repeats something more than {_MOST_REPEATED} times")
    try:
        # sets within sets, as in Java
        return regex.compile(_quotations().sub(_quoted, expression), flags | regex.V1)
    except (regex.error, RecursionError, OverflowError, MemoryError) as fault:
        raise ValueError(f"{expression[:200]!r} is no regular expression: {fault}") from None


def dot_all() -> int:
    """Return the flag by which a dot is any character."""
    import regex

    return int(regex.DOTALL)


def fully_matches(expression: "regex.Pattern[str]", text: str) -> bool:
    """Return whether the whole of a text matches; not, where that is not known within 50 ms."""
    try:
        return expression.fullmatch(text, timeout=_SECONDS) is not None
    except TimeoutError:
        return False


@cache
def _quotations() -> "regex.Pattern[str]":
    import regex

    # an escaped backslash before a Q begins none
    return regex.compile(r"(?P<before>(?:\\\\)+)|\\Q(?P<quoted>.*?)(?:\\E|\Z)", regex.DOTALL)


def _quoted(found: "regex.Match[str]") -> str:
    import regex

    return found["before"] or regex.escape(found["quoted"])
