"""The JSON file, the page and the charts of the benchmarks."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.page import main, page
from benchmarks.report import RESULTS, Table, formatted, read, write

TABLES = [
    Table("rate", "Sync-ups: medians", ("server", "a second"), [("mockcvp", 20_000.4), ("A & B", 5_000.0)], chart=1),
    Table("status", "The states", ("format", "ms"), [("XML", 0.5512), ("JSON", None)], notes=("A note.",)),
]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write(TABLES, tmp_path / "results.json")
    date, machine, tables = read(tmp_path / "results.json")
    assert tables == TABLES
    assert len(date) == 10
    assert "Python 3." in machine


@pytest.mark.parametrize(
    ("figure", "text"),
    [(20_000.4, "20,000"), (12.34, "12.3"), (1.234, "1.23"), (0.5512, "0.551"), ("XML", "XML"), (None, "")],
)
def test_a_figure_has_three_significant_digits(figure: float | str | None, text: str) -> None:
    assert formatted(figure) == text


def test_the_page_of_the_documentation_has_the_results() -> None:
    written = RESULTS.parents[1] / "docs" / "about" / "benchmarks.md"
    assert written.read_text() == page(*read(RESULTS)), "run make bench, or python -m benchmarks.page docs/about"


def test_the_page_has_every_table_and_chart_of_the_results(tmp_path: Path) -> None:
    main(tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    date, machine, tables = read(RESULTS)
    assert date in text
    assert machine in text
    for table in tables:
        assert all(f"| {row[0]} |" in text for row in table.rows)
        for theme in ("light", "dark") if table.chart is not None else ():
            path = f"benchmarks/{table.name}-{theme}.svg"
            assert path in text
            bars = ElementTree.parse(tmp_path / path).getroot().findall("{http://www.w3.org/2000/svg}rect")
            assert len(bars) == len(table.rows)
