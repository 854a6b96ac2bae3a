"""Why a call got its response: the checks of the OAMP in their order, and the place of each error in the body."""

import re
from typing import Any, NamedTuple

from mockcvp.journal import Call
from mockcvp.oamp.errors import ApiError

_LONGEST_SEARCHED = 1_000_000
# XML parsers count columns from 0, and Python's JSON parser counts them from 1.
_POSITION = re.compile(r"line (\d+)(,)? column (\d+)")


class Check(NamedTuple):
    """A check.

    Attributes:
        name: the name
        section: the section of the contract that describes it
        standing: the standing of that section: ``doc``, ``client``, ``infer`` or ``ours``
        errors: the beginnings of the error types that the check leads to
        advice: what to change in the client if the check fails
    """

    name: str
    section: str
    standing: str
    errors: tuple[str, ...] = ()
    advice: str | None = None


CHECKS = (
    Check("HTTP", "1. Endpoint", "infer", (), "Send valid HTTP/1.1."),
    Check(
        "calls in flight",
        "16. Throttling",
        "doc",
        ("processing.throttled",),
        "Send fewer requests at the same time, and send this one again later.",
    ),
    Check("stub mappings", "", "ours"),
    Check(
        "credentials",
        "1. Endpoint",
        "doc",
        ("authorization.", "authentication."),
        "Send the user name and the password of the mock server with HTTP basic authentication.",
    ),
    Check("path", "10. Resources", "doc", ("Not found",), "Check the path and the id in it."),
    Check("method", "1. Endpoint", "infer", (), "Use a method that the header Allow of the response lists."),
    Check(
        "Accept",
        "3. Content negotiation",
        "doc",
        ("invalid.header", "invalid.acceptHeader"),
        "Set the header Accept to application/xml or application/json.",
    ),
    Check(
        "Content-Type",
        "3. Content negotiation",
        "doc",
        ("invalid.contentType",),
        "Set the header Content-Type to the format of the body, and send the body without Content-Encoding.",
    ),
    Check("size", "8. Errors", "ours", ("invalid.requestSize",), "Send a smaller body, or raise the limit."),
    Check(
        "syntax",
        "4. One tree, two forms",
        "doc",
        ("processing.xmlSyntaxError", "processing.jsonSyntaxError"),
        "Correct the body at the marked place.",
    ),
    Check("values", "5. Start sync-up", "doc", ("invalidInput.",), "Correct the values of the body or the query."),
)
"""The checks, in their order (contract, section 2)."""


def explanation(call: Call) -> dict[str, Any]:
    """Return why a call got its response."""
    ends, result = _end(call)
    results = ["passed"] * ends + [result] + ["not reached"] * len(CHECKS)
    checks = [
        {"name": check.name, "result": one, "section": check.section or None, "standing": check.standing}
        for check, one in zip(CHECKS, results, strict=False)
    ]
    sync_up = call.synchronization
    return {
        "checks": checks,
        "errors": [_error(call, error) for error in (call.response.errors if call.response else ())],
        "ignored": list(sync_up.ignored) if sync_up else [],
        "advice": CHECKS[ends].advice if result == "failed" else None,
    }


def _end(call: Call) -> tuple[int, str]:
    """Return the position of the check that decided the response, and its result."""
    names = [check.name for check in CHECKS]
    if call.mapping is not None:
        return names.index("stub mappings"), "decided"
    if call.response is None:
        return 0, "failed"
    if call.status == 405:
        return names.index("method"), "failed"
    if call.response.errors:
        kind = call.response.errors[0].type.name
        failed = [place for place, check in enumerate(CHECKS) if kind.startswith(check.errors or ("\0",))]
        return (failed[0], "failed") if failed else (len(CHECKS), "passed")
    # Only malformed HTTP has a reason without a documented error.
    return (0, "failed") if call.response.reason else (len(CHECKS), "passed")


def _error(call: Call, error: ApiError) -> dict[str, Any]:
    return {
        "type": error.type.name,
        "field": error.type.data,
        "reason": error.reason,
        "sent": error.actual,
        "valid": error.valid,
        "place": _place(call, error),
    }


def _place(call: Call, error: ApiError) -> dict[str, int] | None:
    """Return the place of an error in the body, None if it is not found."""
    if len(call.body) > _LONGEST_SEARCHED:
        return None
    text = call.text
    if position := _POSITION.search(error.reason):
        line, column = int(position[1]), int(position[3]) - (position[2] is None)
        lines = text.split("\n")
        if line > len(lines):
            return None
        start = sum(len(one) + 1 for one in lines[: line - 1]) + column
        return _span(text, min(start, len(text)), min(start + 1, len(text)))
    if error.actual is None:
        return None
    value = re.escape(error.actual)
    # A reference may be the value of several members, so the value alone decides without a member of that name.
    for pattern in (
        rf'"{error.type.data}"\s*:\s*"?({value})(?=["\s,}}\]])',
        rf"<{error.type.data}(?:\s[^>]*)?>\s*({value})(?=\s*<)",
        rf"(?<=[\">])\s*({value})(?=\s*[\"<])",
    ):
        if value and (found := re.search(pattern, text)):
            return _span(text, *found.span(1))
    return None


def _span(text: str, start: int, end: int) -> dict[str, int]:
    before = text[:start]
    return {
        "line": before.count("\n") + 1,
        "column": start - before.rfind("\n"),
        "start": _utf16_length(before),
        "end": _utf16_length(text[:end]),
    }


def _utf16_length(text: str) -> int:
    # the unit of positions in JavaScript
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
