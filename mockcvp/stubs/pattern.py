"""Request patterns: what a request must be like, how far one is from that, and why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mockcvp.messages import may_be_secret
from mockcvp.oamp.references import server_id
from mockcvp.stubs.content import Content, Subject
from mockcvp.stubs.matchers.regular import UndecidedError
from mockcvp.stubs.matchers.values import Matcher

if TYPE_CHECKING:
    from mockcvp.journal import Call

# as WireMock weighs them: of a request that differs in method or URL, nothing else is looked at
_FIRST_WEIGHT, _WHOLE_WEIGHT = 39.0, 46.0
_SHOWN = 5

_Thing = TypeVar("_Thing")


class Part(NamedTuple):
    """One part of a request pattern.

    Attributes:
        holds: whether a request is as wanted
        distance: how far a request is from that, from 0 to 1; asked only where it is not as wanted
        differences: in which ways
        weight: how much it matters; over 1, it is looked at first
    """

    matches: Callable[[Subject], bool]
    distance: Callable[[Subject], float]
    differences: Callable[[Subject], list[str]]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class RequestPattern:
    """What a request must be like, all parts of it; with no parts, any request will do.

    Each method raises ``UndecidedError`` where a regular expression was stopped.

    Attributes:
        parts: what is looked at, the cheapest first
        told: in words that follow "wanted:"
    """

    parts: tuple[Part, ...] = ()
    description: str = "a call"

    def matches(self, subject: Subject) -> bool:
        """Return whether a request is as wanted."""
        for part in self.parts:  # noqa: SIM110 - a generator is slower, and a call may be held against hundreds of patterns
            if not part.matches(subject):
                return False
        return True

    def distance(self, subject: Subject) -> float:
        """Return how far a request is from what is wanted, 0 where it is as wanted, as WireMock measures it."""
        far = [
            part.weight * part.distance(subject) for part in self.parts if part.weight > 1 and not part.matches(subject)
        ]
        if far:
            return sum(far) / _FIRST_WEIGHT
        return sum(part.distance(subject) for part in self.parts if not part.matches(subject)) / _WHOLE_WEIGHT

    def differences(self, subject: Subject) -> list[str]:
        """Return in which ways a request differs from what is wanted; nothing where it is as wanted."""
        found = [line for part in self.parts if not part.matches(subject) for line in part.differences(subject)]
        # what a client sends may be no text that can be told again
        return [line.encode(errors="backslashreplace").decode() for line in found]

    def tolerant(self) -> "RequestPattern":
        """Return the same pattern for reports, which raises no ``UndecidedError``.

        A part whose regular expression was stopped does not match, and its difference is that message.
        """
        return RequestPattern(tuple(map(_tolerant, self.parts)), self.description)


def _tolerant(part: Part) -> Part:
    def tried(work: Callable[[Subject], _Thing], otherwise: _Thing) -> Callable[[Subject], _Thing]:
        def result(subject: Subject) -> _Thing:
            # the part is not evaluated again, since that would take as long
            if part in subject.undecided:
                return otherwise
            try:
                return work(subject)
            except UndecidedError as exc:
                subject.undecided[part] = str(exc)
                return otherwise

        return result

    none: list[str] = []
    found = tried(part.differences, none)

    def differences(subject: Subject) -> list[str]:
        lines = found(subject)
        return [subject.undecided[part]] if part in subject.undecided else lines

    return Part(tried(part.matches, False), tried(part.distance, 1.0), differences, part.weight)


def of_method(method: str) -> Part:
    """Return what holds for one method."""
    return Part(
        lambda subject: subject.request.method == method,
        lambda _: 1.0,
        lambda subject: [f"method was {subject.request.method}, not {method}"],
        3.0,
    )


def of_url(name: str, part_of: Callable[[Subject], str], matcher: Matcher, description: str) -> Part:
    """Return what holds for some URLs.

    Args:
        name: of this part, for what is said of a difference
        part_of: the part of a request that is looked at
        matcher: what it must be like
        description: of the pattern, for the message of a difference
    """
    return Part(
        lambda subject: matcher.matches(Content(text=part_of(subject))),
        lambda subject: matcher.distance(Content(text=part_of(subject))),
        lambda subject: [f"{name} was {part_of(subject)}, not {description}"],
        10.0,
    )


def of_target(url: str, matcher: Matcher) -> Part:
    """Return what holds for one URL alone, with its query; ``matcher`` is for that text."""
    part = of_url("url", lambda subject: subject.request.target, matcher, url)
    return part._replace(matches=lambda subject: subject.request.target == url)


def of_path(path: str, matcher: Matcher) -> Part:
    """Return what holds for one path alone, as it came; ``matcher`` is for that text."""
    part = of_url("path", lambda subject: subject.path, matcher, path)
    return part._replace(matches=lambda subject: subject.path == path)


def of_values(places: Iterable[tuple[str, Callable[[Subject], Sequence[Content]], Matcher]]) -> Part:
    """Return what holds where values are as wanted.

    Args:
        places: for each what it is called, where its values are (one of which must be as wanted), and what is wanted
    """
    wanted = tuple(
        (name, read, _masked(matcher, name) if may_be_secret(name) else matcher) for name, read, matcher in places
    )

    def matches(subject: Subject) -> bool:
        # no generators, as above
        for _, read, matcher in wanted:
            for value in read(subject):
                if matcher.matches(value):
                    break
            else:
                return False
        return True

    def distance(subject: Subject) -> float:
        return sum(matcher.best_distance(read(subject)) for _, read, matcher in wanted) / len(wanted)

    def differences(subject: Subject) -> list[str]:
        return [
            # it is told to more people than may know it
            f"{name} was another" if may_be_secret(name) else matcher.difference(name, values)
            for name, read, matcher in wanted
            if not any(map(matcher.matches, values := read(subject)))
        ]

    return Part(matches, distance, differences)


def _masked(matcher: Matcher, place: str) -> Matcher:
    """Return a matcher whose error shows no regular expression, since that may hold what is secret."""

    def masked(work: Callable[[Content], _Thing]) -> Callable[[Content], _Thing]:
        def result(value: Content) -> _Thing:
            try:
                return work(value)
            except UndecidedError as exc:
                raise UndecidedError(exc.expression, place) from None

        return result

    return replace(matcher, matches=masked(matcher.matches), distance=masked(matcher.distance))


def of_headers(wanted: Iterable[tuple[str, Matcher]]) -> Part:
    """Return what holds where headers are as wanted; their names in any case."""
    return of_values(
        (f"header {name}", _header(name.lower().encode("latin-1", "replace")), matcher) for name, matcher in wanted
    )


def _header(name: bytes) -> Callable[[Subject], Sequence[Content]]:
    return lambda subject: subject.header(name)


def of_query(wanted: Mapping[str, Matcher]) -> Part:
    """Return what holds where query parameters are as wanted."""
    return of_values((f"query parameter {name}", _parameter(name), matcher) for name, matcher in wanted.items())


def _parameter(name: str) -> Callable[[Subject], Sequence[Content]]:
    return lambda subject: subject.query(name)


def of_body(wanted: Iterable[Matcher]) -> Part:
    """Return what holds where the body is as each of some matchers wants it."""
    return of_values(("body", lambda subject: [subject.body], matcher) for matcher in wanted)


def of_status(status: int) -> Part:
    """Return what holds for calls that got a status."""

    def differences(subject: Subject) -> list[str]:
        return [f"status was {_call(subject).status or 'none at all'}, not {status}"]

    return Part(lambda subject: _call(subject).status == status, lambda _: 1.0, differences)


def of_sync_up(ref_url: str | None, sincetime: int | None) -> Part:
    """Return what holds for calls that have started a sync-up.

    Args:
        ref_url: of this server, a reference or its id; None: of any
        sincetime: that was asked for; None: any
    """
    wanted = None if ref_url is None else server_id(ref_url)

    def found(subject: Subject) -> tuple[float, str]:
        sync_up = _call(subject).synchronization
        if sync_up is None:
            return 1.0, "it started no sync-up"
        runs = [run for run in sync_up.started if wanted in (None, run.server_id)]
        if wanted is not None and not runs:
            started = ", ".join(run.server_id for run in sync_up.started[:_SHOWN])
            return 0.5, f"the server was {started or 'none'}, not {wanted}"
        sincetimes = [run.requested.sincetime for run in runs]
        if sincetime is not None and sincetime not in sincetimes:
            return 0.25, f"sincetime was {', '.join(map(str, sincetimes[:_SHOWN]))}, not {sincetime}"
        return 0.0, ""

    return Part(
        lambda subject: not found(subject)[0], lambda subject: found(subject)[0], lambda subject: [found(subject)[1]]
    )


def _call(subject: Subject) -> "Call":
    if subject.call is None:
        raise ValueError("a request that is not answered yet has no status and no sync-up")
    return subject.call


def matching(pattern: RequestPattern, calls: Iterable["Call"]) -> list["Call"]:
    """Return the calls that match a pattern, in the order in which they are given."""
    return [call for call in calls if pattern.matches(Subject(call.request, call))]


def near_misses(pattern: RequestPattern, calls: Sequence["Call"], most: int) -> list[tuple[float, "Call"]]:
    """Return the calls that are nearest to a pattern, the nearest first; of equally near ones, as they came.

    Args:
        pattern: what was wanted
        calls: among which to look
        most: how many to return, at most
    """
    return nearest([pattern.distance(Subject(call.request, call)) for call in calls], calls, most)


def nearest(distances: Iterable[float], things: Iterable[_Thing], most: int) -> list[tuple[float, _Thing]]:
    """Return the nearest of some things with their distances, the nearest first; of equally near ones, as they came."""
    return sorted(zip(distances, things, strict=True), key=lambda found: found[0])[:most]
