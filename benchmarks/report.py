"""The results of the benchmarks: tables, as Markdown and as JSON."""

import json
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).with_name("results.json")
"""The results of the last whole run."""

Value = str | float | None


class Table(NamedTuple):
    """One table of results.

    Attributes:
        name: a short name without spaces, for the file of its chart
        title: what the figures are
        columns: the headings, the first for the names of the rows
        rows: the name of each row, and its figures
        chart: the index of the column that a chart shows; None for no chart
        notes: further sentences, such as why a peer was not measured
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Value, ...]]
    chart: int | None = None
    notes: tuple[str, ...] = ()


def formatted(value: Value) -> str:
    """Return a figure with three significant digits, or a text unchanged."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def markdown(table: Table) -> str:
    """Return a table in Markdown, after its title and notes."""
    lines = [table.title, *table.notes, "", f"| {' | '.join(table.columns)} |", f"|{' --- |' * len(table.columns)}"]
    lines += [f"| {' | '.join(map(formatted, row))} |" for row in table.rows]
    return "\n".join(lines)


def show(tables: Iterable[Table]) -> list[Table]:
    """Print tables as they come, and return them."""
    shown = []
    for table in tables:
        print(markdown(table), end="\n\n", flush=True)
        shown.append(table)
    return shown


def machine() -> str:
    """Return the processor, the operating system and the version of Python, in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in lines) or "?"
    release = re.match(r"[\d.]+", platform.release())
    system = f"{platform.system()} {release[0] if release else platform.release()}"
    return f"{cores} cores of {model}, {system}, Python {platform.python_version()}"


def write(tables: list[Table], path: Path = RESULTS) -> None:
    """Write tables to a JSON file, with the machine and the date."""
    document: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "tables": [table._asdict() for table in tables],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read(path: Path = RESULTS) -> tuple[str, str, list[Table]]:
    """Return the date, the machine and the tables of a JSON file."""
    document = json.loads(path.read_text())
    tables = [
        Table(
            **table
            | {
                "columns": tuple(table["columns"]),
                "rows": [tuple(row) for row in table["rows"]],
                "notes": tuple(table["notes"]),
            }
        )
        for table in document["tables"]
    ]
    return document["date"], document["machine"], tables
