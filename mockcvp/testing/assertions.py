"""Which calls were wanted, which there were, and, where those differ, a message that ends the search."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import ValidationError

from mockcvp.journal import Call, Page
from mockcvp.messages import error_lines, may_be_secret
from mockcvp.oamp.http import BASE_PATH
from mockcvp.stubs.content import Subject
from mockcvp.stubs.mapping import StubMapping
from mockcvp.stubs.matchers.java_regex import UndecidedError
from mockcvp.stubs.matchers.operators import Matcher, equal_to
from mockcvp.stubs.pattern import (
    Part,
    RequestPattern,
    match_method,
    match_status,
    match_sync_up,
    match_url,
    matching,
    near_misses,
)

_LINES = 5
_NONE = "none"
_SYNCHRONIZE = f"{BASE_PATH}/command/synchronize"
_KINDS = {"method": str, "path": str, "status": int, "ref_url": str, "sincetime": int}


class WantedCall(TypedDict, total=False):
    """What a call must be like; what is not given does not matter."""

    method: str
    """In any case."""
    path: str
    """With or without ``/cvp-config`` before it."""
    status: int
    """Of the answer."""
    ref_url: str
    """Of a server whose sync-up it has started: a reference, or an id."""
    sincetime: int
    """That it has asked for."""
    request: Mapping[str, Any]
    """A request pattern of WireMock's: ``{"headers": {"Accept": {"contains": "json"}}}``."""


def pattern_of(wanted: WantedCall, *, synchronized: bool = False) -> RequestPattern:
    """Return the pattern of a wanted call, which must have started a sync-up where ``synchronized`` says so.

    Raises:
        TypeError: a name that is not known, or a value of another type
        ValueError: a value that is not valid
    """
    for name, value in wanted.items():
        if name not in WantedCall.__annotations__:
            raise TypeError(f"{name!r} says nothing of a call; {', '.join(WantedCall.__annotations__)} do")
        kind = _KINDS.get(name)
        if kind and value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise TypeError(f"{name} must be {'text' if kind is str else 'a whole number'}, not {value!r}")
    given = {name: value for name, value in wanted.items() if value is not None}
    method, path, status = wanted.get("method"), wanted.get("path"), wanted.get("status")
    ref_url, sincetime, request = wanted.get("ref_url"), wanted.get("sincetime"), wanted.get("request")
    parts = [] if method is None else [match_method(method.upper())]
    if path is not None:
        parts.append(_of_path(path))
    if status is not None:
        parts.append(match_status(status))
    if synchronized or ref_url is not None or sincetime is not None:
        parts.append(match_sync_up(ref_url, sincetime))
    if request is not None:
        parts += _read(request).parts
    what = f"a sync-up of {given.pop('ref_url', 'any server')}" if synchronized else "a call"
    conditions = ", ".join(f"{name}={_given(given[name])}" for name in WantedCall.__annotations__ if name in given)
    # the cheapest first, and of those the ones that weigh most
    parts.sort(key=lambda part: -part.weight)
    return RequestPattern(tuple(parts), f"{what} with {conditions}" if conditions else what)


def _given(value: object) -> str:
    # a request pattern is shown whole, unless it may hold a secret
    text = repr(value)
    return "…" if may_be_secret(text) else text


def _of_path(path: str) -> Part:
    if "?" in path or "://" in path:
        raise ValueError(f"path must be a path alone, as server or /cvp-config/server, not {path!r}")
    wanted = "/" + path.strip("/")
    if not f"{wanted}/".startswith(f"{BASE_PATH}/"):
        wanted = f"{BASE_PATH}{wanted}".rstrip("/")
    near = equal_to(wanted)
    matcher = Matcher(wanted, lambda value: (value.text or "").rstrip("/") == wanted, near.distance)
    return match_url("path", lambda subject: subject.request.path, matcher, wanted)


def _read(request: Mapping[str, Any]) -> RequestPattern:
    # only for those who use it, since it takes time to load
    from mockcvp.stubs.pattern_schema import RequestPatternForm

    try:
        return RequestPatternForm.model_validate(dict(request)).pattern
    except ValidationError as exc:
        raise ValueError(f"request: {'; '.join(error_lines(exc, request))}") from None


def fault(wanted: RequestPattern, page: Page, times: int | None, failures: Sequence[str] = ()) -> str | None:
    """Return what speaks against calls as wanted, in a message of some lines; None where nothing does.

    Args:
        wanted: what the calls must be like
        page: all calls that the journal holds
        times: how many there must be; None: at least one
        failures: why there was no TLS with clients
    """
    found, dropped = len(matching(wanted, page.calls)), page.total - page.stored
    # a call that was dropped may have been one more
    if (found and times is None) or (found == times and not dropped):
        return None
    amount = {None: "at least once", 0: "never", 1: "once"}.get(times, f"{times} times")
    return _message(wanted, page, amount, failures, may_matter=times is None or found <= times)


def shortfall(wanted: RequestPattern, page: Page, count: int, failures: Sequence[str] = ()) -> str:
    """Return why there are fewer calls than wanted, in a message of some lines; the arguments are as in ``fault``."""
    return _message(wanted, page, f"{count} at least" if count != 1 else "at least once", failures, may_matter=True)


def idle_stub(mapping: StubMapping, calls: Sequence[Call]) -> str:
    """Return that a stub mapping has answered no call, and how the nearest one differs from what it matches."""
    said = f"the stub mapping {mapping.name or mapping.pattern.description} has answered no call"
    try:
        nearest = near_misses(mapping.pattern, calls, 1)
        if not nearest:
            return said
        call = nearest[0][1]
        differences = mapping.pattern.differences(Subject(call.request, call))
    except UndecidedError as exc:
        # a report must come, and each further call may take as long
        return f"{said}; {exc}"
    if not differences:
        return f"{said}; call {call.number} matches, and was answered otherwise"
    return f"{said}; of call {call.number}, the nearest, {'; '.join(differences)}"


def _message(wanted: RequestPattern, page: Page, amount: str, failures: Sequence[str], *, may_matter: bool) -> str:
    found, dropped = len(matching(wanted, page.calls)), page.total - page.stored
    lines = [f"wanted: {wanted.description}, {amount}; there {'was 1' if found == 1 else f'were {found or _NONE}'}"]
    if dropped and may_matter:
        lines.append(
            f"the journal has dropped {dropped} of {page.total} calls, so nobody can tell: "
            "give the mock server more journal_max_calls or journal_max_bytes"
        )
    if page.total == 0:
        lines.append("the mock server got no call at all: does your client call it?")
    if failures and not found:
        lines.append(f"there was no TLS with {len(failures)} connections: {'; '.join(dict.fromkeys(failures))}")
    return "\n".join([*lines, *_described(wanted, page.calls, found)])


def _described(wanted: RequestPattern, calls: Sequence[Call], found: int) -> list[str]:
    """Return a line for each of the calls that say most: the refused, then the nearest, or those found too often."""
    ranked = sorted(calls, key=lambda call: (_place(wanted, call, found), -call.number))
    alike: dict[str, list[Call]] = {}
    for call in ranked:
        alike.setdefault(_line(wanted, call), []).append(call)
    chosen = list(alike)[:_LINES]
    nearest = next((line for line, calls in alike.items() if not calls[0].refusal), None)
    if nearest is not None and nearest not in chosen:
        chosen[-1] = nearest
    lines = [f"  {_numbers(alike[line])}: {line}" for line in chosen]
    others = len(calls) - sum(len(alike[line]) for line in chosen)
    return [*lines, f"  and {others} more calls"] if others else lines


def _numbers(calls: Sequence[Call]) -> str:
    numbers = sorted(call.number for call in calls)
    if len(numbers) == 1:
        return f"call {numbers[0]}"
    shown = ", ".join(map(str, numbers[:_LINES]))
    return f"{len(numbers)} calls ({shown}{', …' if len(numbers) > _LINES else ''})"


def _place(wanted: RequestPattern, call: Call, found: int) -> tuple[bool, bool, float]:
    distance = wanted.distance(Subject(call.request, call))
    rejected_sync_up = bool(call.refusal) and call.path.rstrip("/") == _SYNCHRONIZE
    return bool(found and distance), not rejected_sync_up, distance


def _line(wanted: RequestPattern, call: Call) -> str:
    what = f"{call.method} {call.path}"
    if call.mapping is not None and call.response is not None:
        what = f"{what}, answered by the stub mapping {call.mapping.name or call.mapping.pattern.description},"
    differences = "; ".join(wanted.differences(Subject(call.request, call))) or "matches"
    if call.fault is not None:
        return f"{what} met the planned fault {call.fault}"
    if call.response is None:
        return f"{what} was cut off by its client"
    if not call.response.errors:
        return (
            f"{what}: {call.status}, {differences}"
            if call.refusal is None
            else f"{what}: {call.status}, {call.refusal}"
        )
    error = call.response.errors[0]
    sent = f"sent {error.type.data}={error.actual} and " if error.actual is not None else ""
    if error.actual is None and call.status == 401:
        sent = f"sent the user {call.user!r} and " if call.user else "sent no user and "
    return f"your client {sent}got {call.status} {error.type.name}: {error.reason}; {what}"
