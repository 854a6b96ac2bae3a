"""The tests of the consumer, which use the control API of the mock server."""

import os
import time

import pytest
import requests
from consumer import settings, synchronise

CONTROL = os.environ["OAMP_CONTROL"]
SYNCHRONIZE = {"method": "POST", "urlPath": "/cvp-config/command/synchronize"}


def control(method: str, path: str, body: object = None) -> dict:
    response = requests.request(method, f"{CONTROL}/{path}", json=body, verify=settings()[3], timeout=10)
    assert response.ok, response.text
    return response.json()


def count(**more: object) -> int:
    return control("POST", "requests/count", SYNCHRONIZE | more)["count"]


def accepted(server: str) -> dict:
    return {"customMatcher": {"name": "mockcvp", "parameters": {"refURL": server, "sincetime": 0, "status": 202}}}


def test_the_service_synchronises_its_servers_when_it_starts():
    deadline = time.monotonic() + 20
    while count(**accepted("media-1")) < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert count(**accepted("media-1")) == 1
    assert count(**accepted("vxml-1")) == 1


@pytest.fixture
def busy_once():
    control("DELETE", "requests")
    busy = {"transformers": ["mockcvp"], "transformerParameters": {"errorType": "processing.throttled", "times": 1}}
    control("POST", "mappings", {"request": SYNCHRONIZE, "response": {"status": 503, **busy}})
    yield
    control("POST", "reset")


def test_a_busy_server_gets_a_second_request(busy_once):
    assert synchronise(*settings()) == 202
    assert count() == 2
    assert count(**accepted("media-1")) == 1
