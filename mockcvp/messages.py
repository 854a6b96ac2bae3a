"""What pydantic found wrong, in one phrase each: where, what would be right, and what was given, if it is no secret."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

_WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be {ge:g} or above",
    "less_than_equal": "must be {le:g} or below",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_unicode": "must be text, with no half of a surrogate pair",
    "invalid_key": "must have names that are text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be an object",
    "tuple_type": "must be a list",
    "ip_any_address": "must be an IP address",
    "datetime_type": "must be a time with an offset, as 2030-01-31T12:00:00Z",
    "datetime_parsing": "must be a time with an offset, as 2030-01-31T12:00:00Z",
    "datetime_from_date_parsing": "must be a time with an offset, as 2030-01-31T12:00:00Z",
    "timezone_aware": "must be a time with an offset, as 2030-01-31T12:00:00Z",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than": "must be above {gt:g}",
    "dict_type": "must be an object",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "byte_size": "must be a number of bytes, or as 512KiB, 2MiB, 1GiB",
    "byte_size_unit": "must be a number of bytes, or as 512KiB, 2MiB, 1GiB",
}
_MAX_REPORTED = 10
# what was given says nothing more where it is the object around the fault
_WITHOUT_VALUE = {"missing", "value_error", "extra_forbidden", "string_unicode", "invalid_key"}
_OF_CONTAINERS = {"model_type", "dict_type", "tuple_type"}

# names of what holds a secret, and the beginning of what a client sends as one
_SECRET = re.compile(
    r"authori[sz]ation|passw|pwd|passphrase|credential|basic.?auth|cookie|secret|token|api.?key"
    r"|\b(?:basic|bearer|digest|negotiate)\s"
    # the user information of a URL; a limit, since a text may have many URLs
    r"|://[^\s@]{1,300}@",
    re.IGNORECASE,
)
# what is a name alone, with no value behind it
_NAME = re.compile(r"[A-Za-z_-]{1,32}")
# words in camel case or with hyphens, as the names of JSON members and HTTP fields; Base64 rarely matches
_PLAIN_NAME = re.compile(r"[A-Z]?[a-z]+(?:(?:[-_][A-Z]?|[A-Z])[a-z]+)*(?:URL)?")
_LONGEST_SEARCHED = 100_000
_LONGEST_NAME = 80


class Invalid(ValueError):
    """A value that is not valid, with two texts: one may quote the value, the other is for a value that may be secret.

    Args:
        safe: what is wrong, without anything of the value
        full: what is wrong
        value: the value that ``full`` quotes
    """

    def __init__(self, safe: str, full: str, value: str) -> None:
        super().__init__(safe if may_be_secret(value) else full)
        self.safe, self.full, self.value = safe, full, value

    def within(self, place: str) -> "Invalid":
        """Return the same, of a value at a place."""
        return Invalid(f"{place}: {self.safe}", f"{place}: {self.full}", self.value)


class UnknownMembers(ValueError):
    """Members of an object that are not known: their names may be shown, unless the object is itself a secret.

    Args:
        phrases: for the first of them, at most ``most``
        number: how many there are
    """

    most = _MAX_REPORTED
    safe = "it has a member that is not known here"

    def __init__(self, phrases: Sequence[str], number: int) -> None:
        others = [f"and {number - len(phrases)} more"] if number > len(phrases) else []
        super().__init__("; ".join([*phrases, *others]))


def within(place: str, error: ValueError) -> ValueError:
    """Return an error of a value at a place."""
    return error.within(place) if isinstance(error, Invalid) else ValueError(f"{place}: {error}")


def may_be_secret(text: str) -> bool:
    """Return whether a name is that of a secret, or a text may hold one."""
    return len(text) > _LONGEST_SEARCHED or _SECRET.search(text) is not None


def quoted(value: object, longest: int = 80) -> str:
    """Return a value as it may stand in a message: shortened, and masked where it may hold a secret."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return "'***'" if may_be_secret(value) else repr(_shortened(value, longest))
    text = repr(value)
    return "'***'" if may_be_secret(text) else _shortened(text, longest)


def member(name: object, *, is_secret: bool = False) -> str:
    """Return the name of a member as it may stand in a message, masked where it may hold a secret itself.

    Args:
        name: the name
        is_secret: whether the object that has it is a secret
    """
    text = str(name)
    if _NAME.fullmatch(text) or not (is_secret or may_be_secret(text)):
        return _shortened(text, _LONGEST_NAME)
    return "***"


def duplicate(kind: str, name: str, place: str) -> str:
    """Return the message that a name occurs twice, which quotes the name only where it is plain.

    Args:
        kind: a member or a key
        name: the name
        place: an object or a mapping
    """
    if len(name) <= _LONGEST_NAME and _PLAIN_NAME.fullmatch(name):
        return f"the {kind} {name!r} occurs twice in one {place}"
    return f"a {kind} occurs twice in one {place}; its name is not shown, since it may hold a secret"


def error_lines(error: ValidationError, given: object = None, *, is_secret: bool = False) -> list[str]:
    """Return the first faults, each with its place, and how many more there are; the arguments are as in ``phrase``."""
    faults = error.errors(include_url=False)
    phrases = (phrase(fault, given, is_secret=is_secret) for fault in faults[:_MAX_REPORTED])
    found = [f"{place}: {words}" if place else words for place, words in phrases]
    others = len(faults) - _MAX_REPORTED
    return [*found, f"and {others} more"] if others > 0 else found


def phrases(error: ValidationError) -> list[tuple[str, str]]:
    """Return for each fault its place, as ``servers[2].type`` ('' for the whole), and what is wrong there."""
    return [phrase(fault) for fault in error.errors(include_url=False)]


def phrase(fault: Any, given: object = None, *, is_secret: bool = False) -> tuple[str, str]:
    """Return the place and the words of one fault, as pydantic lists it.

    Nothing is quoted from below or beside a member that is a secret by its name, or a text that speaks of one.

    Args:
        fault: the fault
        given: the whole that was validated; None where no secret can be beside a value
        is_secret: whether nothing may be quoted at all
    """
    steps, place, below = fault["loc"], "", is_secret
    for step in steps:
        if isinstance(step, int):
            place += f"[{step}]"
            continue
        place += f"{'.' if place else ''}{member(step, is_secret=below)}"
        below = below or may_be_secret(step)
    beside = below or _is_beside_a_secret(steps, given)
    words, kind = _words(fault, below=below, beside=beside), fault["type"]
    if beside or kind in _WITHOUT_VALUE:
        return place, words
    value = "text" if kind in _OF_CONTAINERS and isinstance(fault["input"], str) else quoted(fault["input"])
    return place, f"{words}, not {value}"


def _words(fault: Any, *, below: bool, beside: bool) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind].format(**context)
    error = context.get("error")
    if (isinstance(error, Invalid) and beside) or (isinstance(error, UnknownMembers) and below):
        return error.safe
    # pydantic's own texts may quote what was given
    if below and kind != "value_error":
        return "is not valid"
    return str(fault["msg"]).removeprefix("Value error, ")


def _is_beside_a_secret(steps: Sequence[int | str], given: object) -> bool:
    """Return whether an object on the way to a place has a member that holds or names a secret."""
    for step in (*steps, None):
        if isinstance(given, dict) and any(map(_has_secret, given.items())):
            return True
        try:
            given = given[step]  # type: ignore[index] # what has no such place ends the way
        except (LookupError, TypeError):
            return False
    return False


def _has_secret(named: tuple[object, object]) -> bool:
    return any(isinstance(text, str) and may_be_secret(text) for text in named)


def printable(text: str) -> str:
    """Return a text as it can stand in a line of the log."""
    # what a client sends must not be able to write a line of its own
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _shortened(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
