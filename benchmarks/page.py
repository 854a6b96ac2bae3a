"""The documentation page of the benchmarks, with charts: ``python -m benchmarks.page DIRECTORY``."""

import sys
from html import escape
from pathlib import Path

from benchmarks.report import Table, formatted, markdown, read

_BAR, _GAP, _NAMES, _WIDTH = 22, 8, 390, 850
_COLOURS = {"light": ("#1f2933", "#9aa5b1", "#2f6fdb"), "dark": ("#e4e7eb", "#7b8794", "#6ea8fe")}
_METHOD = """\
# Benchmarks

This page has the results of `make bench`, and the machine and the date of that run.

- Each server runs alone, in turns with the others. A figure is the median of several runs.
- All servers get the same requests, with TLS and basic authentication.
- The load comes from the same machine, so that the absolute figures are low. Compare the ratios.
- `python -m benchmarks.against COMMIT` compares the working tree with a commit in alternate runs."""


def chart(table: Table, theme: str) -> str:
    """Return the bar chart of a table as SVG, in the colours of a light or a dark page."""
    text, muted, bar = _COLOURS[theme]
    assert table.chart is not None
    rows = [(str(row[0]).replace("`", ""), row[table.chart]) for row in table.rows]
    most = max(value for _, value in rows if isinstance(value, float | int))
    height = len(rows) * (_BAR + _GAP) + _GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" font-family="sans-serif" '
        f'font-size="13"><title>{escape(table.title)}: {escape(table.columns[table.chart])}</title>'
    ]
    for place, (name, value) in enumerate(rows):
        top = _GAP + place * (_BAR + _GAP)
        width = (_WIDTH - _NAMES - 80) * float(value or 0) / most
        fill = bar if name.startswith("mockcvp") else muted
        lines += [
            f'<text x="{_NAMES - 8}" y="{top + 15}" text-anchor="end" fill="{text}">{escape(name)}</text>',
            f'<rect x="{_NAMES}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="3" fill="{fill}"/>',
            f'<text x="{_NAMES + width + 6:.1f}" y="{top + 15}" fill="{text}">{formatted(value)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def page(date: str, machine: str, tables: list[Table]) -> str:
    """Return the page in Markdown."""
    parts = [_METHOD, f"Run on {date}: {machine}."]
    for table in tables:
        title, _, body = markdown(table._replace(title="")).lstrip("\n").partition("\n\n")
        heading, _, method = table.title.partition(": ")
        parts.append(f"## {heading}")
        if method:
            parts.append(f"{method[0].upper()}{method[1:]}.")
        if table.chart is not None:
            parts += [
                f"![{table.columns[table.chart]}](benchmarks/{table.name}-{theme}.svg#only-{theme})"
                for theme in _COLOURS
            ]
        parts.append(f"{title}\n\n{body}".strip())
    return "\n\n".join(parts) + "\n"


def main(directory: Path) -> None:
    """Write the page and its charts to a directory."""
    date, machine, tables = read()
    (directory / "benchmarks").mkdir(parents=True, exist_ok=True)
    (directory / "benchmarks.md").write_text(page(date, machine, tables))
    for table in tables:
        if table.chart is not None:
            for theme in _COLOURS:
                (directory / "benchmarks" / f"{table.name}-{theme}.svg").write_text(chart(table, theme))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
