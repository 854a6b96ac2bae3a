"""Collects the code blocks of the documentation as tests."""

from pathlib import Path

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the code blocks of a page."""
    if file_path.suffix != ".md":
        return None
    # This import needs sybil, which not every environment of the tests has.
    from tests.docs.collection import collect

    return collect(file_path, parent)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the blocks that need a container engine."""
    if item.path.suffix == ".md":
        from tests.docs.collection import mark

        mark(item)
