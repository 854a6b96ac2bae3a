"""JSON equality with WireMock's options, and JSONPath in the dialect of Jayway's library."""

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
from mockcvp.stubs.matchers.java_regex import UndecidedError, compile_regex, fully_matches

if TYPE_CHECKING:
    import regex

_FUNCTION = re.compile(r"\.(\w+)\([^()]*\)$")
_MAX_DEPTH = 100
_MAX_COMPARISONS = 100_000
_UNSUPPORTED_OPERATOR = re.compile(r"[\w\])'\"] (nin|subsetof|anyof|noneof|size|empty) [\[(@$'\"\dtf]")
_PLACEHOLDER = re.compile(r"[$#]\{json-unit\.")


class _ObjectFilter(Filter):
    """A filter that also tests an object itself, as Jayway's filter does: a single server is found like a list."""

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
        # an invalid expression must be rejected here, since an error during evaluation counts as no result
        if isinstance(literal, RegexLiteral):
            _cached_regex(literal.value.pattern, literal.value.flags)
        return literal


class _Environment(JSONPathEnvironment):
    parser_class = _Parser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        # Jayway does not have these functions, and their matches have no time limit
        del self.function_extensions["match"], self.function_extensions["search"]

    def compare(self, left: object, operator: str, right: object) -> bool:
        if operator == "==" and isinstance(left, str) != isinstance(right, str):
            # in Jayway, a number equals its text
            left, right = _as_number(left), _as_number(right)
        if operator == "=~" and isinstance(right, re.Pattern):
            return isinstance(left, str) and fully_matches(_cached_regex(right.pattern, right.flags), left)
        return super().compare(left, operator, right)


@lru_cache(256)
def _cached_regex(pattern: str, flags: int) -> "regex.Pattern[str]":
    return compile_regex(pattern, flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE))


def _as_number(value: object) -> object:
    # the value of a query is the list of the nodes that it selects
    if isinstance(value, list) and len(value) == 1:
        value = getattr(value[0], "obj", value[0])
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def json_path(expression: str) -> Callable[[Any], Any]:
    """Return a function that evaluates a JSONPath on a document.

    The function returns a list for an indefinite path, and None for a definite path that selects nothing.

    Raises:
        ValueError: the expression is not a valid JSONPath
    """
    path, returns_length = expression, False
    if function := _FUNCTION.search(expression):
        if function[1] not in ("length", "size"):
            problem = "of the JSONPath functions, only length() and size() are supported"
            raise Invalid(problem, f"{quoted(expression)}: {problem}", expression)
        path, returns_length = expression[: function.start()], True
    if not path.strip():
        raise ValueError("a JSONPath must not be empty")
    if operator := _UNSUPPORTED_OPERATOR.search(expression):
        problem = f"Jayway's operator {operator[1]} is not supported"
        raise Invalid(problem, f"{quoted(expression)}: {problem}", expression)
    try:
        query = _Environment().compile(path if path.lstrip().startswith("$") else f"$.{path}")
    except (JSONPathError, RecursionError, re.error, ArithmeticError, ValueError) as exc:
        reason = str(exc).partition("\n")[0]
        problem = "not a valid JSONPath"
        raise Invalid(problem, f"{quoted(expression)} is {problem}: {reason}", expression) from None
    is_definite = getattr(query, "singular_query", lambda: False)()

    def evaluate(document: Any) -> Any:
        if isinstance(document, str | int | float | bool | None):
            values: list[Any] = [document] if path == "$" else []
        else:
            values = _find_all(query, document)
        value = (values[0] if values else None) if is_definite else values
        if not returns_length:
            return value
        return len(value) if isinstance(value, list | dict | str) else None

    return evaluate


def _find_all(query: JSONPath | CompoundJSONPath, document: Any) -> list[Any]:
    try:
        return query.findall(document)
    except UndecidedError:
        raise
    except Exception:
        # a request must get a response, whatever error its values cause in the JSONPath library
        return []


def expected_json(given: Any) -> Any:
    """Return the document of ``equalToJson``, which is given as JSON or as a string of JSON.

    Raises:
        ValueError: the string is not JSON, or the document is nested too deeply or has a JsonUnit placeholder
    """
    try:
        document = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"not JSON: {exc}") from None
    if _depth(document) > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
    if any(_PLACEHOLDER.match(text) for text in _strings(document)):
        raise ValueError("placeholders of JsonUnit (${json-unit.…}) are not supported")
    return document


def _strings(document: Any) -> Iterator[str]:
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def differences(expected: Any, actual: Any, *, any_order: bool, more: bool, place: str = "$") -> Iterator[str]:
    """Yield a description of each difference between two documents.

    Args:
        expected: the expected document
        actual: the document that was sent
        any_order: whether arrays match in any order (``ignoreArrayOrder``)
        more: whether unexpected members and items are ignored (``ignoreExtraElements``)
        place: the JSONPath of both documents
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, value in expected.items():
            member = f"{place}.{name}"
            if name not in actual:
                yield f"{member} was missing"
            else:
                yield from differences(value, actual[name], any_order=any_order, more=more, place=member)
        if not more:
            yield from (f"{place}.{name} was not expected" for name in actual if name not in expected)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _array_differences(expected, actual, any_order=any_order, more=more, place=place)
    elif not _is_same(expected, actual):
        yield f"{place} was {_shown(actual)}, not {_shown(expected)}"


def _array_differences(
    expected: list[Any], actual: list[Any], *, any_order: bool, more: bool, place: str
) -> Iterator[str]:
    if len(expected) > len(actual) or (len(expected) < len(actual) and not more):
        yield f"{place} had {len(actual)} items, not {len(expected)}"
    if not any_order:
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, any_order=False, more=more, place=f"{place}[{index}]")
        return
    for item in _unpaired(expected, actual, more=more):
        yield f"{place} lacked {_shown(expected[item])}"


def _unpaired(expected: list[Any], actual: list[Any], *, more: bool) -> list[int]:
    """Return the indexes of the expected items that have no partner in a maximum matching with the actual items."""
    items, values = _without_identical(expected, actual)
    if len(items) * len(values) > _MAX_COMPARISONS:
        return items
    partners = {
        item: [value for value in values if equal(expected[item], actual[value], any_order=True, more=more)]
        for item in items
    }
    item_of: dict[int, int] = {}
    value_of: dict[int, int] = {}

    def pair(item: int) -> bool:
        # an augmenting path may give another partner to an item that is already paired
        reached_from: dict[int, int] = {}
        queue = deque([item])
        while queue:
            one = queue.popleft()
            for value in partners[one]:
                if value in reached_from:
                    continue
                reached_from[value] = one
                if value in item_of:
                    queue.append(item_of[value])
                    continue
                free: int | None = value
                while free is not None:
                    owner = reached_from[free]
                    item_of[free], value_of[owner], free = owner, free, value_of.get(owner)
                return True
        return False

    return [item for item in items if not pair(item)]


def _without_identical(expected: list[Any], actual: list[Any]) -> tuple[list[int], list[int]]:
    """Return the indexes of the expected items and of the actual items that remain after identical ones are paired."""
    indexes: dict[str, list[int]] = {}
    for index, value in enumerate(actual):
        indexes.setdefault(json.dumps(value, sort_keys=True), []).append(index)
    items = []
    for item, value in enumerate(expected):
        identical = indexes.get(json.dumps(value, sort_keys=True))
        if identical:
            identical.pop()
        else:
            items.append(item)
    return items, sorted(index for remaining in indexes.values() for index in remaining)


def equal(expected: Any, actual: Any, *, any_order: bool, more: bool) -> bool:
    """Return whether two documents have no difference; the arguments are those of ``differences``."""
    return next(differences(expected, actual, any_order=any_order, more=more), None) is None


def size(document: Any) -> int:
    """Return the number of values in a document, with objects and arrays counted twice.

    It is the divisor that turns a number of differences into a distance.
    """
    if not isinstance(document, dict | list):
        return 1
    count, pending = 1, [document]
    while pending:
        container = pending.pop()
        for value in container.values() if isinstance(container, dict) else container:
            count += 1
            if isinstance(value, dict | list):
                count += 1
                pending.append(value)
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


def _is_same(one: Any, other: Any) -> bool:
    # in Python, True equals 1
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a value that is nested too deeply to be shown"
    return text if len(text) <= 80 else f"{text[:80]}…"
