"""Equal responses to equal requests in each of the four ways to serve the app."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from tests.oamp.ways import WAYS
from tests.server_process import JSON, SYNCHRONIZE, XML
from tests.test_fixtures import SAMPLES

# The server sets these headers, and not the app.
SERVER_HEADERS = {"date", "connection"}


class SentRequest(NamedTuple):
    """A request."""

    method: str
    path: str
    options: dict[str, Any]


def generate_requests() -> Iterator[tuple[str, SentRequest]]:
    for accept in (JSON, XML):
        for method in ("GET", "HEAD"):
            for path in ("server", "server/", "server?q=type:VXML", "server?q=size:1", "version", "server/synchronize"):
                yield f"{method} {path} {accept}", SentRequest(method, path, {"headers": {"Accept": accept}})
        for path in ("server/nothing", "server/nothing/synchronize", "nothing", "", "server/a%2Fb", "command"):
            yield f"GET {path} {accept}", SentRequest("GET", path, {"headers": {"Accept": accept}})
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            yield f"{method} version {accept}", SentRequest(method, "version", {"headers": {"Accept": accept}})
        yield f"GET {SYNCHRONIZE} {accept}", SentRequest("GET", SYNCHRONIZE, {"headers": {"Accept": accept}})
        for user in ("nobody", "Administrator"):
            headers = {"Accept": accept}
            yield f"{user} {accept}", SentRequest("POST", SYNCHRONIZE, {"headers": headers, "auth": (user, "wsmadmin")})
        for sample in SAMPLES:
            headers = {"Accept": accept, "Content-Type": JSON if sample.suffix == ".json" else XML}
            yield (
                f"{sample.name} {accept}",
                SentRequest("POST", SYNCHRONIZE, {"headers": headers, "content": sample.read_bytes()}),
            )
        large = {"content": b" " * 3_000_000, "headers": {"Accept": accept, "Content-Type": XML}}
        yield f"large body {accept}", SentRequest("POST", SYNCHRONIZE, large)
        text = {"content": "a", "headers": {"Accept": accept, "Content-Type": "text/plain"}}
        yield f"text {accept}", SentRequest("POST", SYNCHRONIZE, text)
    yield "no Accept", SentRequest("GET", "version", {"headers": {"Accept": "text/html"}})


REQUESTS = dict(generate_requests())


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """A client for each way. All clocks show the same time, since a status has the time of an earlier sync-up."""
    with ExitStack() as stack:
        clients = {name: stack.enter_context(way(tmp_path_factory.mktemp("certs"))) for name, way in WAYS.items()}
        for client in clients.values():
            url = client.base_url.join("/__admin/cvp/clock")
            response = client.put(url, json={"frozen": True, "now": "2040-01-31T12:00:00Z"})
            assert response.status_code == 200
        yield clients


@pytest.mark.parametrize("sent", REQUESTS.values(), ids=REQUESTS)
def test_the_response_is_the_same_in_each_way_of_serving(clients: dict[str, httpx.Client], sent: SentRequest) -> None:
    responses = {}
    for name, client in clients.items():
        options = sent.options | {"headers": sent.options["headers"] | {"Host": "oamp.example"}}
        response = client.request(sent.method, sent.path, **options)
        headers = sorted(item for item in response.headers.multi_items() if item[0] not in SERVER_HEADERS)
        responses[name] = (response.status_code, headers, response.content)
    first = responses.pop("own server")
    assert responses == dict.fromkeys(responses, first)
