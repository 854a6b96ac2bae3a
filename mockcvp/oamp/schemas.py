"""The JSON schemas of the OAMP's documents, for OpenAPI.

XML and JSON share one schema. A list has several shapes in JSON (contract, section 4), and more in a request.
"""

import re
from collections.abc import Iterable
from typing import Any

from mockcvp.oamp.charset import WHITE_SPACE
from mockcvp.oamp.model import Member, OampModel, text_of

PREFIX = "#/components/schemas/"
_NOTHING = {"type": ["string", "null"], "pattern": f"^[{WHITE_SPACE!r}]*$".replace("'", "")}
_NUMBER = f"^[{WHITE_SPACE!r}]*[0-9]+[{WHITE_SPACE!r}]*$".replace("'", "")
_NOT_BLANK = f"[^{WHITE_SPACE!r}]".replace("'", "")
_RESPONSE_KEYWORDS = ("description", "enum", "const", "examples", "pattern", "format", "anyOf")
_NAMESPACES = {"xsi": "http://www.w3.org/2001/XMLSchema-instance", "xmlns": "http://www.w3.org/2000/xmlns/"}


def reference(model: type[OampModel]) -> dict[str, Any]:
    """Return the reference to the schema of a model."""
    return {"$ref": f"{PREFIX}{model.__name__}"}


def schemas(responses: Iterable[type[OampModel]], requests: Iterable[type[OampModel]]) -> dict[str, Any]:
    """Return the schemas of models and of all models within them, by their names."""
    found: dict[str, Any] = {}
    for model in responses:
        _add(found, model, is_request=False)
    for model in requests:
        _add(found, model, is_request=True)
    return found


def json_schema(model: type[OampModel], *, is_request: bool) -> dict[str, Any]:
    """Return the schema of a document in JSON: the root element is the only member of an object."""
    root = _object_of_request(model) if is_request else reference(model)
    return {"type": "object", "required": [model.root], "additionalProperties": False, "properties": {model.root: root}}


def _add(found: dict[str, Any], model: type[OampModel], *, is_request: bool, name: str = "") -> None:
    if model.__name__ in found:
        return
    own = model.model_json_schema(mode="validation" if is_request else "serialization")
    schema: dict[str, Any] = {"type": "object", "xml": {"name": model.root or name}, "description": _description(own)}
    found[model.__name__] = schema
    if required := _required(model, is_request=is_request):
        schema["required"] = required
    if not is_request:
        schema["additionalProperties"] = False
    if "oneOf" in own:
        schema["oneOf"] = own["oneOf"]
    schema["properties"] = {
        key: _member(member, _resolved(own["properties"][key], own), key, key in required, is_request=is_request)
        for key, member in model.members().items()
    }
    for key, member in model.members().items():
        if member.model:
            _add(found, member.model, is_request=is_request, name=key)
    if is_request and model.text_member:
        text = schema["properties"][model.text_member]
        whole = schema | {"description": "Other members are ignored."}
        found[model.__name__] = {"xml": schema["xml"], "description": schema["description"], "oneOf": [text, whole]}


def _required(model: type[OampModel], *, is_request: bool) -> list[str]:
    """Return the names of the members that a request must have, or that every response has."""
    return [
        field.alias or name
        for name, field in model.model_fields.items()
        if field.is_required() or not (is_request or field.default is None)
    ]


def _resolved(own: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a member without its alternative ``null``, and without a reference to an enumeration."""
    alternatives = [one for one in own.get("anyOf", ()) if one != {"type": "null"}]
    if len(alternatives) == 1:
        own = alternatives[0] | {key: value for key, value in own.items() if key != "anyOf"}
    if "$ref" in own:
        enumeration = document["$defs"][own["$ref"].rpartition("/")[2]]
        own = {key: value for key, value in enumeration.items() if key != "description"} | own
    return own


def _member(member: Member, own: dict[str, Any], name: str, is_required: bool, *, is_request: bool) -> dict[str, Any]:
    if member.model is None:
        return _text_of_request(own) if is_request else _text_of_response(own, name)
    item = reference(member.model)
    if is_request:
        if member.is_list:
            return {"oneOf": [item, *([] if is_required else [{"type": "null"}]), {"type": "array", "items": item}]}
        return _object_of_request(member.model)
    if member.is_list:
        return {"oneOf": [item, {"type": "array", "minItems": 2, "items": item}]}
    has_list = any(inner.is_list for inner in member.model.members().values())
    return {"oneOf": [{"type": "null"}, item]} if has_list else item


def _object_of_request(model: type[OampModel]) -> dict[str, Any]:
    """Return the schema of an object in the JSON of a request, with all its shapes."""
    item, members = reference(model), model.members().values()
    is_required = bool(_required(model, is_request=True))
    shapes = [item, {"type": "array", "minItems": int(is_required), "maxItems": 1, "items": item}]
    if not is_required:
        shapes.append(_NOTHING)
    lists = [member.model for member in members if member.is_list]
    if lists and lists[0] and lists[0].text_member:
        shapes.append({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": _NOT_BLANK}})
    return {"oneOf": shapes}


def _text_of_request(own: dict[str, Any]) -> dict[str, Any]:
    described = {"description": _description(own)} if "description" in own else {}
    if own.get("type") == "integer":
        number = {key: own[key] for key in ("type", "minimum", "maximum") if key in own}
        return described | {"oneOf": [{"type": "string", "pattern": _NUMBER}, number, {"type": "null"}]}
    text = {"type": ["string", "number", "boolean"]}
    return described | text | ({"pattern": _NOT_BLANK} if own.get("minLength") else {})


def _text_of_response(own: dict[str, Any], name: str) -> dict[str, Any]:
    schema = {"type": "string"} | {key: own[key] for key in _RESPONSE_KEYWORDS if key in own}
    if "description" in own:
        schema["description"] = _description(own)
    if "enum" in own:
        schema["enum"] = [text_of(value) for value in own["enum"]]
    if name.startswith("-"):
        prefix, _, local = name[1:].rpartition(":")
        schema["xml"] = {"name": local, "prefix": prefix, "attribute": True}
        if prefix in _NAMESPACES:
            schema["xml"]["namespace"] = _NAMESPACES[prefix]
    return schema


def _description(own: dict[str, Any]) -> str:
    """Return a description in Markdown, without references to the contract."""
    return re.sub(r" \(contract, [^)]*\)", "", own["description"]).replace("``", "`")
