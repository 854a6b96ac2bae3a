"""Bodies in XML and JSON: one table of the formats (contract, sections 3 and 4). Another format is another entry."""

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
        decode: returns the data of a body and the names of what has no effect; takes body, charset, model and limits
        encode: returns the text of a document; takes the name of its root, and its data
        entry: returns the text of one entry of a list; takes its name and its data
        frame: returns the text before, between and after the entries of a list; takes the names of the three elements
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
"""The formats in the order of preference, for ranges with equal q."""


class Listing(NamedTuple):
    """A response document that is one list, whose entries are made when they are written.

    Attributes:
        model: the document: a root element with one container; the container has one list
        items: what the entries are made of
        entry: makes an entry
    """

    model: type[OampModel]
    items: Sequence[Any]
    entry: Callable[[Any], OampModel]


def encode(document: OampModel, codec: Codec) -> bytes:
    """Return the body that holds a document."""
    return codec.encode(document.root, document.data()).encode()


def encode_list(listing: Listing, codec: Codec) -> Iterator[bytes]:
    """Yield the body that holds a list, an entry at a time."""
    container, name = listing.model.list_names()
    if len(listing.items) < 2:
        # JSON has another shape for no entry and for one
        entries = [listing.entry(item).data() for item in listing.items]
        yield codec.encode(listing.model.root, {container: {name: entries}}).encode()
        return
    before, between, after = codec.frame(listing.model.root, container, name)
    yield before.encode()
    for place, item in enumerate(listing.items):
        yield ((between if place else "") + codec.entry(name, listing.entry(item).data())).encode()
    yield after.encode()
