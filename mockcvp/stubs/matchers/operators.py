"""The operators of content patterns: functions that return a ``Matcher``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from mockcvp.messages import Invalid, quoted
from mockcvp.stubs.content import ABSENT, NOT_JSON, Content
from mockcvp.stubs.matchers import java_regex

_MAX_SHOWN = 120
# the edit distance takes quadratic time, so only this many characters of each text are compared
_MAX_MEASURED = 4000


@dataclass(frozen=True, slots=True)
class Matcher:
    """A test of one value: a header, a query parameter, a body, or a node that a path selects.

    Attributes:
        description: the expected value, in words that can follow "was 'x', not"
        matches: returns whether a value matches
        distance: returns the distance of a value that does not match, from 0 to 1
        differences: describes the differences of such a value; None or an empty list to show the value instead
        matches_whole_list: whether a list that a JSONPath selects is matched as one value
        matches_missing: whether a path that selects nothing matches
    """

    description: str
    matches: Callable[[Content], bool]
    distance: Callable[[Content], float] = lambda _: 1.0
    differences: Callable[[Content], Sequence[str]] | None = None
    matches_whole_list: bool = False
    matches_missing: bool = False

    def min_distance(self, values: Sequence[Content]) -> float:
        """Return the distance of the nearest value, 0 if a value matches."""
        return min(0.0 if self.matches(value) else self.distance(value) for value in values)

    def explain(self, place: str, values: Sequence[Content]) -> str:
        """Return why none of the values at a place matches."""
        if self.differences and len(values) == 1 and (differences := self.differences(values[0])):
            return f"{place}: {'; '.join(differences)}"
        return f"{place} was {' and '.join(map(_shown, values))}, not {self.description}"


def equal_to(expected: str, *, case_insensitive: bool = False) -> Matcher:
    """Match one text."""
    distance = _distance_from(expected)
    if not case_insensitive:
        return Matcher(_quoted(expected), lambda value: value.text == expected, distance)
    folded = expected.casefold()
    return Matcher(
        f"{_quoted(expected)} in any case",
        lambda value: value.text is not None and value.text.casefold() == folded,
        distance,
    )


def contains(expected: str) -> Matcher:
    """Match texts that contain another text."""
    return Matcher(
        f"anything that contains {_quoted(expected)}", lambda value: value.text is not None and expected in value.text
    )


def does_not_contain(rejected: str) -> Matcher:
    """Match texts that do not contain another text, and absent values."""
    return not_(contains(rejected), f"anything without {rejected!r}")


def matches(expression: str) -> Matcher:
    """Match texts that a regular expression matches as a whole; a dot also matches line ends.

    Raises:
        ValueError: the regular expression is not valid
    """
    compiled = java_regex.compile_regex(expression, java_regex.dot_all())
    return Matcher(
        f"anything that matches {_quoted(expression)}",
        lambda value: value.text is not None and java_regex.fully_matches(compiled, value.text),
    )


def does_not_match(expression: str) -> Matcher:
    """Match texts that a regular expression does not match as a whole, and absent values.

    Raises:
        ValueError: the regular expression is not valid
    """
    return not_(matches(expression), f"anything that does not match {expression!r}")


def absent() -> Matcher:
    """Match an absent value."""
    return Matcher("absent", lambda value: value.text is None, matches_missing=True)


def not_(matcher: Matcher, description: str | None = None) -> Matcher:
    """Match values that another matcher does not match, and absent values."""
    return Matcher(description or f"anything but {matcher.description}", lambda value: not matcher.matches(value))


def all_of(matchers: Sequence[Matcher]) -> Matcher:
    """Match values that all matchers match."""
    return Matcher(
        " and ".join(matcher.description for matcher in matchers),
        lambda value: all(matcher.matches(value) for matcher in matchers),
        lambda value: sum(matcher.min_distance([value]) for matcher in matchers) / len(matchers),
    )


def any_of(matchers: Sequence[Matcher]) -> Matcher:
    """Match values that at least one matcher matches."""
    return Matcher(
        " or ".join(matcher.description for matcher in matchers),
        lambda value: any(matcher.matches(value) for matcher in matchers),
        lambda value: min(matcher.min_distance([value]) for matcher in matchers),
    )


def equal_to_json(given: Any, *, ignore_array_order: bool = False, ignore_extra_elements: bool = False) -> Matcher:
    """Match JSON that equals a document, which is given as JSON or as a string of JSON.

    Raises:
        ValueError: the string is not JSON
    """
    from mockcvp.stubs.matchers import json_documents

    expected = json_documents.expected_json(given)
    compare = partial(json_documents.differences, expected, any_order=ignore_array_order, more=ignore_extra_elements)

    def distance(value: Content) -> float:
        if value.json is NOT_JSON:
            return 1.0
        size = max(json_documents.size(expected), json_documents.size(value.json))
        return _ratio(sum(1 for _ in compare(value.json)), size)

    return Matcher(
        f"the JSON {_quoted(given if isinstance(given, str) else str(given))}",
        lambda value: value.json is not NOT_JSON and next(compare(value.json), None) is None,
        distance,
        lambda value: [] if value.json is NOT_JSON else list(compare(value.json)),
        matches_whole_list=True,
    )


def equal_to_xml(given: str) -> Matcher:
    """Match XML that equals a document; ``xml_documents.differences`` lists what is ignored.

    Raises:
        ValueError: the document is not XML or has a document type
    """
    from mockcvp.stubs.matchers import xml_documents

    expected = xml_documents.parse(xml_documents.encode(given))
    if expected is None:
        problem = "not an XML document without a document type"
        raise Invalid(problem, f"{problem}: {quoted(given)}", given)
    expected_size = xml_documents.size(expected)

    def differences(value: Content) -> list[str]:
        return [] if value.xml is None else list(xml_documents.differences(expected, value.xml))

    def distance(value: Content) -> float:
        if value.xml is None:
            return 1.0
        return _ratio(len(differences(value)), max(expected_size, xml_documents.size(value.xml)))

    return Matcher(
        f"the XML {_quoted(given)}",
        lambda value: value.xml is not None and next(xml_documents.differences(expected, value.xml), None) is None,
        distance,
        differences,
    )


def matches_json_path(expression: str, inner: Matcher | None) -> Matcher:
    """Match JSON in which a JSONPath selects a value, and an inner matcher, if there is one, matches that value.

    Raises:
        ValueError: the JSONPath is not valid
    """
    from mockcvp.stubs.matchers import json_documents

    evaluate = json_documents.json_path(expression)

    def select(value: Content) -> list[Content]:
        selected = None if value.json is NOT_JSON else evaluate(value.json)
        if selected is None or selected == [] or (inner is None and selected == {}):
            return []
        if isinstance(selected, list) and not (inner and inner.matches_whole_list):
            return [Content(value=item) for item in selected]
        return [Content(value=selected)]

    return _path(f"the JSONPath {_quoted(expression)}", select, inner)


def matches_xpath(expression: str, inner: Matcher | None, *, xpath_namespaces: dict[str, str]) -> Matcher:
    """Match XML in which an XPath selects a node, and an inner matcher, if there is one, matches that node.

    Raises:
        ValueError: the XPath is not valid
    """
    from mockcvp.stubs.matchers import xml_documents

    return _path(
        f"the XPath {_quoted(expression)}", _selected(xml_documents.xpath(expression, xpath_namespaces)), inner
    )


def _path(path: str, select: Callable[[Content], list[Content]], inner: Matcher | None) -> Matcher:
    if inner is None:
        return Matcher(f"anything that has {path}", lambda value: bool(select(value)))

    def matches(value: Content) -> bool:
        selected = select(value)
        return any(map(inner.matches, selected)) if selected else inner.matches_missing

    def differences(value: Content) -> list[str]:
        selected = select(value)
        return [inner.explain(f"the value of {path}", selected) if selected else f"{path} selects nothing"]

    def distance(value: Content) -> float:
        selected = select(value)
        return inner.min_distance(selected) if selected else 1.0

    return Matcher(f"anything in which {path} is {inner.description}", matches, distance, differences)


def _distance_from(expected: str) -> Callable[[Content], float]:
    # clients send the same values again and again
    cached = lru_cache(256)(partial(_edit_distance, expected))
    return lambda value: 1.0 if value.text is None else cached(value.text[:_MAX_MEASURED], len(value.text))


def _edit_distance(one: str, other: str, length: int) -> float:
    """Return the Levenshtein distance of two texts, divided by the length of the longer text.

    Args:
        one: a text
        other: the first characters of another text, so that a cache does not store all of a long text
        length: the length of the whole other text
    """
    longest = max(len(one), length)
    if one == other or not longest:
        return 0.0
    one, other = one[:_MAX_MEASURED], other[:_MAX_MEASURED]
    if not one or not other:
        return 1.0
    # Hyyrö's version of Myers' algorithm: two bit vectors store a column of the distance table
    places: dict[str, int] = {}
    for index, char in enumerate(one):
        places[char] = places.get(char, 0) | 1 << index
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    rising, falling, distance = every, 0, len(one)
    for char in other:
        same = places.get(char, 0)
        diagonal = (((same & rising) + rising) ^ rising) | same | falling
        up, down = falling | ~(diagonal | rising), rising & diagonal
        distance += bool(up & last) - bool(down & last)
        up, down = (up << 1) | 1, down << 1
        rising, falling = (down | ~(diagonal | up)) & every, up & diagonal & every
    return max(distance, 1) / min(longest, _MAX_MEASURED)


def _ratio(differences: int, size: int) -> float:
    return min(differences / max(size, 1), 1.0)


def _shown(value: Content) -> str:
    return "absent" if value is ABSENT or value.text is None else _quoted(value.text)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def _selected(select: Callable[[Any], list[str]]) -> Callable[[Content], list[Content]]:
    """Return what an XPath selects, or selects in the document without default namespaces."""

    def find(content: Content) -> list[Content]:
        if content.xml is None:
            return []
        texts = select(content.xml)
        if not texts and content.xml_without_default_namespaces is not None:
            texts = select(content.xml_without_default_namespaces)
        return [Content(text=text) for text in texts]

    return find
