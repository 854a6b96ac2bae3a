"""Matchers of one value: what a header, a query parameter or a body must be like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from mockcvp.messages import Invalid, quoted
from mockcvp.stubs.content import ABSENT, NOT_JSON, Content
from mockcvp.stubs.matchers import regular

_LONGEST_SHOWN = 120
# beyond this many characters, two texts are as near as their beginnings
_LONGEST_MEASURED = 4000


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a value must be like.

    Attributes:
        told: what is wanted, in words that follow "not"
        holds: whether a value is as wanted
        distance: how far a value is from that, from 0 to 1; asked only where it is not as wanted
        findings: what exactly is wrong with such a value, where that can be said better than by showing it
        whole_lists: whether a list that a JSONPath finds is matched as one value
        of_nothing: whether it holds where a path finds nothing
    """

    description: str
    matches: Callable[[Content], bool]
    distance: Callable[[Content], float] = lambda _: 1.0
    findings: Callable[[Content], Sequence[str]] | None = None
    whole_lists: bool = False
    of_nothing: bool = False

    def best_distance(self, values: Sequence[Content]) -> float:
        """Return how far the nearest of some values is from what is wanted, 0 where one is as wanted."""
        return min(0.0 if self.matches(value) else self.distance(value) for value in values)

    def difference(self, place: str, values: Sequence[Content]) -> str:
        """Return why none of some values is as wanted; ``place`` says which they are."""
        if self.findings and len(values) == 1 and (found := self.findings(values[0])):
            return f"{place}: {'; '.join(found)}"
        return f"{place} was {' and '.join(map(_shown, values))}, not {self.description}"


def equal_to(wanted: str, *, any_case: bool = False) -> Matcher:
    """Return what holds for one text alone."""
    folded = wanted.casefold()
    if any_case:
        return Matcher(
            f"{_quoted(wanted)} in any case",
            lambda value: value.text is not None and value.text.casefold() == folded,
            _distance_from(wanted),
        )
    return Matcher(_quoted(wanted), lambda value: value.text == wanted, _distance_from(wanted))


def contains(wanted: str) -> Matcher:
    """Return what holds for texts with another in them."""
    return Matcher(
        f"anything that contains {_quoted(wanted)}", lambda value: value.text is not None and wanted in value.text
    )


def matches(expression: str) -> Matcher:
    """Return what holds for texts that are wholly what a regular expression says; a dot is any character.

    Raises:
        ValueError: no regular expression
    """
    expected = regular.compiled(expression, regular.dot_all())

    def matches(value: Content) -> bool:
        return value.text is not None and regular.fully_matches(expected, value.text)

    return Matcher(f"anything that matches {_quoted(expression)}", matches)


def without(matcher: Matcher, description: str) -> Matcher:
    """Return what holds where another does not, absent values among them."""
    return Matcher(description, lambda value: not matcher.matches(value))


def absent() -> Matcher:
    """Return what holds for a value that is not there."""
    return Matcher("absent", lambda value: value.text is None, of_nothing=True)


def all_of(matchers: Sequence[Matcher]) -> Matcher:
    """Return what holds where each of several does."""
    return Matcher(
        " and ".join(matcher.description for matcher in matchers),
        lambda value: all(matcher.matches(value) for matcher in matchers),
        lambda value: sum(matcher.best_distance([value]) for matcher in matchers) / len(matchers),
    )


def any_of(matchers: Sequence[Matcher]) -> Matcher:
    """Return what holds where one of several does."""
    return Matcher(
        " or ".join(matcher.description for matcher in matchers),
        lambda value: any(matcher.matches(value) for matcher in matchers),
        lambda value: min(matcher.best_distance([value]) for matcher in matchers),
    )


def equal_to_json(given: Any, *, any_order: bool, more: bool) -> Matcher:
    """Return what holds for the same JSON, given as such or as its text.

    Raises:
        ValueError: no JSON
    """
    from mockcvp.stubs.matchers import json_values

    wanted = json_values.expected_json(given)
    compare = partial(json_values.differences, wanted, any_order=any_order, more=more)

    def distance(value: Content) -> float:
        if value.json is NOT_JSON:
            return 1.0
        return _part(sum(1 for _ in compare(value.json)), max(json_values.size(wanted), json_values.size(value.json)))

    return Matcher(
        f"the JSON {_quoted(given if isinstance(given, str) else str(given))}",
        lambda value: value.json is not NOT_JSON and next(compare(value.json), None) is None,
        distance,
        lambda value: [] if value.json is NOT_JSON else list(compare(value.json)),
        whole_lists=True,
    )


def equal_to_xml(given: str) -> Matcher:
    """Return what holds for the same XML; ``xml_values.differences`` says what does not matter.

    Raises:
        ValueError: no XML
    """
    from mockcvp.stubs.matchers import xml_values

    wanted = xml_values.parsed(xml_values.encoded(given))
    if wanted is None:
        problem = "no XML document without a document type"
        raise Invalid(problem, f"{problem}: {quoted(given)}", given)
    expected_size = xml_values.size(wanted)

    def found(value: Content) -> list[str]:
        return ["no XML"] if value.xml is None else list(xml_values.differences(wanted, value.xml))

    def distance(value: Content) -> float:
        return 1.0 if value.xml is None else _part(len(found(value)), max(expected_size, xml_values.size(value.xml)))

    def matches(value: Content) -> bool:
        return value.xml is not None and next(xml_values.differences(wanted, value.xml), None) is None

    return Matcher(
        f"the XML {_quoted(given)}", matches, distance, lambda value: found(value) if value.xml is not None else []
    )


def json_path(expression: str, inner: Matcher | None) -> Matcher:
    """Return what holds where a JSONPath finds something, or something that another matcher holds for.

    Raises:
        ValueError: no JSONPath
    """
    from mockcvp.stubs.matchers import json_values

    find = json_values.json_path(expression)

    def found(value: Content) -> list[Content]:
        there = None if value.json is NOT_JSON else find(value.json)
        if there is None or there == [] or (inner is None and there == {}):
            return []
        if isinstance(there, list) and not (inner and inner.whole_lists):
            return [Content(value=item) for item in there]
        return [Content(value=there)]

    return _found_by(f"the JSONPath {_quoted(expression)}", found, inner)


def xpath(expression: str, inner: Matcher | None, namespaces: dict[str, str]) -> Matcher:
    """Return what holds where an XPath finds something, or something that another matcher holds for.

    Raises:
        ValueError: no XPath
    """
    from mockcvp.stubs.matchers import xml_values

    return _found_by(f"the XPath {_quoted(expression)}", xml_values.xpath(expression, namespaces), inner)


def _found_by(where: str, found: Callable[[Content], list[Content]], inner: Matcher | None) -> Matcher:
    if inner is None:
        return Matcher(f"anything where {where} finds something", lambda value: bool(found(value)))

    def matches(value: Content) -> bool:
        there = found(value)
        return any(inner.matches(one) for one in there) if there else inner.of_nothing

    def findings(value: Content) -> list[str]:
        there = found(value)
        return [inner.difference(f"what {where} finds", there) if there else f"{where} found nothing"]

    def distance(value: Content) -> float:
        there = found(value)
        return inner.best_distance(there) if there else 1.0

    return Matcher(f"anything where {where} finds {inner.description}", matches, distance, findings)


def _distance_from(wanted: str) -> Callable[[Content], float]:
    # many calls are alike
    far = lru_cache(256)(partial(_distance, wanted))
    return lambda value: 1.0 if value.text is None else far(value.text[:_LONGEST_MEASURED], len(value.text))


def _distance(one: str, other: str, length: int) -> float:
    """Return the Levenshtein distance of two texts as a part of the longer one's length.

    Args:
        one: a text
        other: the beginning of another
        length: of the whole of that
    """
    # of the other, what lies beyond that which is measured is not kept for its sake
    longest = max(len(one), length)
    if one == other or not longest:
        return 0.0
    one, other = one[:_LONGEST_MEASURED], other[:_LONGEST_MEASURED]
    if not one or not other:
        return 1.0
    # Myers' algorithm, as Hyyrö has it for the distance: a column of the table is two numbers of one bit per row
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
    return max(distance, 1) / min(longest, _LONGEST_MEASURED)


def _part(differences: int, size: int) -> float:
    return min(differences / max(size, 1), 1.0)


def _shown(value: Content) -> str:
    return "absent" if value is ABSENT or value.text is None else _quoted(value.text)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
