"""What pydantic found wrong, in one phrase each: where, what would be right, and what was given."""

import re
from collections.abc import Iterator
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
# a member of this name holds a secret, and so do those below it, whatever their form
_SECRET_NAME = re.compile("authorization|password|basic_?auth|cookie", re.IGNORECASE)
_CREDENTIALS = ("username", "password")
_MASKED = "is not valid; the reason is not shown, since it would quote a secret"
# a message that has so many characters of a secret in a row quotes it
_QUOTED_LENGTH = 6


def told(error: ValidationError, content: Any = None, *, is_secret: bool = False) -> list[str]:
    """Return the first faults, each with its place, and how many more there are.

    Args:
        error: the faults
        content: what was validated, in which secrets are looked for
        is_secret: whether all of it is secret
    """
    found = [f"{place}: {words}" if place else words for place, words in phrases(error, content, is_secret=is_secret)]
    others = len(found) - _MOST_TOLD
    return [*found[:_MOST_TOLD], f"and {others} more"] if others > 0 else found


def phrases(error: ValidationError, content: Any = None, *, is_secret: bool = False) -> list[tuple[str, str]]:
    """Return for each fault its place, as ``servers[2].type`` ('' for the whole), and what is wrong there.

    The arguments are as in ``told``.
    """
    return [phrase(fault, content, is_secret=is_secret) for fault in error.errors(include_url=False)]


def phrase(fault: Any, content: Any = None, *, is_secret: bool = False) -> tuple[str, str]:
    """Return the place and the words of one fault, as pydantic lists it; no words quote a secret.

    The other arguments are as in ``told``.
    """
    place, is_below = "", False
    for step in fault["loc"]:
        # below a secret, names may be secret as well
        if is_below and fault["type"] != "missing" and step not in _CREDENTIALS:
            break
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
        is_below = is_below or _is_secret_name(step)
    kind, context = fault["type"], fault.get("ctx", {})
    words = _WORDS[kind].format(**context) if kind in _WORDS else fault["msg"].removeprefix("Value error, ")
    if kind not in _WORDS and _quotes_secret(words, fault, content):
        return place, _MASKED
    if kind in _WITHOUT_VALUE or is_secret or _is_beside_or_below_secret(fault["loc"], content):
        return place, words
    given = shown(fault["input"])
    return place, words if given is None else f"{words}, not {given}"


def shown(value: Any) -> str | None:
    """Return a value that a user gave, shortened; None where it holds a member whose name is that of a secret."""
    try:
        text = repr(value)
    except RecursionError:
        return None
    return None if _SECRET_NAME.search(text) else _shortened(text)


def _is_secret_name(name: object) -> bool:
    return isinstance(name, str) and _SECRET_NAME.search(name) is not None


def _is_beside_or_below_secret(steps: tuple[object, ...], content: Any) -> bool:
    for step in steps:
        if _is_secret_name(step) or (isinstance(content, dict) and any(map(_is_secret_name, content))):
            return True
        try:
            content = content[step]
        except (LookupError, TypeError):
            content = None
    return False


def _quotes_secret(words: str, fault: Any, content: Any) -> bool:
    runs = {words[start : start + _QUOTED_LENGTH] for start in range(len(words))}
    is_below = any(map(_is_secret_name, fault["loc"]))
    secrets = [*_secrets(content, is_below=False), *_secrets(fault["input"], is_below=is_below)]
    for secret in secrets:
        # a message may quote it as Python writes it
        for text in (secret, repr(secret)[1:-1]):
            if len(text) < _QUOTED_LENGTH:
                # so short a text may be in a message by chance
                if repr(secret) in words or words.startswith(f"{secret} "):
                    return True
            elif any(text[start : start + _QUOTED_LENGTH] in runs for start in range(len(text) - _QUOTED_LENGTH + 1)):
                return True
    return False


def _secrets(content: Any, *, is_below: bool) -> Iterator[str]:
    """Return the texts below each member whose name is that of a secret."""
    waiting = [(content, is_below)]
    while waiting:
        value, is_secret = waiting.pop()
        if isinstance(value, dict):
            if is_secret:
                waiting += [(name, True) for name in value]
            waiting += [(one, is_secret or _is_secret_name(name)) for name, one in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(one, is_secret) for one in value]
        elif is_secret and value is not None and not isinstance(value, bool):
            yield str(value)


def printable(text: str) -> str:
    """Return a text as it can stand in a line of the log."""
    # what a client sends must not be able to write a line of its own
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _shortened(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
