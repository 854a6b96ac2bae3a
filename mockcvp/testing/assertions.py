"""Verification of calls, with messages that explain a mismatch."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from pydantic import ValidationError

from mockcvp.journal import Call, Page
from mockcvp.messages import error_lines, may_be_secret, quoted
from mockcvp.oamp.http import BASE_PATH
from mockcvp.server.tls import NOT_TRUSTED
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
_MAX_BODY = 200
# A secret anywhere in these characters masks the whole body.
_MAX_SEARCHED = 10_000
_NONE = "none"
_SYNCHRONIZE = f"{BASE_PATH}/command/synchronize"
_KINDS = {"method": str, "path": str, "status": int, "ref_url": str, "sincetime": int}


class WantedCall(TypedDict, total=False):
    """Conditions on a call; a missing one matches every call."""

    method: str
    """The method, case-insensitive."""
    path: str
    """The path, with or without the prefix ``/cvp-config``."""
    status: int
    """The status of the response."""
    ref_url: str
    """The reference or id of a server whose sync-up the call started."""
    sincetime: int
    """The ``sincetime`` of a sync-up that the call started."""
    request: Mapping[str, Any]
    """A WireMock request pattern: ``{"headers": {"Accept": {"contains": "json"}}}``."""


def pattern_of(wanted: WantedCall, *, synchronized: bool = False) -> RequestPattern:
    """Return the request pattern for some conditions.

    Args:
        wanted: the conditions
        synchronized: whether the call must have started a sync-up

    Raises:
        TypeError: a condition is unknown or has a value of the wrong type
        ValueError: a value is not valid
    """
    for name, value in wanted.items():
        if name not in WantedCall.__annotations__:
            raise TypeError(f"{name!r} is not a condition; these are: {', '.join(WantedCall.__annotations__)}")
        kind = _KINDS.get(name)
        if kind and value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise TypeError(f"{name} must be {'text' if kind is str else 'a whole number'}, not {value!r}")
    given = {name: value for name, value in wanted.items() if value is not None}
    method, path, status = wanted.get("method"), wanted.get("path"), wanted.get("status")
    ref_url, sincetime, request = wanted.get("ref_url"), wanted.get("sincetime"), wanted.get("request")
    parts = [] if method is None else [match_method(method.upper())]
    if path is not None:
        parts.append(_match_path(path))
    if status is not None:
        parts.append(match_status(status))
    if synchronized or ref_url is not None or sincetime is not None:
        parts.append(match_sync_up(ref_url, sincetime))
    if request is not None:
        parts += _request_pattern(request).parts
    subject = f"a sync-up of {given.pop('ref_url', 'any server')}" if synchronized else "a call"
    conditions = ", ".join(
        f"{name}={_unless_secret(given[name])}" for name in WantedCall.__annotations__ if name in given
    )
    # A part with a high weight is cheap and differs for most calls.
    parts.sort(key=lambda part: -part.weight)
    return RequestPattern(tuple(parts), f"{subject} with {conditions}" if conditions else subject)


def _unless_secret(value: object) -> str:
    text = repr(value)
    return "…" if may_be_secret(text) else text


def _match_path(path: str) -> Part:
    if "?" in path or "://" in path:
        raise ValueError(f"path must be a path without a query, as server or /cvp-config/server, not {path!r}")
    wanted = "/" + path.strip("/")
    if not f"{wanted}/".startswith(f"{BASE_PATH}/"):
        wanted = f"{BASE_PATH}{wanted}".rstrip("/")
    near = equal_to(wanted)
    matcher = Matcher(wanted, lambda value: (value.text or "").rstrip("/") == wanted, near.distance)
    return match_url("path", lambda subject: subject.request.path, matcher, wanted)


def _request_pattern(request: Mapping[str, Any]) -> RequestPattern:
    # This import is slow, and most tests do not need it.
    from mockcvp.stubs.pattern_schema import RequestPatternForm

    try:
        return RequestPatternForm.model_validate(dict(request)).pattern
    except ValidationError as exc:
        raise ValueError(f"request: {'; '.join(error_lines(exc, request))}") from None


def mismatch(wanted: RequestPattern, page: Page, times: int | None, tls_errors: Sequence[str] = ()) -> str | None:
    """Return a message if the number of matching calls is wrong, None if it is right.

    Args:
        wanted: matches the calls
        page: all calls in the journal
        times: the right number; None for at least one
        tls_errors: the reasons of failed TLS handshakes
    """
    found = len(matching(wanted, page.calls))
    # A dropped call may match too.
    if (found and times is None) or (found == times and not page.position.dropped):
        return None
    amount = {None: "at least once", 0: "never", 1: "once"}.get(times, f"{times} times")
    return _message(wanted, page, amount, tls_errors, may_matter=times is None or found <= times)


def shortfall(wanted: RequestPattern, page: Page, count: int, tls_errors: Sequence[str] = ()) -> str:
    """Return the message for fewer matching calls than ``count``; the arguments are those of ``mismatch``."""
    return _message(wanted, page, f"at least {count} times" if count != 1 else "at least once", tls_errors)


def ca_bundle_note(tls_errors: Sequence[str]) -> list[str]:
    """Return a line for the variable that makes requests ignore a session's ``verify``.

    The list is empty without such a variable, and if no client distrusts the certificate.
    """
    if NOT_TRUSTED not in tls_errors:
        return []
    # This is the order in which requests reads the variables.
    name = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), None)
    if name is None:
        return []
    return [
        f"{name} is set in the environment, and overrides a session's verify in requests: "
        "set the session's trust_env to False, or pass verify with each request"
    ]


def unused_stub(mapping: StubMapping, calls: Sequence[Call]) -> str:
    """Return the message for a stub mapping without a matched call: its differences from the nearest call."""
    message = f"the stub mapping {mapping.name or mapping.pattern.description} has matched no call"
    try:
        nearest = near_misses(mapping.pattern, calls, 1)
        if not nearest:
            return message
        call = nearest[0][1]
        differences = mapping.pattern.differences(Subject(call.request, call))
    except UndecidedError as exc:
        # Each further call may take as long, and the report must be complete.
        return f"{message}; {exc}"
    if not differences:
        return f"{message}; call {call.number} matches, but got another response"
    return f"{message}; nearest call {call.number}: {'; '.join(differences)}"


def _message(
    wanted: RequestPattern, page: Page, amount: str, tls_errors: Sequence[str], *, may_matter: bool = True
) -> str:
    found = len(matching(wanted, page.calls))
    lines = [f"wanted: {wanted.description}, {amount}; there {'was 1' if found == 1 else f'were {found or _NONE}'}"]
    recorded, dropped = page.position.recorded, page.position.dropped
    if dropped and may_matter:
        lines.append(
            f"the journal has dropped {dropped} of {recorded} calls, so the count is not known: "
            "increase journal_max_calls or journal_max_bytes"
        )
    if recorded == 0:
        lines.append("the mock server received no calls: does your client use its URL?")
    if tls_errors and not found:
        lines.append(f"{len(tls_errors)} TLS handshakes failed: {'; '.join(dict.fromkeys(tls_errors))}")
        lines += ca_bundle_note(tls_errors)
    return "\n".join([*lines, *_call_lines(wanted, page.calls, found)])


def _call_lines(wanted: RequestPattern, calls: Sequence[Call], found: int) -> list[str]:
    """Return lines for the most relevant calls: surplus matches, or rejected sync-ups and then the nearest calls."""
    ranked = sorted(calls, key=lambda call: (_rank(wanted, call, found), -call.number))
    groups: dict[str, list[Call]] = {}
    for call in ranked:
        groups.setdefault(_line(wanted, call), []).append(call)
    chosen = list(groups)[:_LINES]
    nearest = next((line for line, calls in groups.items() if not calls[0].refusal), None)
    if nearest is not None and nearest not in chosen:
        chosen[-1] = nearest
    lines = [f"  {_numbers(groups[line])}: {line}{_body(wanted, groups[line], line)}" for line in chosen]
    others = len(calls) - sum(len(groups[line]) for line in chosen)
    return [*lines, f"  and {others} more calls"] if others else lines


def _numbers(calls: Sequence[Call]) -> str:
    numbers = sorted(call.number for call in calls)
    if len(numbers) == 1:
        return f"call {numbers[0]}"
    shown = ", ".join(map(str, numbers[:_LINES]))
    return f"{len(numbers)} calls ({shown}{', …' if len(numbers) > _LINES else ''})"


def _body(wanted: RequestPattern, calls: Sequence[Call], line: str) -> str:
    """Return the start of the body of the first call; an empty text if the body is as wanted, or in the line."""
    call = calls[0]
    # The body is not the reason of any other error, such as 401.
    may_be_reason = call.refusal is None or call.status == 400
    if not may_be_reason or not call.body or repr(call.text) in line:
        return ""
    if not wanted.differs_in_body(Subject(call.request, call)):
        return ""
    place = "body" if len(calls) == 1 else f"body of call {call.number}"
    return f"; {place}: {quoted(call.text[:_MAX_SEARCHED], _MAX_BODY)}"


def _rank(wanted: RequestPattern, call: Call, found: int) -> tuple[bool, bool, float]:
    distance = wanted.distance(Subject(call.request, call))
    rejected_sync_up = bool(call.refusal) and call.path.rstrip("/") == _SYNCHRONIZE
    return bool(found and distance), not rejected_sync_up, distance


def _line(wanted: RequestPattern, call: Call) -> str:
    request = f"{call.method} {call.path}"
    if call.mapping is not None and call.response is not None:
        request += f" (stub mapping {call.mapping.name or call.mapping.description})"
    if call.fault is not None:
        return f"{request}: the stub mapping's fault {call.fault}"
    if call.response is None:
        return f"{request}: the client disconnected before the request was complete"
    if not call.response.errors:
        differences = "; ".join(wanted.differences(Subject(call.request, call))) or "matches"
        return f"{request}: {call.status}, {differences if call.refusal is None else call.refusal}"
    error = call.response.errors[0]
    sent = f"sent {error.type.data}={error.actual} and " if error.actual is not None else ""
    if error.actual is None and call.status == 401:
        sent = f"sent the user {call.user!r} and " if call.user else "sent no user and "
    return f"your client {sent}got {call.status} {error.type.name}: {error.reason}; {request}"
