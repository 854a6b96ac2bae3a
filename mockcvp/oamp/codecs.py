"""The table of body formats, XML and JSON (contract, sections 3 and 4). A further format is a further entry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mockcvp.oamp import json_codec, xml_codec
from mockcvp.oamp.errors import JSON_SYNTAX, XML_SYNTAX, ErrorType
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.model import OampModel


@dataclass(frozen=True, eq=False)
class Codec:
    """One format of bodies.

    Attributes:
        media_types: the media types of the format; responses use the first
        content_type: the ``Content-Type`` of a response with a body
        syntax: the error of a body that is not in this format
        decode: decodes a body; its arguments are the body, the charset, the model and the limits, and it returns the
            data and the names of members without effect
        encode: returns the text of a document; its arguments are the name of the root element and the data
        entry: returns the text of one entry of a list; its arguments are the name and the data of the entry
        frame: returns the text before, between and after the entries of a list; its arguments are the names of the
            root element, the container and the entry
    """

    media_types: tuple[tuple[str, str], ...]
    content_type: bytes
    syntax: ErrorType
    decode: Callable[[bytes, str | None, type[OampModel], Limits], tuple[Any, list[str]]]
    encode: Callable[[str, Any], str]
    entry: Callable[[str, Any], str]
    frame: Callable[[str, str, str], tuple[str, str, str]]

    @property
    def empty_content_type(self) -> bytes:
        """The ``Content-Type`` of a response without a body, which has no charset."""
        return "/".join(self.media_types[0]).encode()


XML = Codec(
    (("application", "xml"), ("text", "xml")),
    b"application/xml;charset=utf-8",
    XML_SYNTAX,
    xml_codec.decode,
    xml_codec.encode,
    xml_codec.element,
    xml_codec.frame,
)
JSON = Codec(
    (("application", "json"),),
    b"application/json",
    JSON_SYNTAX,
    json_codec.decode,
    json_codec.encode,
    json_codec.member,
    json_codec.frame,
)
CODECS = (XML, JSON)
"""The formats. If ``Accept`` prefers none of them, the first is used."""


class Listing(NamedTuple):
    """A response document with one list. Each entry is built when it is encoded.

    Attributes:
        model: the model of the document: a root element with one container, which has one list
        items: the objects that the entries describe
        entry: builds the entry of an object
    """

    model: type[OampModel]
    items: Sequence[Any]
    entry: Callable[[Any], OampModel]


def encode(document: OampModel, codec: Codec) -> bytes:
    """Return a document as a body."""
    return codec.encode(document.root, document.data()).encode()


def encode_list(listing: Listing, codec: Codec) -> Iterator[bytes]:
    """Yield the parts of a body with a list, one entry in each."""
    container, name = listing.model.list_names()
    if len(listing.items) < 2:
        # In JSON, a list with no entry or one has another shape.
        entries = [listing.entry(item).data() for item in listing.items]
        yield codec.encode(listing.model.root, {container: {name: entries}}).encode()
        return
    before, between, after = codec.frame(listing.model.root, container, name)
    yield before.encode()
    for place, item in enumerate(listing.items):
        yield ((between if place else "") + codec.entry(name, listing.entry(item).data())).encode()
    yield after.encode()
