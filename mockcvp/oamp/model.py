"""The base of all documents of the OAMP, where XML, JSON and pydantic meet (contract, section 4)."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Member(NamedTuple):
    """One member of a document, as codecs see it.

    Attributes:
        model: the model of its value; None where its value is text
        is_list: whether it may occur repeatedly
    """

    model: "type[OampModel] | None"
    is_list: bool


class OampModel(BaseModel):
    """A document of the OAMP, or a part of one.

    Attributes:
        root: the name of the root element; empty where the model is only a part
        text_member: the member that gets the text of an element without child elements; empty for none
        ignored_members: members that clients send and that have no effect
        is_ordered: whether the meaning of a member depends on those before it
    """

    # pydantic builds a model when it is first used, which keeps a start short
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True, defer_build=True)

    root: ClassVar[str] = ""
    text_member: ClassVar[str] = ""
    ignored_members: ClassVar[frozenset[str]] = frozenset()
    is_ordered: ClassVar[bool] = False

    def data(self) -> dict[str, Any]:
        """Return the members that have a value, by their names on the wire; every value is text, data or a list."""
        return self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """Return the data of an element whose members depend on their order; only called with ``is_ordered``."""
        raise NotImplementedError(f"{cls.__name__} has members that depend on their order")

    @classmethod
    def list_names(cls) -> tuple[str, str]:
        """Return the name of the container of a document that is one list, and the name of its entries."""
        ((container, member),) = cls.members().items()
        assert member.model
        ((name, _),) = member.model.members().items()
        return container, name

    @classmethod
    def members(cls) -> dict[str, Member]:
        """Return the members, by their names on the wire."""
        return _members(cls)


@cache
def _members(model: type[OampModel]) -> dict[str, Member]:
    members = {}
    for name, field in model.model_fields.items():
        types = list(_types(field.annotation))
        models = [type_ for type_ in types if isinstance(type_, type) and issubclass(type_, OampModel)]
        is_list = any(type_ in (list, tuple) for type_ in types)
        members[field.alias or name] = Member(models[0] if models else None, is_list)
    return members


def _types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is not None:
        yield origin
    for argument in get_args(annotation):
        yield from _types(argument)
    yield annotation


def text_of(value: object) -> str:
    """Return a value as text, with U+FFFD in place of each character that XML cannot hold."""
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return _NOT_XML.sub("\ufffd", text) if _NOT_XML.search(text) else text
