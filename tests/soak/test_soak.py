"""A short soak test, and tests of its comparison of calls with the journal."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.soak.calls import Draw, Plan
from tests.soak.ledger import Entry, differences

ALL = 100


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory and open files are read in /proc: run it on Linux"
)
def test_a_short_soak_finds_no_differences() -> None:
    command = [sys.executable, "-m", "tests.soak", "8"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def entries() -> list[Entry]:
    """A call with a response, and calls whose client disconnected within the body and within the headers."""
    draw = Draw()
    found: dict[str, Plan] = {}
    while not {"sync-up in XML", "closed in the body", "closed in the headers"} <= found.keys():
        plan = draw.plan()
        found.setdefault(plan.kind, plan)
    kinds = ("sync-up in XML", "closed in the body", "closed in the headers")
    return [Entry(found[kind], 202 if found[kind].expected else None) for kind in kinds]


def journal(*calls: tuple[Entry, int], total: int | None = None, fault: str | None = None) -> dict[str, Any]:
    """Return the journal of the control API with some calls and statuses, oldest first."""
    total = len(calls) if total is None else total
    records = [
        {
            "request": {
                "headers": {"x-call": str(entry.plan.number)},
                "mockcvp": {"number": total - place, "fault": fault},
            },
            "response": {"status": status},
        }
        for place, (entry, status) in enumerate(reversed(calls))
    ]
    dropped = {"dropped": total - len(calls)} if total > len(calls) else {}
    return {"requests": records, "meta": {"total": total, **dropped}}


def test_matching_records_have_no_differences(entries: list[Entry]) -> None:
    good, aborted, _ = entries
    assert differences(entries, journal((good, 202), (aborted, 0)), ALL) == []
    assert differences(entries, journal((aborted, 0), total=2), 1) == []


def test_a_duplicate_or_missing_record_is_reported(entries: list[Entry]) -> None:
    good, aborted, _ = entries
    twice = differences(entries, journal((good, 202), (aborted, 0), (aborted, 0)), ALL)
    assert any("(closed in the body, " in line and "recorded 2 times" in line for line in twice)
    missing = differences(entries, journal((aborted, 0)), ALL)
    assert any("(sync-up in XML)" in line and "recorded 0 times" in line for line in missing)
    assert any("meta.total is 1" in line for line in missing)


def test_a_record_without_a_call_is_reported(entries: list[Entry]) -> None:
    good, aborted, cut = entries
    found = differences(entries, journal((good, 202), (aborted, 0), (cut, 400)), ALL)
    assert any("(closed in the headers, " in line and "recorded 1 times" in line for line in found)
    found = differences([good], journal((good, 202), (aborted, 0)), ALL)
    assert any(f"X-Call {aborted.plan.number} was recorded 1 times, but not sent" in line for line in found)


def test_a_status_other_than_the_clients_is_reported(entries: list[Entry]) -> None:
    good, aborted, _ = entries
    (line,) = differences([good, aborted], journal((good, 500), (aborted, 0)), ALL)
    assert line.endswith("got 202: recorded with 500, fault None")
    good.status = 503
    (line,) = differences([good, aborted], journal((good, 503), (aborted, 0)), ALL)
    assert line.endswith("got 503: the status must be 202")


def test_a_missing_response_is_reported_unless_it_is_a_fault() -> None:
    draw = Draw()
    while (plan := draw.plan()).kind != "stubbed or not":
        pass
    entry = Entry(plan)
    (line,) = differences([entry], journal((entry, 200)), ALL)
    assert "no complete response" in line
    assert differences([entry], journal((entry, 0), fault="EMPTY_RESPONSE"), ALL) == []


def test_wrong_totals_are_reported_if_calls_were_dropped(entries: list[Entry]) -> None:
    _, aborted, _ = entries
    found = differences(entries, journal((aborted, 0), total=3), 1)
    assert found == ["meta.total is 3, but 2 calls must be recorded", "dropped is 2, not 1"]
