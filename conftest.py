"""Collects the code blocks of the documentation as tests."""

from importlib.util import find_spec
from pathlib import Path

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the code blocks of a page."""
    # make test-lowest runs only tests in Python, in an environment without sybil.
    if file_path.suffix != ".md" or find_spec("sybil") is None:
        return None
    from tests.docs.collection import collect

    return collect(file_path, parent)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the blocks that need a container engine."""
    if item.path.suffix == ".md":
        from tests.docs.collection import mark

        mark(item)
