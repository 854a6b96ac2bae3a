"""XML equality as in WireMock, and XPath 1.0 by libxml2."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from lxml import etree
from lxml.etree import _Element

from mockcvp.messages import Invalid, quoted

_ENCODING_DECLARATION = re.compile(r"""(^\s*<\?xml[^>]*?)\s+encoding\s*=\s*(?:"[^"]*"|'[^']*')""")
_STRING_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_FUNCTION_CALL = re.compile(r"([\w.:-]+)\s*\(")
# XPath 1.0 has these functions, node tests and operators that a parenthesis may follow
_FUNCTIONS = re.compile(
    "last|position|count|id|local-name|namespace-uri|name|string|concat|starts-with|contains|substring-before"
    "|substring-after|substring|string-length|normalize-space|translate|boolean|not|true|false|lang|number|sum"
    "|floor|ceiling|round|text|node|comment|processing-instruction|and|or|div|mod"
)


def encode(text: str) -> bytes:
    """Return the text of a document in UTF-8, without its encoding declaration."""
    return _ENCODING_DECLARATION.sub(r"\1", text, count=1).encode(errors="replace")


def parse(source: bytes) -> _Element | None:
    """Return the root element; None if the source is not XML or has a document type.

    The parser resolves no entity and loads no other document.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(source, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root is None or root.getroottree().docinfo.internalDTD is not None else root


def remove_default_namespaces(root: _Element) -> _Element:
    """Return a copy of a document in which elements without a prefix are in no namespace."""
    copy = etree.fromstring(etree.tostring(root, with_tail=False))
    for element in copy.iter(etree.Element):
        if element.prefix is None and element.tag.startswith("{"):
            element.tag = etree.QName(element).localname
    return copy


def xpath(expression: str, namespaces: Mapping[str, str]) -> Callable[[_Element], list[str]]:
    """Return a function that evaluates an XPath from a root element, and returns each selected node as text.

    A result that is a boolean, number or string is one node if it is true. A name without a prefix also selects
    elements in a default namespace.

    Raises:
        ValueError: the expression is not valid XPath 1.0, or has an unknown prefix, an unknown function or a variable
    """
    # libxml2 reports an unknown function only when it evaluates the call
    bare = _STRING_LITERAL.sub("''", expression)
    called = _FUNCTION_CALL.findall(bare)
    if unknown := [name for name in called if not _FUNCTIONS.fullmatch(name.rpartition("::")[2])]:
        raise Invalid(
            "not valid XPath 1.0: it calls an unknown function",
            f"{quoted(expression)} is not valid XPath 1.0, which has no function {unknown[0][:80]}",
            expression,
        )
    if "$" in bare:
        problem = "has a variable, which mockcvp does not support"
        raise Invalid(f"it {problem}", f"{quoted(expression)} {problem}", expression)
    try:
        evaluate = etree.XPath(expression, namespaces=dict(namespaces), regexp=False, smart_strings=False)
        # libxml2 reports an undefined prefix only when it evaluates the expression
        evaluate(etree.fromstring("<x/>"))
    except (etree.XPathError, ValueError, TypeError) as exc:
        problem = "not valid XPath 1.0"
        raise Invalid(problem, f"{quoted(expression)} is {problem}: {exc}", expression) from None

    def select(root: _Element) -> list[str]:
        try:
            return _texts(evaluate(root.getroottree()))
        except etree.XPathError:
            return []

    return select


def _texts(result: object) -> list[str]:
    if isinstance(result, list):
        return [_node_text(node) for node in result]
    if not result:
        return []
    if isinstance(result, float) and result.is_integer():
        return [str(int(result))]
    return [str(result).lower() if isinstance(result, bool) else str(result)]


def _node_text(node: object) -> str:
    if isinstance(node, _Element):
        return etree.tostring(node, with_tail=False, encoding="unicode")
    return str(node[-1] if isinstance(node, tuple) else node)


def differences(expected: _Element, actual: _Element, place: str = "") -> Iterator[str]:
    """Yield a description of each difference between two elements.

    These are ignored: white space around text, comments, prefixes, the order of attributes, and the order of elements
    with different names. An expected element in no namespace also equals an element in a default namespace.
    """
    place = f"{place}/{etree.QName(expected).localname}"
    if not _has_same_name(expected, actual):
        yield f"{place} was {etree.QName(actual).text}"
        return
    if _text(expected) != _text(actual):
        yield f"the text of {place} was {_text(actual)!r}, not {_text(expected)!r}"
    for name in dict.fromkeys([*expected.attrib, *actual.attrib]):
        if expected.get(name) != actual.get(name):
            yield f"{place}/@{name} was {actual.get(name)!r}, not {expected.get(name)!r}"
    expected_children, actual_children = _children(expected), _children(actual)
    for name in dict.fromkeys([*expected_children, *actual_children]):
        ones, others = expected_children[name], actual_children[name]
        if len(ones) != len(others):
            yield f"{place} had {len(others)} of {name!r}, not {len(ones)}"
        for one, other in zip(ones, others, strict=False):
            yield from differences(one, other, place)


def size(root: _Element) -> int:
    """Return the number of nodes, the divisor that turns a number of differences into a distance."""
    return sum(1 + len(element.attrib) + bool(_text(element)) for element in root.iter(etree.Element))


def _has_same_name(expected: _Element, actual: _Element) -> bool:
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
