"""Regular expressions in Java's syntax, with limits for their size and for the time of a match."""

import re
from functools import cache
from typing import TYPE_CHECKING

from mockcvp.messages import Invalid, quoted

if TYPE_CHECKING:
    import regex

# the regex module measures the processor time of the whole process; this limit only stops endless backtracking
_TIMEOUT_SECONDS = 1
_MAX_SHOWN = 200
_MAX_LENGTH = 10_000
_MAX_ATOMS = 100_000
# the regex module takes more memory for an atom within a group
_ATOMS_IN_GROUP = 3
_VERBOSE = re.compile(r"\(\?[a-zA-Z-]*x")
_TOKEN = re.compile(
    r"""\\Q.*?(?:\\E|\Z) | \\. | (?P<opened>\() | (?P<closed>\)) | \[(?:\\.|[^\]\\])*\]?
    | \{(?P<least>[\d\s]*)(?:,(?P<most>[\d\s]*))?\} | .""",
    re.DOTALL | re.VERBOSE,
)


class UndecidedError(Exception):
    """A match that was stopped at the time limit, so that its result is unknown.

    Args:
        expression: the regular expression, shown in the message
        place: the place of the expression, shown instead of an expression that may contain a secret
    """

    def __init__(self, expression: str, place: str | None = None) -> None:
        shown = quoted(expression, _MAX_SHOWN) if place is None else f"of {place}"
        super().__init__(
            f"the regular expression {shown} was stopped after {_TIMEOUT_SECONDS} s of processor time: "
            "it is not decided whether it matches"
        )
        self.expression = expression


def compile_regex(expression: str, flags: int = 0) -> "regex.Pattern[str]":
    """Return a compiled regular expression.

    Raises:
        ValueError: the expression is not valid, is too long, or repeats too much
    """
    import regex

    if len(expression) > _MAX_LENGTH:
        raise ValueError(
            f"a regular expression has at most {_MAX_LENGTH} characters, and this one has {len(expression)}"
        )
    _reject_comments(expression)
    if _count_atoms(expression) > _MAX_ATOMS:
        problem = (
            f"repeats too much: written out, it is longer than {_MAX_ATOMS} characters, where each within parentheses "
            f"counts as {_ATOMS_IN_GROUP}"
        )
        raise _invalid(expression, problem)
    try:
        # version 1 of the regex module has nested sets, as Java has
        return regex.compile(_quotations().sub(_escape_quotation, expression), flags | regex.V1)
    except (regex.error, RecursionError, OverflowError, MemoryError) as exc:
        problem = "not a valid regular expression"
        raise Invalid(problem, f"{quoted(expression, _MAX_SHOWN)} is {problem}: {exc}", expression) from None


def _invalid(expression: str, problem: str) -> Invalid:
    return Invalid(f"it {problem}", f"{quoted(expression, _MAX_SHOWN)} {problem}", expression)


def _reject_comments(expression: str) -> None:
    """Reject comments, since ``_count_atoms`` does not recognise them.

    Raises:
        ValueError: the expression has a comment
    """
    if _VERBOSE.search(expression) and "#" in expression:
        raise _invalid(expression, "has (?x) and a #, and comments are not supported")
    if any(token[0] == "(" and expression.startswith("(?#", token.start()) for token in _TOKEN.finditer(expression)):
        raise _invalid(expression, "has a comment, (?#…), which Java's regular expressions do not support")


def _count_atoms(expression: str) -> int:
    """Return the approximate length of an expression with all counted repetitions written out."""
    groups, last = [0], 0
    # in verbose mode, white space may separate an atom from its quantifier
    is_verbose = _VERBOSE.search(expression) is not None
    for token in _TOKEN.finditer(expression):
        if token["opened"]:
            groups.append(0)
            last = last if is_verbose else 0
        elif token["closed"] and len(groups) > 1:
            size = groups.pop()
            groups[-1] += size
            last = max(last, size) if is_verbose else size
        elif token["least"] is not None:
            digits = "".join((token["most"] or token["least"]).split()) or "1"
            # a count of ten digits is over the limit, and int() of a long one is slow
            times = max(int(digits), 1) if len(digits) < 10 else _MAX_ATOMS + 1
            groups[-1] += last * (times - 1)
            last *= times
        else:
            atom = 1 if len(groups) == 1 else _ATOMS_IN_GROUP
            groups[-1] += atom
            last = max(last, atom) if is_verbose else atom
    return sum(groups)


def dot_all() -> int:
    """Return the flag that lets a dot match line ends."""
    import regex

    return int(regex.DOTALL)


def fully_matches(expression: "regex.Pattern[str]", text: str) -> bool:
    """Return whether an expression matches the whole text.

    Raises:
        UndecidedError: the match was stopped at the time limit
    """
    try:
        return expression.fullmatch(text, timeout=_TIMEOUT_SECONDS) is not None
    except TimeoutError:
        raise UndecidedError(expression.pattern) from None


@cache
def _quotations() -> "regex.Pattern[str]":
    import regex

    # a Q after an escaped backslash does not begin a quotation
    return regex.compile(r"(?P<before>(?:\\\\)+)|\\Q(?P<quoted>.*?)(?:\\E|\Z)", regex.DOTALL)


def _escape_quotation(found: "regex.Match[str]") -> str:
    import regex

    return found["before"] or regex.escape(found["quoted"])
