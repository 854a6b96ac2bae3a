"""Collects the code blocks of the documentation as tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.example import SybilFailure

from tests.docs.blocks import PAGES, ROOT, steps_of
from tests.docs.run import BlockError, PageRun


def _parse(document: Document) -> Iterator[Region]:
    steps = steps_of(document)
    for index, step in enumerate(steps):
        yield Region(step.block.start, step.block.end, (steps, index), _evaluate)


def _evaluate(example: Example) -> None:
    steps, index = example.parsed
    if "run" not in example.namespace:
        example.namespace["run"] = PageRun(steps)
    try:
        example.namespace["run"].evaluate(index)
    except BlockError as exc:
        raise SybilFailure(example, str(exc)) from None


def _close(namespace: dict[str, Any]) -> None:
    if run := namespace.pop("run", None):
        run.close()


_collect = Sybil([_parse], pattern="*.md", path=str(ROOT), teardown=_close).pytest()


def collect(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of a page's blocks; None for another file."""
    collector: pytest.Collector | None = _collect(file_path, parent) if file_path in PAGES else None
    return collector


def mark(item: pytest.Item) -> None:
    """Add the marker ``container`` to a block that needs a container engine."""
    example = getattr(item, "example", None)
    if isinstance(example, Example):
        steps, index = example.parsed
        if steps[index].needs_container:
            item.add_marker("container")
