"""XML as patterns look at it: equality, and XPath 1.0 by libxml2."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from lxml import etree
from lxml.etree import _Element

from mockcvp.messages import Invalid, quoted
from mockcvp.stubs.content import Content

_DECLARED = re.compile(r"""(^\s*<\?xml[^>]*?)\s+encoding\s*=\s*(?:"[^"]*"|'[^']*')""")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_CALLED = re.compile(r"([\w.:-]+)\s*\(")
_FUNCTIONS = frozenset(
    [
        "last",
        "position",
        "count",
        "id",
        "local-name",
        "namespace-uri",
        "name",
        "string",
        "concat",
        "starts-with",
        "contains",
        "substring-before",
        "substring-after",
        "substring",
        "string-length",
        "normalize-space",
        "translate",
        "boolean",
        "not",
        "true",
        "false",
        "lang",
        "number",
        "sum",
        "floor",
        "ceiling",
        "round",
        "text",
        "node",
        "comment",
        "processing-instruction",
        "and",
        "or",
        "div",
        "mod",
    ]
)


def encoded(text: str) -> bytes:
    """Return a document's text as bytes, whatever encoding it says that it had."""
    return _DECLARED.sub(r"\1", text, count=1).encode(errors="replace")


def parsed(source: bytes) -> _Element | None:
    """Return the root of a document; None where it is none, or has a document type.

    No entity is resolved, and nothing is loaded.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(source, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root is None or root.getroottree().docinfo.internalDTD is not None else root


def without_default_namespaces(root: _Element) -> _Element:
    """Return a copy of a document with its elements without a prefix in no namespace."""
    copy = etree.fromstring(etree.tostring(root, with_tail=False))
    for element in copy.iter(etree.Element):
        if element.prefix is None and element.tag.startswith("{"):
            element.tag = etree.QName(element).localname
    return copy


def xpath(expression: str, namespaces: Mapping[str, str]) -> Callable[[Content], list[Content]]:
    """Return what finds the nodes of an expression, each as a text; a boolean, number or text is one if it is true.

    Elements in a default namespace are found without a prefix too.

    Raises:
        ValueError: no XPath 1.0, or one with a prefix or function that nobody knows
    """
    # looked up only where they are evaluated, which they may never be
    bare = _QUOTED.sub("''", expression)
    if unknown := [name for name in _CALLED.findall(bare) if name.rpartition("::")[2] not in _FUNCTIONS]:
        raise Invalid(
            "no XPath 1.0: it calls a function that there is none of",
            f"{quoted(expression)} is no XPath 1.0: it has no function {unknown[0][:80]}",
            expression,
        )
    if "$" in bare:
        problem = "has a variable, and there are none here"
        raise Invalid(f"it {problem}", f"{quoted(expression)} {problem}", expression)
    try:
        find = etree.XPath(expression, namespaces=dict(namespaces), regexp=False, smart_strings=False)
        # and so are prefixes
        find(etree.fromstring("<x/>"))
    except (etree.XPathError, ValueError, TypeError) as exc:
        raise Invalid("no XPath 1.0", f"{quoted(expression)} is no XPath 1.0: {exc}", expression) from None

    def found(content: Content) -> list[Content]:
        for root in (content.xml, content.xml_without_default_namespaces):
            if root is None:
                return []
            try:
                result = find(root.getroottree())
            except etree.XPathError:
                return []
            if nodes := _nodes(result):
                return nodes
        return []

    return found


def _nodes(result: object) -> list[Content]:
    if isinstance(result, list):
        return [Content(text=_node_text(node)) for node in result]
    if not result:
        return []
    if isinstance(result, float) and result.is_integer():
        return [Content(text=str(int(result)))]
    return [Content(text=str(result).lower() if isinstance(result, bool) else str(result))]


def _node_text(node: object) -> str:
    if isinstance(node, _Element):
        return etree.tostring(node, with_tail=False, encoding="unicode")
    return str(node[-1] if isinstance(node, tuple) else node)


def differences(expected: _Element, actual: _Element, place: str = "") -> Iterator[str]:
    """Tell each difference between two elements.

    White space around texts, comments, prefixes, the order of attributes and that of elements of different names do not
    matter; an element that is expected in no namespace may be in a default one.
    """
    place = f"{place}/{etree.QName(expected).localname}"
    if not _same_name(expected, actual):
        yield f"{place} was {etree.QName(actual).text}"
        return
    if _text(expected) != _text(actual):
        yield f"the text of {place} was {_text(actual)!r}, not {_text(expected)!r}"
    for name in dict.fromkeys([*expected.attrib, *actual.attrib]):
        if expected.get(name) != actual.get(name):
            yield f"{place}/@{name} was {actual.get(name)!r}, not {expected.get(name)!r}"
    wanted, there = _children(expected), _children(actual)
    for name in dict.fromkeys([*wanted, *there]):
        if len(wanted[name]) != len(there[name]):
            yield f"{place} had {len(there[name])} of {name!r}, not {len(wanted[name])}"
        for one, other in zip(wanted[name], there[name], strict=False):
            yield from differences(one, other, place)


def size(root: _Element) -> int:
    """Return how many nodes there are, to measure a number of differences by."""
    return sum(1 + len(element.attrib) + bool(_text(element)) for element in root.iter(etree.Element))


def _same_name(expected: _Element, actual: _Element) -> bool:
    one, other = etree.QName(expected), etree.QName(actual)
    if one.localname != other.localname:
        return False
    return one.namespace == other.namespace or (one.namespace is None and actual.prefix is None)


def _children(element: _Element) -> "defaultdict[str, list[_Element]]":
    children: defaultdict[str, list[_Element]] = defaultdict(list)
    for child in element.iterchildren(etree.Element):
        children[etree.QName(child).localname].append(child)
    return children


def _text(element: _Element) -> str:
    return ((element.text or "") + "".join(child.tail or "" for child in element)).strip()
