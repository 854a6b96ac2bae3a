"""Regular expressions as Java reads them, with an end to the time that one may take."""

import re
from functools import cache
from typing import TYPE_CHECKING

from mockcvp.messages import Invalid, quoted

if TYPE_CHECKING:
    import regex

# regex counts the processor time of the whole process; this is only a guard against endless backtracking
_SECONDS = 1
_LONGEST_SHOWN = 200
_LONGEST = 10_000
_MOST_ATOMS = 100_000
# as what repeats takes
_IN_A_GROUP = 3
_VERBOSE = re.compile(r"\(\?[a-zA-Z-]*x")
_PART = re.compile(
    r"""\\Q.*?(?:\\E|\Z) | \\. | (?P<opened>\() | (?P<closed>\)) | \[(?:\\.|[^\]\\])*\]?
    | \{(?P<least>[\d\s]*)(?:,(?P<most>[\d\s]*))?\} | .""",
    re.DOTALL | re.VERBOSE,
)


class UndecidedError(Exception):
    """A regular expression was stopped, so that nobody knows whether it matches.

    Args:
        expression: the regular expression, shown in the message
        place: where the expression is given, instead of an expression that nobody may see
    """

    def __init__(self, expression: str, place: str | None = None) -> None:
        shown = quoted(expression, _LONGEST_SHOWN) if place is None else f"of {place}"
        super().__init__(
            f"the regular expression {shown} was stopped after {_SECONDS} s of processor time: "
            "it is not decided whether it matches"
        )
        self.expression = expression


def compiled(expression: str, flags: int = 0) -> "regex.Pattern[str]":
    """Return a regular expression, compiled.

    Raises:
        ValueError: it is none, or so long, or repeats so much, that it alone would take memory and time
    """
    import regex

    if len(expression) > _LONGEST:
        raise ValueError(f"a regular expression has at most {_LONGEST} characters, and this one has {len(expression)}")
    _check_comments(expression)
    if _atoms(expression) > _MOST_ATOMS:
        problem = (
            f"repeats too much: written out, it is longer than {_MOST_ATOMS} characters, where each within parentheses "
            f"counts as {_IN_A_GROUP}"
        )
        raise _invalid(expression, problem)
    try:
        # sets within sets, as in Java
        return regex.compile(_quotations().sub(_quoted, expression), flags | regex.V1)
    except (regex.error, RecursionError, OverflowError, MemoryError) as exc:
        full = f"{quoted(expression, _LONGEST_SHOWN)} is no regular expression: {exc}"
        raise Invalid("no regular expression", full, expression) from None


def _invalid(expression: str, problem: str) -> Invalid:
    return Invalid(f"it {problem}", f"{quoted(expression, _LONGEST_SHOWN)} {problem}", expression)


def _check_comments(expression: str) -> None:
    """Refuse comments: what is in them would be taken for what repeats, or hide it."""
    if _VERBOSE.search(expression) and "#" in expression:
        raise _invalid(expression, "has (?x) and a #, and comments are not taken here")
    if any(part[0] == "(" and expression.startswith("(?#", part.start()) for part in _PART.finditer(expression)):
        raise _invalid(expression, "has a comment, (?#…), which Java's regular expressions have not")


def _atoms(expression: str) -> int:
    """Return what an expression takes: about its length, with all that it repeats a number of times written out."""
    groups, last = [0], 0
    # between what is repeated and how often, there may be blanks
    apart = _VERBOSE.search(expression) is not None
    for part in _PART.finditer(expression):
        if part["opened"]:
            groups.append(0)
            last = last if apart else 0
        elif part["closed"] and len(groups) > 1:
            size = groups.pop()
            groups[-1] += size
            last = max(last, size) if apart else size
        elif part["least"] is not None:
            digits = "".join((part["most"] or part["least"]).split()) or "1"
            # as many as that are too many of anything
            times = max(int(digits), 1) if len(digits) < 10 else _MOST_ATOMS + 1
            groups[-1] += last * (times - 1)
            last *= times
        else:
            atom = 1 if len(groups) == 1 else _IN_A_GROUP
            groups[-1] += atom
            last = max(last, atom) if apart else atom
    return sum(groups)


def dot_all() -> int:
    """Return the flag by which a dot is any character."""
    import regex

    return int(regex.DOTALL)


def fully_matches(expression: "regex.Pattern[str]", text: str) -> bool:
    """Return whether the whole of a text matches.

    Raises:
        UndecidedError: the expression was stopped
    """
    try:
        return expression.fullmatch(text, timeout=_SECONDS) is not None
    except TimeoutError:
        raise UndecidedError(expression.pattern) from None


@cache
def _quotations() -> "regex.Pattern[str]":
    import regex

    # an escaped backslash before a Q begins none
    return regex.compile(r"(?P<before>(?:\\\\)+)|\\Q(?P<quoted>.*?)(?:\\E|\Z)", regex.DOTALL)


def _quoted(found: "regex.Match[str]") -> str:
    import regex

    return found["before"] or regex.escape(found["quoted"])
