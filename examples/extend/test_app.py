"""Tests of the extended mock, with FastAPI's TestClient."""

from collections.abc import Iterator

import pytest
from app import Prompt, app, mock, prompts
from fastapi.testclient import TestClient

JSON, XML = "application/json", "application/xml"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(mock, base_url="https://oamp.example") as client:
        client.auth = ("wsmadmin", "wsmadmin")
        client.headers["Accept"] = JSON
        yield client


@pytest.fixture(autouse=True)
def own_prompts() -> Iterator[dict[str, Prompt]]:
    own = {"welcome": Prompt(name="welcome", seconds=7)}
    mock.dependency_overrides[prompts] = lambda: own
    yield own
    mock.dependency_overrides.clear()


def test_a_resource_is_served_in_json_and_xml(client: TestClient) -> None:
    assert client.get("/cvp-config/prompt/welcome").json() == {"prompt": {"name": "welcome", "seconds": "7"}}
    response = client.get("/cvp-config/prompt/welcome", headers={"Accept": XML})
    assert response.text.endswith("<prompt><name>welcome</name><seconds>7</seconds></prompt>")


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (JSON, '{"prompt": {"name": "bye", "seconds": "3"}}'),
        (XML, "<prompt><name>bye</name><seconds>3</seconds></prompt>"),
    ],
)
def test_a_body_is_read_in_json_and_xml(
    client: TestClient, own_prompts: dict[str, Prompt], media_type: str, body: str
) -> None:
    response = client.post("/cvp-config/prompt", content=body, headers={"Content-Type": media_type})
    assert (response.status_code, response.content) == (201, b"")
    assert own_prompts["bye"].seconds == 3


def test_errors_are_those_of_the_oamp(client: TestClient) -> None:
    response = client.get("/cvp-config/prompt/nobody", headers={"Accept": XML})
    assert (response.status_code, response.headers["X-Mockcvp-Reason"]) == (
        404,
        "Not found: there is no prompt 'nobody'",
    )
    assert "<errorType>Not found</errorType>" in response.text
    response = client.post("/cvp-config/prompt", json={"prompt": {}})
    assert response.json()["apiErrors"]["apiError"]["errorType"] == "invalidInput.requiredInputfieldMissing"
    client.auth = None
    assert client.get("/cvp-config/prompt/welcome").status_code == 401


def test_middleware_sees_the_requests_of_the_oamp(client: TestClient) -> None:
    origin = {"Origin": "https://console.example"}
    response = client.post("/cvp-config/command/synchronize", headers=origin)
    assert response.status_code == 202
    assert response.headers["access-control-allow-origin"] == "https://console.example"


def test_the_journal_has_what_was_added(client: TestClient) -> None:
    client.get("/cvp-config/prompt/welcome")
    latest = client.get("/__admin/requests", params={"limit": 1}).json()["requests"][0]
    assert (latest["request"]["url"], latest["response"]["status"]) == ("/cvp-config/prompt/welcome", 200)


def test_the_document_has_what_was_added() -> None:
    assert set(mock.openapi()["paths"]["/cvp-config/prompt"]["post"]["requestBody"]["content"]) == {
        JSON,
        XML,
        "text/xml",
    }


def test_the_mock_may_be_mounted() -> None:
    with TestClient(app, base_url="https://site.example") as site:
        response = site.get("/oamp/cvp-config/server", auth=("wsmadmin", "wsmadmin"), headers={"Accept": JSON})
        first = response.json()["results"]["servers"]["server"][0]
        assert first["refURL"].startswith("https://site.example/oamp/cvp-config/server/")
        assert site.get(first["refURL"], auth=("wsmadmin", "wsmadmin"), headers={"Accept": JSON}).status_code == 200
