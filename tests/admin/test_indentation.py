"""The indentation of the control API's JSON."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.middleware.gzip import GZipMiddleware
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockcvp import MockCVP, create_app
from mockcvp.admin.indentation import DEEPEST, Indenter
from mockcvp.settings import Settings
from tests.admin.test_streaming import JSON_VALUES
from tests.server_process import JSON, SYNCHRONIZE, XML

MAPPING = {"request": {"url": "/x"}, "response": {"body": 'a "quoted" \\ text\n' * 20_000}}
PATHS = [
    *("health", "version", "requests", "requests?limit=0", "mappings", "scenarios", "settings", "cvp/deployment"),
    *("cvp/clock", "cvp/synchronizations", "cvp/tenants", "openapi.json", "nothing", "requests/x"),
]


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def indented(text: str, size: int) -> str:
    """Return an indented document whose chunks have a size."""
    raw, indenter = text.encode(), Indenter()
    return b"".join(indenter.feed(raw[start : start + size]) for start in range(0, len(raw), size)).decode()


@given(JSON_VALUES, st.integers(1, 20))
def test_chunks_of_any_size_are_indented_as_by_json(value: Any, size: int) -> None:
    assert indented(compact(value), size) == json.dumps(value, ensure_ascii=False, indent=2)


@given(st.text('"\\,:{}[]x', max_size=30), st.integers(1, 5))
def test_strings_are_unchanged(text: str, size: int) -> None:
    assert indented(compact([text, {text: text}]), size) == json.dumps([text, {text: text}], indent=2)


def test_the_indentation_of_a_deep_document_is_limited() -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value, value] if len(value) > 10 else [value]
    text = compact(value)
    shown = indented(text, 100)
    assert json.loads(shown) == value
    assert max(len(line) - len(line.lstrip(" ")) for line in shown.splitlines()) == 2 * DEEPEST
    assert len(indented("[[]," * 1000 + "[]" + "]" * 1000, 100)) < 20_000


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A client that sends no ``Accept``, as Java does."""
    with MockCVP() as cvp, cvp.client(base_url=cvp.admin_url, auth=None) as client:
        client.headers.pop("accept", None)
        assert client.post(f"{cvp.url}/{SYNCHRONIZE}", auth=cvp.auth, headers={"Accept": XML}).status_code == 202
        assert client.post("mappings", json=MAPPING).status_code == 201
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_accepts_anything_gets_indented_json(client: httpx.Client, path: str) -> None:
    client.put("cvp/clock", json={"frozen": True})
    for headers in ({}, {"Accept": "*/*"}):
        response = client.get(path, headers=headers)
        assert response.text == json.dumps(response.json(), ensure_ascii=False, indent=2)
        length = response.headers.get("content-length", len(response.content))
        assert int(length) == len(response.content)
    machine = client.get(path, headers={"Accept": JSON})
    assert "\n" not in machine.text
    assert machine.json() == response.json()
    assert "content-length" not in machine.headers or int(machine.headers["content-length"]) == len(machine.content)


@pytest.mark.parametrize("accept", [JSON, f"{JSON}, */*", "text/html, */*;q=0.8"])
def test_a_client_that_names_a_media_type_gets_compact_json(client: httpx.Client, accept: str) -> None:
    assert "\n" not in client.get("mappings", headers={"Accept": accept}).text


def test_a_head_request_gets_the_length_of_get(client: httpx.Client) -> None:
    assert client.head("health").headers["content-length"] == client.get("health").headers["content-length"]


def test_the_errors_of_the_guard_are_indented() -> None:
    with TestClient(create_app(Settings(admin_access="guarded")), base_url="https://localhost") as client:
        assert client.get("/__admin/requests").text.startswith('{\n  "errors": [\n    {\n      "code": 10,')


def test_a_compressed_response_is_unchanged() -> None:
    app = create_app()
    app.add_middleware(GZipMiddleware, minimum_size=1)
    with TestClient(app, base_url="https://localhost") as client:
        response = client.get("/__admin/cvp/deployment")
    assert response.headers["content-encoding"] == "gzip"
    assert len(response.json()["servers"]) == 5
