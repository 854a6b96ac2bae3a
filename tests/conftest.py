from collections.abc import Iterator

import httpx
import pytest

from tests.deployed import NOON, SERVERS, Admin
from tests.running import JSON, Running


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One double with the default settings, for all tests that need no other; its journal is the caller's to clear."""
    with Running(tmp_path_factory.mktemp("certs")) as running:
        yield running


@pytest.fixture(scope="session")
def client(double: Running) -> Iterator[httpx.Client]:
    with double.client() as client:
        yield client


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # a time zone with an offset of its own, so that a time in the wrong one is seen
    with Running(tmp_path_factory.mktemp("certs"), env={"TZ": "America/Phoenix"}) as double:
        yield double


@pytest.fixture(scope="session")
def _connected(deployed: Running) -> Iterator[tuple[Admin, httpx.Client]]:
    admin = Admin(deployed)
    with admin.client, deployed.client(headers={"Accept": JSON}) as client:
        yield admin, client


@pytest.fixture
def admin(_connected: tuple[Admin, httpx.Client]) -> Admin:
    """The control API of a double with servers of each kind, whose clock stands still at noon."""
    admin, _ = _connected
    admin("POST", "reset")
    admin("PUT", "cvp/deployment", {"servers": SERVERS})
    admin("PUT", "cvp/clock", {"frozen": True, "now": NOON})
    return admin


@pytest.fixture
def cvp(admin: Admin, _connected: tuple[Admin, httpx.Client]) -> httpx.Client:
    """A client of that double's OAMP."""
    assert admin
    return _connected[1]
