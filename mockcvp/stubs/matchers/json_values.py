"""JSON as patterns look at it: equality, and JSONPath as Jayway's library reads it."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonpath import CompoundJSONPath, JSONPath, JSONPathEnvironment, JSONPathError, JSONPathMatch
from jsonpath.filter import BaseExpression, RegexLiteral
from jsonpath.parse import Parser
from jsonpath.selectors import Filter, FilterContext
from jsonpath.stream import TokenStream

from mockcvp.messages import Invalid, quoted
from mockcvp.stubs.matchers.regular import UndecidedError, compiled, fully_matches

if TYPE_CHECKING:
    import regex

_FUNCTION = re.compile(r"\.(\w+)\([^()]*\)$")
_LINE_END = "\n"
_DEEPEST = 100
_MOST_COMPARED = 100_000
_OPERATOR = re.compile(r"[\w\])'\"] (nin|subsetof|anyof|noneof|size|empty) [\[(@$'\"\dtf]")
_PLACEHOLDER = re.compile(r"[$#]\{json-unit\.")


class _ObjectFilter(Filter):
    """A filter that asks an object itself, as Jayway's does, so that one server is found as several are."""

    def resolve(self, node: JSONPathMatch) -> Iterable[JSONPathMatch]:
        if not isinstance(node.obj, dict):
            return super().resolve(node)
        context = FilterContext(env=self.env, current=node.obj, root=node.root)
        return [node] if self.expression.evaluate(context) else []


class _Parser(Parser):
    def parse_filter_selector(self, stream: TokenStream, *, keys: bool = False) -> Any:
        selector = super().parse_filter_selector(stream, keys=keys)
        if not isinstance(selector, Filter):
            return selector
        return _ObjectFilter(env=self.env, token=selector.token, expression=selector.expression)

    def parse_regex(self, stream: TokenStream) -> BaseExpression:
        literal = super().parse_regex(stream)
        # an expression that cannot be compiled is rejected now, and does not find nothing later
        if isinstance(literal, RegexLiteral):
            _regex(literal.value.pattern, literal.value.flags)
        return literal


class _Environment(JSONPathEnvironment):
    parser_class = _Parser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        # Jayway has no such functions, and they would match without a limit
        del self.function_extensions["match"], self.function_extensions["search"]

    def compare(self, left: object, operator: str, right: object) -> bool:
        if operator == "==" and isinstance(left, str) != isinstance(right, str):
            # to Jayway, a number is equal to the text of it
            left, right = _as_number(left), _as_number(right)
        if operator == "=~" and isinstance(right, re.Pattern):
            return isinstance(left, str) and fully_matches(_regex(right.pattern, right.flags), left)
        return super().compare(left, operator, right)


@lru_cache(256)
def _regex(pattern: str, flags: int) -> "regex.Pattern[str]":
    return compiled(pattern, flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE))


def _as_number(value: object) -> object:
    # a query for one value comes as the list of what it finds
    if isinstance(value, list) and len(value) == 1:
        value = getattr(value[0], "obj", value[0])
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def json_path(expression: str) -> Callable[[Any], Any]:
    """Return what finds the value of an expression: a list of them where it may be several, None where there is none.

    Raises:
        ValueError: no JSONPath
    """
    path, measured = expression, False
    if function := _FUNCTION.search(expression):
        if function[1] not in ("length", "size"):
            problem = "of JSONPath's functions there are only length() and size()"
            raise Invalid(problem, f"{quoted(expression)}: {problem}", expression)
        path, measured = expression[: function.start()], True
    if not path.strip():
        raise ValueError("a JSONPath must not be empty")
    if operator := _OPERATOR.search(expression):
        problem = f"Jayway's operator {operator[1]} is not supported"
        raise Invalid(problem, f"{quoted(expression)}: {problem}", expression)
    try:
        query = _Environment().compile(path if path.lstrip().startswith("$") else f"$.{path}")
    except (JSONPathError, RecursionError, re.error, ArithmeticError, ValueError) as exc:
        reason = str(exc).partition(_LINE_END)[0]
        raise Invalid("no JSONPath", f"{quoted(expression)} is no JSONPath: {reason}", expression) from None
    definite = getattr(query, "singular_query", lambda: False)()

    def found(document: Any) -> Any:
        if isinstance(document, str | int | float | bool | None):
            values: list[Any] = [document] if path == "$" else []
        else:
            values = _found(query, document)
        value = (values[0] if values else None) if definite else values
        if not measured:
            return value
        return len(value) if isinstance(value, list | dict | str) else None

    return found


def _found(query: JSONPath | CompoundJSONPath, document: Any) -> list[Any]:
    try:
        return query.findall(document)
    except UndecidedError:
        raise
    except Exception:
        # whatever a comparison of what was sent comes to, it finds nothing
        return []


def expected_json(given: Any) -> Any:
    """Return the document that ``equalToJson`` expects, which may be given as JSON or as its text.

    Raises:
        ValueError: no JSON, or a placeholder of JsonUnit in it
    """
    try:
        document = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"no JSON: {exc}") from None
    if _depth(document) > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    if any(_PLACEHOLDER.match(text) for text in _texts(document)):
        raise ValueError("placeholders of JsonUnit (${json-unit.…}) are not supported")
    return document


def _texts(document: Any) -> Iterator[str]:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def differences(expected: Any, actual: Any, *, any_order: bool, more: bool, place: str = "$") -> Iterator[str]:
    """Tell each difference between two documents.

    Args:
        expected: what should be there
        actual: what is
        any_order: whether the order in arrays does not matter
        more: whether there may be members and items that nobody expects
        place: where this is, as a JSONPath
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            there = f"{place}.{name}"
            if name not in actual:
                yield f"{there} was missing"
            else:
                yield from differences(value, actual[name], any_order=any_order, more=more, place=there)
        if not more:
            yield from (f"{place}.{name} was not expected" for name in actual if name not in expected)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _of_arrays(expected, actual, any_order=any_order, more=more, place=place)
    elif not _same(expected, actual):
        yield f"{place} was {_shown(actual)}, not {_shown(expected)}"


def _of_arrays(expected: list[Any], actual: list[Any], *, any_order: bool, more: bool, place: str) -> Iterator[str]:
    if len(expected) > len(actual) or (len(expected) < len(actual) and not more):
        yield f"{place} had {len(actual)} items, not {len(expected)}"
    if not any_order:
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, any_order=False, more=more, place=f"{place}[{index}]")
        return
    for lonely in _unpaired(expected, actual, more=more):
        yield f"{place} lacked {_shown(expected[lonely])}"


def _unpaired(expected: list[Any], actual: list[Any], *, more: bool) -> list[int]:
    """Return which of the expected items find none of their own among the actual ones, in the best pairing."""
    left, free_values = _without_the_same(expected, actual)
    if len(left) * len(free_values) > _MOST_COMPARED:
        return left
    partners = {
        item: [other for other in free_values if equal(expected[item], actual[other], any_order=True, more=more)]
        for item in left
    }
    owner: dict[int, int] = {}
    held: dict[int, int] = {}

    def paired(item: int) -> bool:
        # by augmenting paths: an item may be given another partner for the sake of this one
        reached: dict[int, int] = {}
        waiting = deque([item])
        while waiting:
            one = waiting.popleft()
            for other in partners[one]:
                if other in reached:
                    continue
                reached[other] = one
                if other in owner:
                    waiting.append(owner[other])
                    continue
                free: int | None = other
                while free is not None:
                    taker = reached[free]
                    owner[free], held[taker], free = taker, free, held.get(taker)
                return True
        return False

    return [item for item in left if not paired(item)]


def _without_the_same(expected: list[Any], actual: list[Any]) -> tuple[list[int], list[int]]:
    """Return which items and which values are left when those that are the same to a letter are paired."""
    there: dict[str, list[int]] = {}
    for other, value in enumerate(actual):
        there.setdefault(json.dumps(value, sort_keys=True), []).append(other)
    left = []
    for item, value in enumerate(expected):
        same = there.get(json.dumps(value, sort_keys=True))
        if same:
            same.pop()
        else:
            left.append(item)
    return left, sorted(other for others in there.values() for other in others)


def equal(expected: Any, actual: Any, *, any_order: bool, more: bool) -> bool:
    """Return whether there is no difference; the arguments are as in ``differences``."""
    return next(differences(expected, actual, any_order=any_order, more=more), None) is None


def size(document: Any) -> int:
    """Return how many values there are, those that hold others twice, to measure a number of differences by."""
    if not isinstance(document, dict | list):
        return 1
    count, waiting = 1, [document]
    while waiting:
        container = waiting.pop()
        values = container.values() if isinstance(container, dict) else container
        for value in values:
            count += 1
            if isinstance(value, dict | list):
                count += 1
                waiting.append(value)
    return count


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [
            value
            for one in level
            if isinstance(one, dict | list)
            for value in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _same(one: Any, other: Any) -> bool:
    # to Python true is 1
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "what is nested too deeply to be shown"
    return text if len(text) <= 80 else f"{text[:80]}…"
