"""What pydantic found wrong, in one phrase each: where, what would be right, and what was given."""

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
_MOST_TOLD = 10
# what was given says nothing more where it is the object around the fault
_WITHOUT_VALUE = {"missing", "value_error", "extra_forbidden", "string_unicode", "invalid_key"}


def told(error: ValidationError) -> list[str]:
    """Return the first faults, each with its place, and how many more there are."""
    found = [f"{place}: {words}" if place else words for place, words in phrases(error)]
    others = len(found) - _MOST_TOLD
    return [*found[:_MOST_TOLD], f"and {others} more"] if others > 0 else found


def phrases(error: ValidationError) -> list[tuple[str, str]]:
    """Return for each fault its place, as ``servers[2].type`` ('' for the whole), and what is wrong there."""
    return [phrase(fault) for fault in error.errors(include_url=False)]


def phrase(fault: Any) -> tuple[str, str]:
    """Return the place and the words of one fault, as pydantic lists it."""
    place = ""
    for step in fault["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    kind, context = fault["type"], fault.get("ctx", {})
    words = _WORDS[kind].format(**context) if kind in _WORDS else fault["msg"].removeprefix("Value error, ")
    if kind in _WITHOUT_VALUE or "password" in fault["loc"]:
        return place, words
    return place, f"{words}, not {_shortened(repr(fault['input']))}"


def printable(text: str) -> str:
    """Return a text as it can stand in a line of the log."""
    # what a client sends must not be able to write a line of its own
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _shortened(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
