"""Documents as the bytes of a response body, in XML and JSON (contract, section 4)."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from mockcvp.oamp.negotiation import Form

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(tree: Element, form: Form) -> bytes:
    """Return a tree as the bytes of a body."""
    tree = _cleaned(tree)
    if form is Form.JSON:
        return f'{{"{tree.tag}": '.encode() + _json_bytes(tree) + b"}"
    return _DECLARATION.encode() + _xml_bytes(tree)


class Listing(NamedTuple):
    """A document that is one list, whose entries become elements when they are written.

    Attributes:
        root: the name of the root element
        container: the name of its only child, which holds the entries
        name: the name of each entry
        items: what the entries are made of
        entry: makes an entry
    """

    root: str
    container: str
    name: str
    items: Sequence[Any]
    entry: Callable[[Any], Element]


def write_list(listing: Listing, form: Form) -> Iterator[bytes]:
    """Yield the bytes of a body that is a list, an entry at a time; together they are what ``write`` returns."""
    if len(listing.items) < 2:
        # JSON has another shape for none and for one
        tree = Element(listing.root)
        SubElement(tree, listing.container).extend([listing.entry(item) for item in listing.items])
        yield write(tree, form)
        return
    root, container, name = listing.root, listing.container, listing.name
    if form is Form.JSON:
        yield f'{{"{root}": {{"{container}": {{"{name}": ['.encode()
        for place, item in enumerate(listing.items):
            yield (", " if place else "").encode() + _json_bytes(_cleaned(listing.entry(item)))
        yield b"]}}}"
        return
    yield f"{_DECLARATION}<{root}><{container}>".encode()
    for item in listing.items:
        yield _xml_bytes(_cleaned(listing.entry(item)))
    yield f"</{container}></{root}>".encode()


def _cleaned(tree: Element) -> Element:
    for element in tree.iter():
        if element.text and _NOT_XML.search(element.text):
            element.text = _NOT_XML.sub("\ufffd", element.text)
    return tree


def _xml_bytes(tree: Element) -> bytes:
    # a reader of XML turns a bare carriage return into a line feed
    return tostring(tree, encoding="unicode").replace("\r", "&#13;").encode()


def _json_bytes(tree: Element) -> bytes:
    return json.dumps(_to_json(tree), ensure_ascii=False).encode()


def _to_json(element: Element) -> Any:
    if not len(element) and not element.attrib:
        return element.text
    members: dict[str, Any] = {f"-{name}": value for name, value in element.items()}
    for child in element:
        value = _to_json(child)
        if child.tag not in members:
            members[child.tag] = value
        elif isinstance(members[child.tag], list):
            members[child.tag].append(value)
        else:
            members[child.tag] = [members[child.tag], value]
    return members
