"""JSON bodies, mapped from XML as Jersey 1 does (contract, section 4)."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from mockcvp.messages import duplicate
from mockcvp.oamp.charset import WHITE_SPACE, decoded
from mockcvp.oamp.errors import JSON_SYNTAX, OampError
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.model import OampModel, text_of

# An unterminated string extends to the end of the text, so that no character is searched twice.
_STRING_OR_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{,\]}]', re.DOTALL)


def decode(body: bytes, charset: str | None, model: type[OampModel], limits: Limits) -> tuple[Any, list[str]]:
    """Return the data of a JSON body, and the names of its members that have no effect.

    A number and a boolean stand for text, an array of one for its only entry, one entry for an array, ``null`` and
    blank text for an empty object, and an array of texts for the entries of a list.

    Raises:
        OampError: ``processing.jsonSyntaxError``
    """
    text = decoded(body, charset or "utf-8", JSON_SYNTAX)
    try:
        _check_size(text, limits)
        document = _DECODER.decode(text)
        if "\\" in text and "\\ud" in text.lower():
            # Half of a surrogate pair cannot be logged.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise OampError(JSON_SYNTAX.error("the body has half of a surrogate pair alone")) from None
    except ValueError as exc:
        raise OampError(JSON_SYNTAX.error(f"the body is not valid JSON: {exc}")) from None
    if not isinstance(document, dict) or list(document) != [model.root]:
        found = ", ".join(f"{name[:40]!r}" for name in [*document][:3]) if isinstance(document, dict) else ""
        expected = f"the body must be an object with the one member {model.root!r}"
        raise OampError(JSON_SYNTAX.error(f"{expected}, not {found or 'something else'}"))
    ignored: list[str] = []
    return _object(document[model.root], model, model.root, ignored), list(dict.fromkeys(ignored))


def _object(value: Any, model: type[OampModel], name: str, ignored: list[str]) -> dict[str, Any]:
    """Return the data of a member that is one object."""
    if isinstance(value, list):
        names = [key for key, member in model.members().items() if member.is_list]
        if value and names and all(isinstance(entry, str) for entry in value):
            value = {names[0]: value}
        elif len(value) > 1:
            raise _wrong_shape(name, "an object", value)
        else:
            value = value[0] if value else None
    if isinstance(value, dict):
        return _members(value, model, name, ignored)
    if value is None or (isinstance(value, str) and not value.strip(WHITE_SPACE)):
        return {}
    raise _wrong_shape(name, "an object", value)


def _members(value: dict[str, Any], model: type[OampModel], name: str, ignored: list[str]) -> dict[str, Any]:
    members = model.members()
    if not value.keys() <= members.keys():
        ignored += [f"{name}/{key}" for key in value if key not in members and key not in model.ignored_members]
    data: dict[str, Any] = {}
    # The members of a JSON object have no order, so the order of the model applies.
    for key, member in members.items():
        item = value.get(key)
        if item is None:
            continue
        if member.model is None:
            data[key] = _text(item, key)
        elif member.is_list:
            entries = item if isinstance(item, list) else (item,)
            data[key] = [_entry(entry, member.model, key, ignored) for entry in entries]
        else:
            data[key] = _object(item, member.model, key, ignored)
    if model.is_ordered and len(data) > 1:
        return model.from_pairs(list(_pairs(data)))
    return data


def _pairs(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        yield from ((key, entry) for entry in (value if isinstance(value, list) else [value]))


def _entry(value: Any, model: type[OampModel], name: str, ignored: list[str]) -> dict[str, Any]:
    """Return the data of one entry of a list."""
    if isinstance(value, dict):
        return _members(value, model, name, ignored)
    if value is None:
        return {}
    if not model.text_member:
        return _object(value, model, name, ignored)
    text = _text(value, name)
    return {model.text_member: text} if text else {}


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value.strip(WHITE_SPACE)
    if isinstance(value, bool):
        return str(value).lower()
    raise _wrong_shape(name, "text", value)


def _wrong_shape(name: str, expected: str, value: Any) -> OampError:
    kind = "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "text"
    return OampError(JSON_SYNTAX.error(f"{name} must be {expected}, not {kind}"))


def _check_size(text: str, limits: Limits) -> None:
    """Check how deep a JSON text is nested and how many values it has, before it is parsed.

    Raises:
        ValueError: too deep, or too many
    """
    opening = text.count("[") + text.count("{")
    if opening <= limits.depth and opening + text.count(",") <= limits.elements:
        return
    depth = values = 0
    for found in _STRING_OR_SIGN.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth > limits.depth:
                raise ValueError(f"it is nested more than {limits.depth} deep")
        elif sign in "]}":
            depth -= 1
        if sign in "[{,":
            values += 1
            if values > limits.elements:
                raise ValueError(f"it has more than {limits.elements} values")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object. Python's parser alone would ignore duplicates.

    Raises:
        ValueError: a member occurs twice
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(duplicate("member", twice, "object"))
    return members


# A number stays text, as in XML.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=members_once)


def encode(root: str, data: Any) -> str:
    """Return a document in JSON."""
    return f'{{"{root}": {json.dumps(_mapped(data), ensure_ascii=False)}}}'


def member(_: str, data: Any) -> str:
    """Return one entry of a list."""
    return json.dumps(_mapped(data), ensure_ascii=False)


def frame(root: str, container: str, name: str) -> tuple[str, str, str]:
    """Return the text before, between and after the entries of a list of two or more."""
    return f'{{"{root}": {{"{container}": {{"{name}": [', ", ", "]}}}"


def _mapped(value: Any) -> Any:
    """Return data as Jersey maps it: a list of one as its only entry, an element without content as null."""
    if isinstance(value, list | tuple):
        return [_mapped(entry) for entry in value] if len(value) > 1 else _mapped(value[0])
    if not isinstance(value, dict):
        return text_of(value)
    members = {name: _mapped(item) for name, item in value.items() if item not in ([], ())}
    return members or None
