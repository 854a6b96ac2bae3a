"""The base class of all documents of the OAMP (contract, section 4)."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Member(NamedTuple):
    """One member of a document, for codecs.

    Attributes:
        model: the model of its value; None if its value is text
        is_list: whether it may occur repeatedly
    """

    model: "type[OampModel] | None"
    is_list: bool


class OampModel(BaseModel):
    """A document of the OAMP, or a part of one.

    Attributes:
        root: the name of the root element; empty for a part of a document
        text_member: the member whose value is the text of an element without child elements; empty for none
        ignored_members: the names of members that clients send without effect
        is_ordered: whether the meaning of a member depends on the members before it
    """

    # Pydantic builds a deferred model at its first use, so that it does not delay the start.
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True, defer_build=True)

    root: ClassVar[str] = ""
    text_member: ClassVar[str] = ""
    ignored_members: ClassVar[frozenset[str]] = frozenset()
    is_ordered: ClassVar[bool] = False

    def data(self) -> dict[str, Any]:
        """Return the members with a value, by their names on the wire; a value is text, a member object or a list."""
        return self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """Return the data of members in their order. Only a model with ``is_ordered`` has this."""
        raise NotImplementedError(f"{cls.__name__} has members that depend on their order")

    @classmethod
    def list_names(cls) -> tuple[str, str]:
        """Return the names of the container and of the entries of a document with one list."""
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
    """Return a value as text, with U+FFFD in place of each character that XML does not allow."""
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return _NOT_XML.sub("\ufffd", text) if _NOT_XML.search(text) else text
