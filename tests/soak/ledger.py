"""Comparison of each call and its response with the journal."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.soak.calls import Plan


@dataclass
class Entry:
    """One call with its result.

    Attributes:
        plan: the call
        status: the status of the response; None without a complete response
        error: an unexpected error of the client
    """

    plan: Plan
    status: int | None = None
    error: str | None = None

    def __str__(self) -> str:
        plan = self.plan
        cut = (
            "" if plan.cut is None else f", sent {plan.cut} of {len(plan.data)} bytes, closed after {plan.linger:.2f} s"
        )
        return f"call {plan.number} ({plan.kind}{cut}), got {self.status}"


def expected_records(entries: list[Entry]) -> int:
    """Return the expected number of records in the journal."""
    return sum(entry.plan.recorded for entry in entries)


def differences(entries: list[Entry], journal: dict[str, Any], journal_max_calls: int) -> list[str]:
    """Return a line for each difference between some calls and the journal.

    Args:
        entries: the calls since the journal was cleared
        journal: the response to ``GET requests``
        journal_max_calls: the maximum number of calls in the journal
    """
    records, meta = journal["requests"], journal["meta"]
    wanted = expected_records(entries)
    found = [f"{entry}: {entry.error}" for entry in entries if entry.error]
    if meta["total"] != wanted:
        found.append(f"meta.total is {meta['total']}, but {wanted} calls must be recorded")
    stored = min(wanted, journal_max_calls)
    if len(records) != stored:
        found.append(f"the journal has {len(records)} calls, not {stored}")
    if meta.get("dropped", 0) != wanted - stored:
        found.append(f"dropped is {meta.get('dropped')}, not {wanted - stored}")
    numbers = [record["request"]["mockcvp"]["number"] for record in records]
    if numbers != list(range(meta["total"], meta["total"] - len(numbers), -1)):
        found.append(f"the numbers of the calls have gaps, or are not newest first: {numbers[:20]}…")
    return found + _one_by_one(entries, records, all_stored=stored == wanted)


def _one_by_one(entries: list[Entry], records: list[dict[str, Any]], *, all_stored: bool) -> list[str]:
    found = []
    times = Counter(_number(record) for record in records)
    by_number = {_number(record): record for record in records}
    for entry in entries:
        number, plan = entry.plan.number, entry.plan
        count, record = times.pop(number, 0), by_number.get(number)
        if count > plan.recorded or (all_stored and count < plan.recorded):
            found.append(f"{entry}: recorded {count} times, not {int(plan.recorded)} times")
        elif plan.cut is None:
            found += _mismatch(entry, record)
    found += [
        f"a call with X-Call {number} was recorded {count} times, but not sent" for number, count in times.items()
    ]
    return found


def _mismatch(entry: Entry, record: dict[str, Any] | None) -> list[str]:
    plan, status = entry.plan, entry.status
    if plan.expected is not None and status != plan.expected:
        return [f"{entry}: the status must be {plan.expected}"]
    if record is None:
        return []
    recorded, fault = record["response"]["status"], record["request"]["mockcvp"]["fault"]
    if status is None and fault is None:
        return [f"{entry}: no complete response, but recorded with {recorded} and no fault"]
    if status is not None and (recorded != status or fault is not None):
        return [f"{entry}: recorded with {recorded}, fault {fault}"]
    return []


def _number(record: dict[str, Any]) -> int:
    number = record["request"]["headers"].get("x-call", "0")
    return int(number) if isinstance(number, str) and number.isdigit() else 0
