"""The log of a mock server: its calls, failed TLS handshakes, and stub mappings without a match."""

from collections.abc import Sequence
from itertools import islice

from mockcvp.journal import Call
from mockcvp.pipeline.log_line import line
from mockcvp.state import MockState
from mockcvp.testing.assertions import ca_bundle_note, unused_stub

_FIRST_CALLS, _LAST_CALLS = 5, 20
_MAX_STUBS = 5


def log_of(state: MockState, tls_errors: Sequence[str], *, is_complete: bool) -> str:
    """Return a line for each call, failed TLS handshake, stub mapping without a match, and call of a tenant.

    Args:
        state: the state of the mock server
        tls_errors: the reasons of failed TLS handshakes
        is_complete: whether the log has every call, or only the first and the last ones
    """
    calls = state.journal.page().calls[::-1]
    lines = _call_lines([("", call) for call in calls], is_complete=is_complete)
    lines += [f"TLS handshake failed: {reason}" for reason in tls_errors]
    lines += ca_bundle_note(tls_errors)
    # The initial stubs belong to no test.
    unused = (mapping for mapping in state.stubs.idle if mapping not in state.stubs.initial)
    lines += [unused_stub(mapping, calls) for mapping in islice(unused, _MAX_STUBS)]
    of_tenants = [
        (f"{name} ", call) for name, tenant in state.tenants.items() for call in reversed(tenant.journal.page().calls)
    ]
    return "\n".join(lines + _call_lines(of_tenants, is_complete=is_complete))


def _call_lines(calls: Sequence[tuple[str, Call]], *, is_complete: bool) -> list[str]:
    """Return a line for each call, which begins with the text beside the call."""
    others = len(calls) - _FIRST_CALLS - _LAST_CALLS
    if is_complete or others <= 0:
        return [f"{start}{call.number}: {line(call)}" for start, call in calls]
    first, last = calls[:_FIRST_CALLS], calls[-_LAST_CALLS:]
    return [*_call_lines(first, is_complete=True), f"… {others} more calls", *_call_lines(last, is_complete=True)]
