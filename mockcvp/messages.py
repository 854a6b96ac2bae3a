"""Messages of validation errors: the place, the expected value, and the given value unless it may be a secret."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mockcvp.text import shortened

_MESSAGES = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be {ge} or above",
    "less_than_equal": "must be {le} or below",
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
    "greater_than": "must be above {gt}",
    "dict_type": "must be an object",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "byte_size": "must be a number of bytes, or as 512KiB, 2MiB, 1GiB",
    "byte_size_unit": "must be a number of bytes, or as 512KiB, 2MiB, 1GiB",
}
_MAX_REPORTED = 10
# For these errors the input is the enclosing object or an empty text, which does not explain the error.
_WITHOUT_VALUE = {"missing", "value_error", "extra_forbidden", "string_too_short", "string_unicode", "invalid_key"}
_OF_CONTAINERS = {"model_type", "dict_type", "tuple_type"}

# Names of members that have secrets as values, and the first words of credentials.
_SECRET = re.compile(
    r"authori[sz]ation|passw|pwd|passphrase|credential|basic.?auth|cookie|secret|token|api.?key"
    r"|\b(?:basic|bearer|digest|negotiate)\s"
    # the user information of a URL; a limit, since a text may have many URLs
    r"|://[^\s@]{1,300}@",
    re.IGNORECASE,
)
# A text as short and plain as this is a name, not a value.
_NAME = re.compile(r"[A-Za-z_-]{1,32}")
# words in camel case or with hyphens, as the names of JSON members and HTTP fields; Base64 rarely matches
_PLAIN_NAME = re.compile(r"[A-Z]?[a-z]+(?:(?:[-_][A-Z]?|[A-Z])[a-z]+)*(?:URL)?")
_LONGEST_SEARCHED = 100_000
_LONGEST_NAME = 80


class Invalid(ValueError):
    """A value that is not valid. The message quotes the value unless it may be a secret.

    Args:
        safe: the message without the value
        full: the message that quotes the value
        value: the value
    """

    def __init__(self, safe: str, full: str, value: str) -> None:
        super().__init__(safe if may_be_secret(value) else full)
        self.safe, self.full, self.value = safe, full, value

    def within(self, place: str) -> "Invalid":
        """Return the same error with a place before its message."""
        return Invalid(f"{place}: {self.safe}", f"{place}: {self.full}", self.value)


class UnknownMembers(ValueError):
    """An object has unknown members. The message quotes their names unless the object is a secret.

    Args:
        phrases: messages for the first unknown members, at most ``most``
        number: the number of unknown members
    """

    most = _MAX_REPORTED
    safe = "it has a member that is not known here"

    def __init__(self, phrases: Sequence[str], number: int) -> None:
        others = [f"and {number - len(phrases)} more"] if number > len(phrases) else []
        super().__init__("; ".join([*phrases, *others]))


def within(place: str, error: ValueError) -> ValueError:
    """Return an error with a place before its message."""
    return error.within(place) if isinstance(error, Invalid) else ValueError(f"{place}: {error}")


def may_be_secret(text: str) -> bool:
    """Return whether a text is the name of a secret, or may contain a secret."""
    return len(text) > _LONGEST_SEARCHED or _SECRET.search(text) is not None


def quoted(value: object, longest: int = 80) -> str:
    """Return the representation of a value for a message: shortened, and masked if it may contain a secret."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return "'***'" if may_be_secret(value) else repr(shortened(value, longest))
    text = repr(value)
    return "'***'" if may_be_secret(text) else shortened(text, longest)


def member(name: object, *, is_secret: bool = False) -> str:
    """Return the name of a member for a message: shortened, and masked if it may contain a secret.

    Args:
        name: the name
        is_secret: whether the object with this member is a secret
    """
    text = str(name)
    if _NAME.fullmatch(text) or not (is_secret or may_be_secret(text)):
        return shortened(text, _LONGEST_NAME)
    return "***"


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the question whether the most similar of some names is meant, as the end of a message; '' without one."""
    by_case = {one.lower(): one for one in known}
    # the search for similar names takes long for a long name
    similar = difflib.get_close_matches(str(name).lower()[:80], by_case, n=1)
    return f": is {by_case[similar[0]]} meant?" if similar else ""


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


def error_lines(
    error: ValidationError, given: object = None, model: type[BaseModel] | None = None, *, is_secret: bool = False
) -> list[str]:
    """Return messages for the first errors, and the number of further ones; the arguments are those of ``phrase``."""
    errors = error.errors(include_url=False)
    located = (phrase(detail, given, model, is_secret=is_secret) for detail in errors[:_MAX_REPORTED])
    found = [f"{place}: {message}" if place else message for place, message in located]
    others = len(errors) - _MAX_REPORTED
    return [*found, f"and {others} more"] if others > 0 else found


def phrases(error: ValidationError) -> list[tuple[str, str]]:
    """Return the place, such as ``servers[2].type`` ('' for the whole input), and the message of each error."""
    return [phrase(detail) for detail in error.errors(include_url=False)]


def phrase(
    detail: Any, given: object = None, model: type[BaseModel] | None = None, *, is_secret: bool = False
) -> tuple[str, str]:
    """Return the place and the message of one error.

    The message quotes no value below or beside a member that may be a secret.

    Args:
        detail: the error, as ``ValidationError.errors`` lists it
        given: the whole input; None if no secret can be beside a value
        model: the model of the whole input, for the name that is most similar to an unknown one
        is_secret: whether the whole input is a secret
    """
    steps, place, below = detail["loc"], "", is_secret
    for step in steps:
        if isinstance(step, int):
            place += f"[{step}]"
            continue
        place += f"{'.' if place else ''}{member(step, is_secret=below)}"
        below = below or may_be_secret(step)
    beside = below or _is_beside_a_secret(steps, given)
    message, kind = _message(detail, below=below, beside=beside), detail["type"]
    if kind == "extra_forbidden" and model is not None:
        message += _similar(steps, model)
    if beside or kind in _WITHOUT_VALUE:
        return place, message
    value = "text" if kind in _OF_CONTAINERS and isinstance(detail["input"], str) else quoted(detail["input"])
    return place, f"{message}, not {value}"


def _message(detail: Any, *, below: bool, beside: bool) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**{name: _plain(value) for name, value in context.items()})
    error = context.get("error")
    if (isinstance(error, Invalid) and beside) or (isinstance(error, UnknownMembers) and below):
        return error.safe
    # Pydantic's own messages may quote the input.
    if below and kind != "value_error":
        return "is not valid"
    return str(detail["msg"]).removeprefix("Value error, ")


def _plain(value: object) -> object:
    """Return a value of a message; a whole number without a decimal point and an exponent."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _similar(steps: Sequence[int | str], model: type[BaseModel]) -> str:
    """Return the end of the message that the model has no such member."""
    *containers, name = steps
    for step in (step for step in containers if isinstance(step, str)):
        field = next((field for key, field in model.model_fields.items() if step in (key, field.alias)), None)
        types = (field.annotation, *get_args(field.annotation)) if field else ()
        inner = next((type_ for type_ in types if isinstance(type_, type) and issubclass(type_, BaseModel)), None)
        if inner is None:
            return ""
        model = inner
    return suggestion(name, [field.alias or key for key, field in model.model_fields.items()])


def _is_beside_a_secret(steps: Sequence[int | str], given: object) -> bool:
    """Return whether an object on the path to a place has a member that may be a secret."""
    for step in (*steps, None):
        if isinstance(given, dict) and any(map(_has_secret, given.items())):
            return True
        try:
            given = given[step]  # type: ignore[index] # a TypeError ends the path
        except (LookupError, TypeError):
            return False
    return False


def _has_secret(item: tuple[object, object]) -> bool:
    return any(isinstance(text, str) and may_be_secret(text) for text in item)
