"""One tree, two forms: documents to and from XML and JSON (contract, section 4).

The tree is ElementTree's. JSON is that tree mapped as Jersey 1 does by default.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn
from xml.etree.ElementTree import Element, ParseError, SubElement

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from mockcvp.messages import duplicate
from mockcvp.oamp import errors
from mockcvp.oamp.errors import ErrorType, OampError
from mockcvp.oamp.negotiation import Form, is_charset

WHITE_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """What an element may hold: the child elements that mean something, or text, and whether it may occur repeatedly.

    XML shows by itself what is what; JSON, whose shapes vary with their content, is read by this.

    Attributes:
        members: the child elements that mean something
        text: whether it may hold text
        repeated: whether it may occur several times
        listed: the child element that an array of texts in its place stands for
    """

    members: Mapping[str, "Shape"] = field(default_factory=dict)
    text: bool = False
    repeated: bool = False
    listed: str = ""


TEXT = Shape(text=True)


class Limits(NamedTuple):
    """What a body may hold.

    Attributes:
        depth: how deep its elements, or its objects and arrays, may be nested
        elements: how many elements, attributes, comments and the like an XML document may have, or values a JSON one
        servers: how many servers a request may name
    """

    depth: int = 100
    elements: int = 10_000
    servers: int = 2_000


NO_MORE = Limits()
"""What a body may hold where nothing else is said."""


def read(body: bytes, form: Form, charset: str | None, root: str, shape: Shape, limits: Limits = NO_MORE) -> Element:
    """Return the tree that a body holds.

    Args:
        body: the bytes as they came, not empty
        form: what they are, by their ``Content-Type``
        charset: the encoding that the ``Content-Type`` names, if it does
        root: the name that the root element must have
        shape: what the root element may hold
        limits: how deep and how large it may be

    Raises:
        Refusal: ``processing.xmlSyntaxError`` or ``processing.jsonSyntaxError``.
    """
    if form is Form.JSON:
        return _from_json(_decoded(body, charset or "utf-8", errors.JSON_SYNTAX), root, shape, limits)
    tree = _from_xml(_decoded(body, charset or _encoding(body), errors.XML_SYNTAX), limits)
    if tree.tag != root:
        raise OampError(errors.XML_SYNTAX.error(f"the root element must be {root!r}, not {tree.tag[:100]!r}"))
    return tree


def _decoded(body: bytes, charset: str, syntax: ErrorType) -> str:
    try:
        text = body.decode(charset)
        if charset.lower() != "utf-8":
            # some can write half of a surrogate pair, which is no character, and could not be told back
            text.encode()
    except (UnicodeError, LookupError) as exc:
        place = f" at byte {exc.start}" if isinstance(exc, UnicodeDecodeError) else ""
        raise OampError(syntax.error(f"the body is not {charset[:40].upper()}{place}")) from None
    return text.removeprefix("\ufeff")


_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([^"'>]{0,200})""")
_BY_FIRST_BYTES = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}


def _encoding(document: bytes) -> str:
    """Return the encoding that an XML document has by its first bytes, or else says that it has.

    Raises:
        Refusal: it says one that is none
    """
    for first, encoding in _BY_FIRST_BYTES.items():
        if document.startswith(first):
            return encoding
    declared = _DECLARED.match(document)
    if not declared:
        return "utf-8"
    name = declared[1].decode("latin-1")
    if not _is_plain(name):
        raise OampError(errors.XML_SYNTAX.error(f"the encoding of the body is unknown: {name[:40]!r}"))
    return name


@lru_cache(maxsize=64)
def _is_plain(encoding: str) -> bool:
    """Return whether an encoding is one that readers of XML have: UTF-8, UTF-16, or one byte for each character."""
    if not is_charset(encoding):
        return False
    name = codecs.lookup(encoding).name
    return name in ("utf-8", "utf-16") or len(bytes(range(256)).decode(name, "replace")) == 256


# expat scans an unfinished token again with each piece, and goes on to the end of a piece after an error
_PIECE = 512 * 1024


def _from_xml(document: str, limits: Limits) -> Element:
    parser = XMLParser(forbid_dtd=True)
    try:
        # one with few tags has too little of anything
        tags = document.count("<")
        if tags > limits.depth or tags + document.count("=") > limits.elements or "xmlns" in document:
            _bound(parser.parser, limits)
            _check_tags(document, limits.elements)
        # in pieces, since the parser would go on to the end of what it has, whatever was found before
        for start in range(0, len(document), _PIECE):
            parser.feed(document[start : start + _PIECE])
        tree: Element = parser.close()
    except DefusedXmlException:
        raise OampError(errors.XML_SYNTAX.error("a DTD or an entity is not allowed in the body")) from None
    except (ParseError, ValueError, LookupError) as exc:
        raise OampError(errors.XML_SYNTAX.error(f"the body is not well-formed XML: {str(exc)[:200]}")) from None
    return tree


def _bound(expat: Any, limits: Limits) -> None:
    """Have a parser end at an element that is too deep, or one too many, before more is made of it."""
    start, end = expat.StartElementHandler, expat.EndElementHandler
    depth = elements = 0

    def counted(*_: object, more: int = 1) -> None:
        nonlocal elements
        elements += more
        if elements > limits.elements:
            raise _too_many(limits.elements)

    def started(name: str, attributes: list[str]) -> None:
        nonlocal depth
        depth += 1
        if depth > limits.depth:
            raise ValueError(f"it is nested more than {limits.depth} deep")
        # each attribute has a name and a value
        counted(more=1 + len(attributes) // 2)
        start(name, attributes)

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name)

    def declared(_: str | None, namespace: str | None) -> None:
        # it would stand before each name
        if namespace and len(namespace) > _LONGEST_NAMESPACE:
            raise ValueError(f"it has a namespace of more than {_LONGEST_NAMESPACE} characters")
        counted()

    expat.StartElementHandler, expat.EndElementHandler = started, ended
    expat.StartNamespaceDeclHandler = declared
    expat.CommentHandler = expat.ProcessingInstructionHandler = expat.StartCdataSectionHandler = counted


_LONGEST_NAMESPACE = 256
# what no tag with a namespace comes to, since within it, each attribute would have the whole namespace before its name
_LONGEST_TAG = 4096
# from one "<" to the next, of which no tag has two
_LONG_PIECE = re.compile(f"<[^<]{{{_LONGEST_TAG},}}+")
_TAG = re.compile(r"""<(?:[^"'>]++|"[^"]*+"|'[^']*+')*+""")
_NO_TAG = ("<!--", "<![CDATA[", "<?")


def _check_tags(document: str, most: int) -> None:
    """Look for what the parser would multiply before it tells of any of it: attributes, and long namespaces.

    Raises:
        ValueError: there is a tag with far too many attributes, or a very long one with a namespace
    """
    for found in _LONG_PIECE.finditer(document):
        piece = found[0]
        if "xmlns" in piece and not piece.startswith(_NO_TAG):
            tag = _TAG.match(piece)
            if tag and len(tag[0]) > _LONGEST_TAG and "xmlns" in tag[0]:
                raise ValueError(f"it has a tag with a namespace and more than {_LONGEST_TAG} characters")
    # no attribute holds a "<", and each has a "="
    if document.count("=") > most and any(tag.count("=") > most for tag in document.split("<")):
        raise _too_many(most)


def _too_many(most: int) -> ValueError:
    return ValueError(f"it has more than {most} elements, attributes and the like")


# a string that has no end goes to the end of the text: none is looked at again from another place
_STRING_OR_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{,\]}]', re.DOTALL)


def _check_size(text: str, limits: Limits) -> None:
    """Look at how deep a JSON text is nested and how many values it has, before it is read.

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


def _from_json(text: str, root: str, shape: Shape, limits: Limits) -> Element:
    try:
        _check_size(text, limits)
        document = _JSON.decode(text)
        if "\\" in text and "\\ud" in text.lower():
            # half of a surrogate pair is no character, and could not be told back
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise OampError(errors.JSON_SYNTAX.error("the body has half of a surrogate pair alone")) from None
    except ValueError as exc:
        raise OampError(errors.JSON_SYNTAX.error(f"the body is not valid JSON: {exc}")) from None
    if not isinstance(document, dict) or list(document) != [root]:
        found = ", ".join(f"{name[:40]!r}" for name in [*document][:3]) if isinstance(document, dict) else ""
        wanted = f"the body must be an object with the one member {root!r}"
        raise OampError(errors.JSON_SYNTAX.error(f"{wanted}, not {found or 'something else'}"))
    tree = Element(root)
    for value in _occurrences(document[root], shape, root):
        _fill(tree, value, shape, root)
    return tree


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, of which Python's reader would take the last of each name.

    Raises:
        ValueError: a member occurs twice
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(duplicate("member", twice, "object"))
    return members


# a number stays the text that was sent, as it would be in XML
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=members_once)


def _fill(element: Element, value: Any, shape: Shape, place: str) -> None:
    """Put a JSON value into an element: an object as child elements, anything else as text."""
    if isinstance(value, dict) and shape.members:
        _fill_members(element, value, shape.members)
    elif isinstance(value, dict | list):
        raise _wrong_shape(place, "text" if shape.text else "an object", value)
    elif shape.text:
        element.text = str(value).lower() if isinstance(value, bool) else value
    elif value is not None and (not isinstance(value, str) or value.strip(WHITE_SPACE)):
        raise _wrong_shape(place, "an object", value)


def _fill_members(element: Element, value: dict[str, Any], members: Mapping[str, Shape]) -> None:
    # an object's members have no order, elements do: the shape's
    for name, shape in members.items():
        item = value.get(name)
        if shape.text and isinstance(item, str):
            # nearly every one
            SubElement(element, name).text = item
        elif item is not None:
            for occurrence in _occurrences(item, shape, name):
                _fill(SubElement(element, name), occurrence, shape, name)
    if not value.keys() <= members.keys():
        for name in value.keys() - members.keys():
            # it means nothing here, but is there
            SubElement(element, name)


def _occurrences(value: Any, shape: Shape, place: str) -> Sequence[Any]:
    """Return the elements that a member stands for: none for null, several for an array."""
    if not isinstance(value, list):
        return () if value is None else (value,)
    if shape.listed and value and all(isinstance(item, str) for item in value):
        return ({shape.listed: value},)
    if not shape.repeated and (len(value) > 1 or not shape.members):
        raise _wrong_shape(place, "text" if shape.text else "an object", value)
    return value


def _wrong_shape(place: str, wanted: str, value: Any) -> OampError:
    kind = "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else "text"
    return OampError(errors.JSON_SYNTAX.error(f"{place} must hold {wanted}, not {kind}"))
