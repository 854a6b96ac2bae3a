"""`python -m tests.soak [seconds]`; the exit code is 0 without differences."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.calls import Draw
from tests.soak.phases import JUDGED_SECONDS, Result, run, server

DEFAULT_SECONDS = 600.0
JOURNALS = (("all calls stored", 100_000), ("200 calls stored", 200))
_HEAD = (
    "journal",
    "phases",
    "sent",
    "responses",
    "recorded",
    "differences",
    "connections",
    "MB warm",
    "MB end",
    "files before",
    "after",
)
_MAX_LINES = 40


def soak(seconds: float) -> list[Result]:
    """Run the mock servers under load, one after the other, each for an equal part of the time."""
    results, draw = [], Draw()
    for name, journal_max_calls in JOURNALS:
        with tempfile.TemporaryDirectory() as directory, server(journal_max_calls, Path(directory)) as running:
            results.append(asyncio.run(run(name, running, journal_max_calls, seconds / len(JOURNALS), draw)))
    return results


def table(results: list[Result]) -> str:
    """Return the results as a table."""
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
    """Run the soak test and print the results."""
    seconds = float(arguments[0]) if arguments else DEFAULT_SECONDS
    results = soak(seconds)
    print_line = sys.stdout.write
    print_line(table(results) + "\n")
    if seconds / len(JOURNALS) < JUDGED_SECONDS:
        print_line(f"the run was too short to judge the memory: use {JUDGED_SECONDS * len(JOURNALS):.0f} seconds\n")
    errors = [
        line
        for result in results
        for line in (*result.differences, *(f"{result.name}: {error}" for error in result.errors))
    ]
    for line in errors[:_MAX_LINES]:
        print_line(f"ERROR: {line}\n")
    if len(errors) > _MAX_LINES:
        print_line(f"ERROR: and {len(errors) - _MAX_LINES} more\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
