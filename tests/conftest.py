from collections.abc import Iterator

import httpx
import pytest

from tests.running import Running


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One double with the default settings, for all tests that need no other; its journal is the caller's to clear."""
    with Running(tmp_path_factory.mktemp("certs")) as running:
        yield running


@pytest.fixture(scope="session")
def client(double: Running) -> Iterator[httpx.Client]:
    with double.client() as client:
        yield client
