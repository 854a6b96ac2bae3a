"""The changes of a mock server as server-sent events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP
from mockcvp.admin import events
from tests.server_process import JSON, PATIENCE


class Stream:
    """An open stream of events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()
        self.last_id = ""

    def next(self) -> tuple[str, Any]:
        """Return the name and the data of the next event."""
        name, data = "", ""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif not line and name:
                return name, json.loads(data)
        raise EOFError

    def until(self, wanted: str) -> Any:
        """Return the data of the next event with a name."""
        while (event := self.next())[0] != wanted:
            pass
        return event[1]


@contextmanager
def stream(cvp: MockCVP, last_id: str = "") -> Iterator[Stream]:
    headers = {b"Last-Event-ID": last_id.encode("latin-1")} if last_id else {}
    with (
        cvp.client(timeout=PATIENCE) as client,
        client.stream("GET", f"{cvp.admin_url}/cvp/events", headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Stream(response)


@pytest.fixture
def cvp() -> Iterator[MockCVP]:
    with MockCVP() as cvp:
        yield cvp


def call(cvp: MockCVP, number: int = 1) -> None:
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        for _ in range(number):
            client.get("version")


def test_a_stream_begins_with_the_state(cvp: MockCVP) -> None:
    call(cvp, 2)
    cvp.clock.freeze()
    with stream(cvp) as events:
        name, hello = events.next()
    assert name == "hello"
    assert (hello["recorded"], hello["last"], hello["dropped"], hello["tenant"]) == (2, 2, 0, None)
    assert (hello["console"], hello["clock"]["frozen"]) == ("full", True)


def test_every_call_is_sent_once_or_counted_as_omitted(cvp: MockCVP) -> None:
    with stream(cvp) as open_stream:
        open_stream.next()
        caller = threading.Thread(target=call, args=[cvp, 1000])
        caller.start()
        expected, sent, omitted = 1, 0, 0
        while expected <= 1000:
            frame = open_stream.until("calls")
            assert frame["first"] == expected
            numbers = [one["number"] for one in frame["calls"]]
            assert numbers == list(range(frame["last"] - len(numbers) + 1, frame["last"] + 1))
            assert len(numbers) <= events.MOST_CALLS
            expected, sent, omitted = frame["last"] + 1, sent + len(numbers), omitted + frame["omitted"]
        caller.join()
    assert sent + omitted == 1000 == frame["recorded"]


def test_a_stream_continues_after_the_last_event(cvp: MockCVP) -> None:
    with stream(cvp) as first:
        first.next()
        call(cvp)
        assert first.until("calls")["last"] == 1
    call(cvp, 3)
    with stream(cvp, first.last_id) as second:
        frame = second.until("calls")
    assert [one["number"] for one in frame["calls"]] == [2, 3, 4]


def test_the_id_of_another_journal_does_not_continue(cvp: MockCVP) -> None:
    with stream(cvp) as first:
        first.next()
        call(cvp)
        first.until("calls")
    cvp.reset()
    call(cvp)
    with stream(cvp, first.last_id) as second:
        assert second.next()[1]["last"] == 1
        call(cvp)
        assert second.until("calls")["first"] == 2


@pytest.mark.parametrize("last_id", ["x", "1.x", f".{10**30}", "1.\u00b2"])
def test_an_id_that_is_not_valid_is_ignored(cvp: MockCVP, last_id: str) -> None:
    with stream(cvp, last_id) as events:
        assert events.next()[0] == "hello"


def test_each_kind_of_change_has_an_event(cvp: MockCVP) -> None:
    with stream(cvp) as events:
        events.next()
        cvp.clock.freeze()
        assert events.until("clock")["frozen"] is True
        cvp.set_outcome("media-1", "Failure")
        events.until("deployment")
        cvp.fail_next()
        events.until("stubs")
        with cvp.tenant():
            events.until("tenants")
        cvp.reset()
        events.until("reset")
        with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
            client.post("command/synchronize")
        assert events.until("calls")["calls"][0]["syncUp"] is True
        events.until("synchronizations")
        with cvp.client(timeout=PATIENCE) as client:
            client.post(f"{cvp.admin_url}/requests/remove", json={})
        events.until("reset")


def test_a_tenant_has_its_own_stream(cvp: MockCVP) -> None:
    with cvp.tenant() as tenant, stream(tenant) as events:
        assert events.next()[1]["tenant"] == tenant.username
        call(cvp)
        call(tenant)
        assert [one["user"] for one in events.until("calls")["calls"]] == [tenant.username]


def test_a_stop_of_the_server_ends_the_streams() -> None:
    with MockCVP() as cvp, stream(cvp) as events:
        events.next()
        cvp.stop()
        with pytest.raises(EOFError):
            events.next()


def test_a_closed_stream_is_forgotten(cvp: MockCVP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_STREAMS", 1)
    with stream(cvp) as first:
        first.next()
        with cvp.client(timeout=PATIENCE) as client:
            rejected = client.get(f"{cvp.admin_url}/cvp/events")
            assert rejected.status_code == 503
            assert "1 streams of events already" in rejected.json()["errors"][0]["title"]
    for _ in range(300):
        with cvp.client(timeout=PATIENCE) as client, client.stream("GET", f"{cvp.admin_url}/cvp/events") as response:
            if response.status_code == 200:
                return
    raise AssertionError("the closed stream still counts")
