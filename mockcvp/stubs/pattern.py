"""Request patterns, and the near misses of a pattern."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mockcvp.messages import may_be_secret
from mockcvp.oamp.references import server_id
from mockcvp.stubs.content import Content, Subject
from mockcvp.stubs.matchers.java_regex import UndecidedError
from mockcvp.stubs.matchers.operators import Matcher

if TYPE_CHECKING:
    from mockcvp.journal import Call

# WireMock's weights: if the method or the URL differs, the other parts do not count
_METHOD_AND_URL_WEIGHT, _TOTAL_WEIGHT = 39.0, 46.0
_MAX_SHOWN = 5

_T = TypeVar("_T")


class Part(NamedTuple):
    """One part of a request pattern.

    Attributes:
        matches: returns whether a request matches
        distance: returns the distance of a request that does not match, from 0 to 1
        differences: describes the differences of such a request
        weight: the weight of the distance; above 1 for the method and the URL, which are compared first
        is_of_body: whether the part depends on the content of the body
    """

    matches: Callable[[Subject], bool]
    distance: Callable[[Subject], float]
    differences: Callable[[Subject], list[str]]
    weight: float = 1.0
    is_of_body: bool = False


@dataclass(frozen=True, slots=True)
class RequestPattern:
    """A request pattern: a request matches if all parts match.

    Each method raises ``UndecidedError`` if a regular expression is stopped.

    Attributes:
        parts: the parts, the cheapest first
        description: the pattern in words that can follow "wanted:"
    """

    parts: tuple[Part, ...] = ()
    description: str = "a call"

    def matches(self, subject: Subject) -> bool:
        """Return whether a request matches."""
        for part in self.parts:  # noqa: SIM110 - a generator is slower, and a request may be matched against many patterns
            if not part.matches(subject):
                return False
        return True

    def distance(self, subject: Subject) -> float:
        """Return the distance of a request as WireMock measures it, 0 if the request matches."""
        # the other parts are not matched if the method or the URL differs, since they may take long
        first = [
            part.weight * part.distance(subject) for part in self.parts if part.weight > 1 and not part.matches(subject)
        ]
        if first:
            return sum(first) / _METHOD_AND_URL_WEIGHT
        return sum(part.distance(subject) for part in self.parts if not part.matches(subject)) / _TOTAL_WEIGHT

    def differences(self, subject: Subject) -> list[str]:
        """Describe the differences of a request; return an empty list if the request matches."""
        lines = [line for part in self.parts if not part.matches(subject) for line in part.differences(subject)]
        # a header or body may contain half of a surrogate pair, which cannot be encoded
        return [line.encode(errors="backslashreplace").decode() for line in lines]

    def differs_in_body(self, subject: Subject) -> bool:
        """Return whether the body of a request has other content than this pattern."""
        return any(part.is_of_body and not part.matches(subject) for part in self.parts)

    def tolerant(self) -> "RequestPattern":
        """Return a copy for reports, which does not raise ``UndecidedError``.

        A part whose regular expression is stopped does not match, and the error message is its difference.
        """
        return RequestPattern(tuple(map(_tolerant, self.parts)), self.description)


def _tolerant(part: Part) -> Part:
    def catch(work: Callable[[Subject], _T], default: _T) -> Callable[[Subject], _T]:
        def result(subject: Subject) -> _T:
            # a second evaluation would take as long as the first
            if part in subject.undecided:
                return default
            try:
                return work(subject)
            except UndecidedError as exc:
                subject.undecided[part] = str(exc)
                return default

        return result

    empty: list[str] = []
    describe = catch(part.differences, empty)

    def differences(subject: Subject) -> list[str]:
        lines = describe(subject)
        return [subject.undecided[part]] if part in subject.undecided else lines

    return part._replace(
        matches=catch(part.matches, False), distance=catch(part.distance, 1.0), differences=differences
    )


def match_method(method: str) -> Part:
    """Match requests with this method."""
    return Part(
        lambda subject: subject.request.method == method,
        lambda _: 1.0,
        lambda subject: [f"method was {subject.request.method}, not {method}"],
        3.0,
    )


def match_url(name: str, read: Callable[[Subject], str], matcher: Matcher, description: str) -> Part:
    """Match requests by their URL or path.

    Args:
        name: the name of the value in a difference
        read: returns the value of a request
        matcher: the matcher for that value
        description: the expected value in a difference
    """
    return Part(
        lambda subject: matcher.matches(Content(text=read(subject))),
        lambda subject: matcher.distance(Content(text=read(subject))),
        lambda subject: [f"{name} was {read(subject)}, not {description}"],
        10.0,
    )


def match_target(url: str, matcher: Matcher) -> Part:
    """Match requests with this URL, including the query; ``matcher`` measures the distance."""
    part = match_url("url", lambda subject: subject.request.target, matcher, url)
    # a comparison of strings is faster than the matcher
    return part._replace(matches=lambda subject: subject.request.target == url)


def match_path(path: str, matcher: Matcher) -> Part:
    """Match requests with this path, which is not decoded; ``matcher`` measures the distance."""
    part = match_url("path", lambda subject: subject.path, matcher, path)
    return part._replace(matches=lambda subject: subject.path == path)


def match_values(places: Iterable[tuple[str, Callable[[Subject], Sequence[Content]], Matcher]]) -> Part:
    """Match requests in which each place has at least one value that matches.

    Args:
        places: for each place its name, a function that reads its values, and the matcher
    """
    checks = tuple(
        (name, read, _masked(matcher, name) if may_be_secret(name) else matcher) for name, read, matcher in places
    )

    def matches(subject: Subject) -> bool:
        # nested loops are faster than generators here too
        for _, read, matcher in checks:
            for value in read(subject):
                if matcher.matches(value):
                    break
            else:
                return False
        return True

    def distance(subject: Subject) -> float:
        return sum(matcher.min_distance(read(subject)) for _, read, matcher in checks) / len(checks)

    def differences(subject: Subject) -> list[str]:
        return [
            # a difference must not show a secret
            f"{name} had another value" if may_be_secret(name) else matcher.explain(name, values)
            for name, read, matcher in checks
            if not any(map(matcher.matches, values := read(subject)))
        ]

    return Part(matches, distance, differences)


def _masked(matcher: Matcher, place: str) -> Matcher:
    """Return a matcher whose ``UndecidedError`` does not show the regular expression, which may contain a secret."""

    def masked(work: Callable[[Content], _T]) -> Callable[[Content], _T]:
        def result(value: Content) -> _T:
            try:
                return work(value)
            except UndecidedError as exc:
                raise UndecidedError(exc.expression, place) from None

        return result

    return replace(matcher, matches=masked(matcher.matches), distance=masked(matcher.distance))


def match_headers(headers: Iterable[tuple[str, Matcher]]) -> Part:
    """Match requests in which each named header has a value that matches; the names are case-insensitive."""
    return match_values(
        (f"header {name}", _read_header(name.lower().encode("latin-1", "replace")), matcher)
        for name, matcher in headers
    )


def _read_header(name: bytes) -> Callable[[Subject], Sequence[Content]]:
    return lambda subject: subject.header(name)


def match_query(parameters: Mapping[str, Matcher]) -> Part:
    """Match requests in which each named query parameter has a value that matches."""
    return match_values(
        (f"query parameter {name}", _read_parameter(name), matcher) for name, matcher in parameters.items()
    )


def _read_parameter(name: str) -> Callable[[Subject], Sequence[Content]]:
    return lambda subject: subject.query(name)


def match_body(matchers: Iterable[Matcher]) -> Part:
    """Match requests whose body matches all matchers."""
    part = match_values(("body", lambda subject: [subject.body], matcher) for matcher in matchers)
    return part._replace(is_of_body=True)


def match_status(status: int) -> Part:
    """Match recorded calls whose response has this status."""

    def differences(subject: Subject) -> list[str]:
        return [f"status was {_call(subject).status or 'none'}, not {status}"]

    return Part(lambda subject: _call(subject).status == status, lambda _: 1.0, differences)


def match_sync_up(ref_url: str | None, sincetime: int | None) -> Part:
    """Match recorded calls that started a sync-up.

    Args:
        ref_url: the reference or id of the server; None for any server
        sincetime: the requested sincetime; None for any
    """
    expected_id = None if ref_url is None else server_id(ref_url)

    def compare(subject: Subject) -> tuple[float, str]:
        sync_up = _call(subject).synchronization
        if sync_up is None:
            return 1.0, "it started no sync-up"
        runs = [run for run in sync_up.started if expected_id in (None, run.server_id)]
        if expected_id is not None and not runs:
            ids = ", ".join(run.server_id for run in sync_up.started[:_MAX_SHOWN])
            return 0.5, f"the sync-up was of {ids if sync_up.requested else 'every server'}, not of {expected_id}"
        sincetimes = list(dict.fromkeys(run.requested.sincetime for run in runs))
        if sincetime is not None and sincetime not in sincetimes:
            return 0.25, f"sincetime was {', '.join(map(str, sincetimes[:_MAX_SHOWN]))}, not {sincetime}"
        return 0.0, ""

    return Part(
        lambda subject: not compare(subject)[0],
        lambda subject: compare(subject)[0],
        lambda subject: [compare(subject)[1]],
        is_of_body=True,
    )


def _call(subject: Subject) -> "Call":
    if subject.call is None:
        raise ValueError("a request without a response has no status and no sync-up")
    return subject.call


def matching(pattern: RequestPattern, calls: Iterable["Call"]) -> list["Call"]:
    """Return the calls that match a pattern, in the given order."""
    return [call for call in calls if pattern.matches(Subject(call.request, call))]


def near_misses(pattern: RequestPattern, calls: Sequence["Call"], most: int) -> list[tuple[float, "Call"]]:
    """Return the calls that are nearest to a pattern, with their distances.

    Args:
        pattern: the pattern
        calls: the calls to compare
        most: the maximum number of calls to return
    """
    return nearest([pattern.distance(Subject(call.request, call)) for call in calls], calls, most)


def nearest(distances: Iterable[float], candidates: Iterable[_T], most: int) -> list[tuple[float, _T]]:
    """Return at most ``most`` candidates with their distances, nearest first and otherwise in the given order."""
    return sorted(zip(distances, candidates, strict=True), key=lambda pair: pair[0])[:most]
