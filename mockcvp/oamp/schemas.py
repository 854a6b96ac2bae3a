"""The JSON schemas of the OAMP's documents, for OpenAPI.

Both formats share a schema. JSON has several shapes for one list (contract, section 4); requests may have even more.
"""

from collections.abc import Iterable
from typing import Any

from mockcvp.oamp.charset import WHITE_SPACE
from mockcvp.oamp.model import Member, OampModel

PREFIX = "#/components/schemas/"
_NOTHING = {"type": ["string", "null"], "pattern": f"^[{WHITE_SPACE!r}]*$".replace("'", "")}
_NUMBER = f"^[{WHITE_SPACE!r}]*[0-9]+[{WHITE_SPACE!r}]*$".replace("'", "")
_NOT_BLANK = f"[^{WHITE_SPACE!r}]".replace("'", "")


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


def _add(found: dict[str, Any], model: type[OampModel], *, is_request: bool, name: str = "") -> None:
    if model.__name__ in found:
        return
    own = model.model_json_schema(mode="validation" if is_request else "serialization")
    schema: dict[str, Any] = {"type": "object", "xml": {"name": model.root or name}, "description": own["description"]}
    found[model.__name__] = schema
    if own.get("required"):
        schema["required"] = own["required"]
    if not is_request:
        schema["additionalProperties"] = False
    schema["properties"] = {
        key: _member(member, own["properties"][key], key, is_request=is_request)
        for key, member in model.members().items()
    }
    for key, member in model.members().items():
        if member.model:
            _add(found, member.model, is_request=is_request, name=key)
    if is_request and model.text_member:
        text = schema["properties"][model.text_member]
        found[model.__name__] = {"xml": schema["xml"], "description": schema["description"], "oneOf": [text, schema]}


def _member(member: Member, own: dict[str, Any], name: str, *, is_request: bool) -> dict[str, Any]:
    if member.model is None:
        return _text_of_request(own) if is_request else _text_of_response(own, name)
    item = reference(member.model)
    if is_request:
        if member.is_list:
            return {"oneOf": [item, {"type": "null"}, {"type": "array", "items": item}]}
        shapes = [item, _NOTHING, {"type": "array", "maxItems": 1, "items": item}]
        lists = [inner.model for inner in member.model.members().values() if inner.is_list]
        if lists and lists[0] and lists[0].text_member:
            shapes.append({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": _NOT_BLANK}})
        return {"oneOf": shapes}
    if member.is_list:
        return {"oneOf": [item, {"type": "array", "minItems": 2, "items": item}]}
    has_list = any(inner.is_list for inner in member.model.members().values())
    return {"oneOf": [{"type": "null"}, item]} if has_list else item


def _text_of_request(own: dict[str, Any]) -> dict[str, Any]:
    described = {key: own[key] for key in ("description",) if key in own}
    if own.get("type") == "integer":
        number = {key: own[key] for key in ("type", "minimum", "maximum")}
        return described | {"oneOf": [{"type": "string", "pattern": _NUMBER}, number, {"type": "null"}]}
    text = {"type": ["string", "number", "boolean"]}
    return described | text | ({"pattern": _NOT_BLANK} if own.get("minLength") else {})


def _text_of_response(own: dict[str, Any], name: str) -> dict[str, Any]:
    kept = {key: own[key] for key in ("description", "enum", "examples", "pattern") if key in own}
    schema = {"type": "string"} | kept
    if name.startswith("-"):
        prefix, _, local = name[1:].rpartition(":")
        schema["xml"] = {"name": local, "prefix": prefix, "attribute": True}
    return schema
