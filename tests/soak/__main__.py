"""`python -m tests.soak [seconds]`: exit code 0 where all agrees."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.calls import Draw
from tests.soak.phases import JUDGED_SECONDS, Result, run, server

USUAL_SECONDS = 600.0
JOURNALS = (("all calls kept", 100_000), ("200 calls kept", 200))
_HEAD = (
    "journal",
    "phases",
    "sent",
    "answered",
    "recorded",
    "differences",
    "connections",
    "MB warm",
    "MB end",
    "files before",
    "after",
)
_MOST_LINES = 40


def soak(seconds: float) -> list[Result]:
    """Put one mock server after the other under load, each for its part of the time."""
    results, draw = [], Draw()
    for name, journal_max_calls in JOURNALS:
        with tempfile.TemporaryDirectory() as directory, server(journal_max_calls, Path(directory)) as running:
            results.append(asyncio.run(run(name, running, journal_max_calls, seconds / len(JOURNALS), draw)))
    return results


def table(results: list[Result]) -> str:
    """Return the results in columns."""
    rows = [_HEAD, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(result: Result) -> tuple[str, ...]:
    counts = (
        result.phases,
        result.sent,
        result.responded,
        result.recorded,
        len(result.differences),
        result.connections,
    )
    memory = (f"{amount:.1f}" for amount in result.memory)
    return (result.name, *map(str, counts), *memory, *map(str, result.files))


def main(arguments: list[str]) -> int:
    """Run it and tell what came of it."""
    seconds = float(arguments[0]) if arguments else USUAL_SECONDS
    results = soak(seconds)
    print_line = sys.stdout.write
    print_line(table(results) + "\n")
    if seconds / len(JOURNALS) < JUDGED_SECONDS:
        print_line(f"memory is told and not judged: that takes {JUDGED_SECONDS * len(JOURNALS):.0f} seconds\n")
    wrong = [
        line
        for result in results
        for line in (*result.differences, *(f"{result.name}: {one}" for one in result.faults))
    ]
    for line in wrong[:_MOST_LINES]:
        print_line(f"WRONG: {line}\n")
    if len(wrong) > _MOST_LINES:
        print_line(f"WRONG: and {len(wrong) - _MOST_LINES} more\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
