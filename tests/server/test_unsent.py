"""How long a client leaves waiting what was written to its connection."""

import asyncio

import pytest

from mockcvp.server import unsent


def test_the_wait_begins_when_something_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    # whether something waits in the system's queue, and how many bytes were acknowledged
    states = iter([(False, 5), (True, 5), (True, 5), (True, 7), (False, 9), (True, 9)])

    def state(_: asyncio.Transport) -> tuple[bool, tuple[int, int]]:
        waits, acknowledged = next(states)
        return waits, (0, acknowledged)

    monkeypatch.setattr(unsent, "_unsent", state)
    connection = unsent.Unsent(asyncio.Transport(), 0.0)
    waited = []
    # before the second look, the loop was busy for long, and has only just written what waits then
    for now in (1.0, 100.0, 101.0, 102.0, 103.0, 200.0):
        connection.written = True
        waited.append(connection.look(now))
    assert waited == [0, 0, 1, 0, 0, 0]
