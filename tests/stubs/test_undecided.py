"""A stopped regular expression: a verification is an error, and a stub mapping does not match."""

import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP
from mockcvp.stubs.matchers import java_regex
from mockcvp.stubs.matchers.java_regex import UndecidedError

ENDLESS = "/cvp-config/(a|aa)+b"
STOPPED = f"the regular expression {ENDLESS!r} was stopped after 1 s of processor time"
LONG = "a" * 2000


@pytest.fixture
def cvp() -> Iterator[MockCVP]:
    with MockCVP() as cvp:
        yield cvp


@pytest.fixture
def admin(cvp: MockCVP) -> Iterator[httpx.Client]:
    with cvp.client(base_url=cvp.admin_url, auth=None, timeout=60) as admin:
        yield admin


def call(cvp: MockCVP) -> int:
    with cvp.client(timeout=60) as client:
        return client.get(LONG).status_code


@pytest.mark.parametrize("path", ["requests/count", "requests/find", "requests/remove", "near-misses/request-pattern"])
@pytest.mark.parametrize(
    "pattern", [{"urlPattern": ENDLESS}, {"headers": {"X-Long": {"doesNotMatch": ENDLESS}}}], ids=["url", "not"]
)
def test_an_undecided_search_gets_422(cvp: MockCVP, admin: httpx.Client, path: str, pattern: dict[str, Any]) -> None:
    with cvp.client(timeout=60, headers={"X-Long": f"/cvp-config/{LONG}"}) as client:
        client.get(LONG)
    response = admin.post(path, json=pattern)
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    assert error["title"].startswith(STOPPED)
    assert len(cvp.calls) == 1


def test_a_regex_stopped_in_near_misses_is_a_difference(
    cvp: MockCVP, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(cvp)
    matches = itertools.count()

    def fully_matches(expression: Any, _: str) -> bool:
        # the first match, for the distance, is decided; the second, for the difference, is stopped
        if next(matches):
            raise UndecidedError(expression.pattern)
        return False

    monkeypatch.setattr(java_regex, "fully_matches", fully_matches)
    response = admin.post("near-misses/request-pattern", json={"urlPattern": "/nowhere"})
    (near_miss,) = response.json()["nearMisses"]
    (difference,) = near_miss["request"]["mockcvp"]["differences"]
    assert difference.startswith("the regular expression '/nowhere' was stopped")


def test_an_undecided_stub_mapping_does_not_match(
    cvp: MockCVP, admin: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    mapping = {"name": "endless", "request": {"urlPattern": ENDLESS}, "response": {"status": 200}}
    assert admin.post("mappings", json=mapping).status_code == 201
    with caplog.at_level(logging.WARNING):
        assert call(cvp) == 404
    assert [
        record.levelname
        for record in caplog.records
        if record.getMessage().startswith(f"the stub mapping endless does not match: {STOPPED}")
    ] == ["WARNING"]
    (near_miss,) = admin.get("requests/unmatched/near-misses").json()["nearMisses"]
    (difference,) = near_miss["request"]["mockcvp"]["differences"]
    assert difference.startswith(STOPPED)
    assert near_miss["matchResult"]["distance"] > 0
    assert f"the stub mapping endless has matched no call; {STOPPED}" in cvp.log()


@pytest.mark.parametrize(
    "verify",
    [
        lambda cvp: cvp.assert_called(request={"urlPattern": ENDLESS}),
        lambda cvp: cvp.assert_not_called(request={"urlPattern": ENDLESS}),
        lambda cvp: cvp.wait_for_calls(request={"urlPattern": ENDLESS}),
    ],
    ids=["called", "not called", "wait"],
)
def test_an_undecided_verification_raises_an_error(cvp: MockCVP, verify: Callable[[MockCVP], None]) -> None:
    call(cvp)
    with pytest.raises(UndecidedError, match="was stopped after 1 s"):
        verify(cvp)
