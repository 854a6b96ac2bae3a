from collections.abc import Iterator

import httpx
import pytest

from tests.oamp.ways import WAYS


@pytest.fixture(scope="session", params=WAYS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a mock server with the default settings, once for each way to serve the app."""
    with WAYS[request.param](tmp_path_factory.mktemp("certs")) as client:
        # By default, httpx sends Accept: */*.
        del client.headers["accept"]
        yield client
