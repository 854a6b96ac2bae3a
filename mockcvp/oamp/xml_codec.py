"""XML bodies (contract, section 4)."""

import codecs
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mockcvp.oamp.charset import WHITE_SPACE, decoded, is_charset
from mockcvp.oamp.errors import XML_SYNTAX, OampError
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.model import OampModel, text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_QUOTE = '"'
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


def decode(body: bytes, charset: str | None, model: type[OampModel], limits: Limits) -> tuple[Any, list[str]]:
    """Return the data of an XML body, and the names of its elements that have no effect.

    Raises:
        OampError: ``processing.xmlSyntaxError``
    """
    tree = parse(decoded(body, charset or _encoding(body), XML_SYNTAX), limits)
    if tree.tag != model.root:
        raise OampError(XML_SYNTAX.error(f"the root element must be {model.root!r}, not {tree.tag[:100]!r}"))
    ignored: list[str] = []
    return _data(tree, model, ignored), list(dict.fromkeys(ignored))


def _data(element: "Element", model: type[OampModel], ignored: list[str]) -> dict[str, Any]:
    members, name = model.members(), element.tag
    data: dict[str, Any] = {}
    pairs: list[tuple[str, Any]] = []
    nested: list[str] = []
    for child in element:
        key = child.tag
        member = members.get(key)
        if member is None:
            if key not in model.ignored_members:
                ignored.append(f"{name}/{key}")
        elif key in data and not member.is_list:
            # of an element that is sent twice where one is expected, the first counts
            ignored.append(f"a second {name}/{key}")
        else:
            value = _text(child) if member.model is None else _data(child, member.model, nested)
            if model.is_ordered:
                pairs.append((key, value))
            elif member.is_list:
                data.setdefault(key, []).append(value)
            else:
                data[key] = value
    if model.is_ordered:
        data = model.from_pairs(pairs)
    elif not data and model.text_member and (text := _text(element)):
        data[model.text_member] = text
    ignored += nested
    return data


def _text(element: "Element") -> str:
    text = element.text or ""
    if len(element):
        text += "".join([child.tail or "" for child in element])
    return text.strip(WHITE_SPACE)


_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([^"'>]{0,200})""")
_BY_FIRST_BYTES = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}


def _encoding(document: bytes) -> str:
    """Return the encoding of an XML document: by its first bytes, or as declared.

    Raises:
        OampError: the declared encoding is unknown
    """
    for first, encoding in _BY_FIRST_BYTES.items():
        if document.startswith(first):
            return encoding
    declared = _DECLARED.match(document)
    if not declared:
        return "utf-8"
    name = declared[1].decode("latin-1")
    if not _is_plain(name):
        raise OampError(XML_SYNTAX.error(f"the encoding of the body is unknown: {name[:40]!r}"))
    return name


@lru_cache(maxsize=64)
def _is_plain(encoding: str) -> bool:
    """Return whether an encoding is UTF-8, UTF-16, or one byte for each character, which XML parsers know."""
    if not is_charset(encoding):
        return False
    name = codecs.lookup(encoding).name
    return name in ("utf-8", "utf-16") or len(bytes(range(256)).decode(name, "replace")) == 256


# expat scans an unfinished token again with each chunk, and parses to the end of a chunk after an error
_CHUNK = 512 * 1024


def parse(document: str, limits: Limits) -> "Element":
    """Return the tree of an XML document.

    Raises:
        OampError: ``processing.xmlSyntaxError``
    """
    # these imports are slow, and many mock servers get no XML
    from xml.etree.ElementTree import ParseError, TreeBuilder

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import XMLParser

    # The builder of defusedxml is in Python. This one is in C.
    parser = XMLParser(target=TreeBuilder(), forbid_dtd=True)
    try:
        # a document with few tags is within all limits
        tags = document.count("<")
        if tags > limits.depth or tags + document.count("=") > limits.elements or "xmlns" in document:
            _bound(parser.parser, limits)
            _check_tags(document, limits.elements)
        # in chunks, so that the parser stops soon after an error
        for start in range(0, len(document), _CHUNK):
            parser.feed(document[start : start + _CHUNK])
        tree: Element = parser.close()
    except DefusedXmlException:
        raise OampError(XML_SYNTAX.error("a DTD or an entity is not allowed in the body")) from None
    except (ParseError, ValueError, LookupError) as exc:
        raise OampError(XML_SYNTAX.error(f"the body is not well-formed XML: {str(exc)[:200]}")) from None
    return tree


def _bound(expat: Any, limits: Limits) -> None:
    """Let a parser raise an error at the first element that exceeds a limit."""
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
        # ElementTree puts the namespace before each name
        if namespace and len(namespace) > _LONGEST_NAMESPACE:
            raise ValueError(f"it has a namespace of more than {_LONGEST_NAMESPACE} characters")
        counted()

    expat.StartElementHandler, expat.EndElementHandler = started, ended
    expat.StartNamespaceDeclHandler = declared
    expat.CommentHandler = expat.ProcessingInstructionHandler = expat.StartCdataSectionHandler = counted


_LONGEST_NAMESPACE = 256
# ElementTree puts the namespace before the name of each attribute, so that a long tag would take memory
_LONGEST_TAG = 4096
# from one "<" to the next: no tag has two
_LONG_PIECE = re.compile(f"<[^<]{{{_LONGEST_TAG},}}+")
_TAG = re.compile(r"""<(?:[^"'>]++|"[^"]*+"|'[^']*+')*+""")
_NO_TAG = ("<!--", "<![CDATA[", "<?")


def _check_tags(document: str, most: int) -> None:
    """Check for attributes and long namespaces, which the parser multiplies before it calls a handler.

    Raises:
        ValueError: there is a tag with far too many attributes, or a very long one with a namespace
    """
    for found in _LONG_PIECE.finditer(document):
        piece = found[0]
        if "xmlns" in piece and not piece.startswith(_NO_TAG):
            tag = _TAG.match(piece)
            if tag and len(tag[0]) > _LONGEST_TAG and "xmlns" in tag[0]:
                raise ValueError(f"it has a tag with a namespace and more than {_LONGEST_TAG} characters")
    # no attribute contains "<", and each has a "="
    if document.count("=") > most and any(tag.count("=") > most for tag in document.split("<")):
        raise _too_many(most)


def _too_many(most: int) -> ValueError:
    return ValueError(f"it has more than {most} elements, attributes and the like")


def encode(root: str, data: Any) -> str:
    """Return a document in XML."""
    return _DECLARATION + element(root, data)


def _escape(text: str) -> str:
    # an XML parser turns a bare carriage return into a line feed
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _attribute(name: str, value: str) -> str:
    return f' {name}="{_escape(value).replace(_QUOTE, "&quot;")}"'


def element(name: str, data: Any) -> str:
    """Return one element, or several where the data is a list."""
    if isinstance(data, list | tuple):
        return "".join([element(name, entry) for entry in data])
    if not isinstance(data, dict):
        text = _escape(text_of(data))
        return f"<{name}>{text}</{name}>" if text else f"<{name} />"
    attributes = "".join([_attribute(key[1:], value) for key, value in data.items() if key[0] == "-"])
    children = "".join([element(key, value) for key, value in data.items() if key[0] != "-"])
    return f"<{name}{attributes}>{children}</{name}>" if children else f"<{name}{attributes} />"


def frame(root: str, container: str, name: str) -> tuple[str, str, str]:  # noqa: ARG001 - JSON's names the entries
    """Return the text before, between and after the entries of a list of two or more."""
    return f"{_DECLARATION}<{root}><{container}>", "", f"</{container}></{root}>"
