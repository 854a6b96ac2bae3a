"""Waiting for calls, in a thread or in an event loop."""

import asyncio
import threading
import time
from contextlib import suppress

from mockcvp.journal import Call, Journal
from mockcvp.stubs.pattern import RequestPattern, matching


def wait(journal: Journal, pattern: RequestPattern, count: int, timeout: float) -> list[Call] | None:
    """Return the calls that match a pattern, oldest first, once there are so many; None where that takes too long.

    Args:
        journal: where they come
        pattern: what they must be like
        count: how many there must be
        timeout: how long to wait, in seconds
    """
    woken, deadline = threading.Event(), time.monotonic() + timeout
    with journal.listening(woken.set):
        while len(found := matching(pattern, journal.page().calls[::-1])) < count:
            if not woken.wait(max(deadline - time.monotonic(), 0)):
                return None
            woken.clear()
    return found


async def async_wait(journal: Journal, pattern: RequestPattern, count: int, timeout: float) -> list[Call] | None:
    """Wait as ``wait`` does, and let the event loop go on meanwhile."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    deadline = loop.time() + timeout

    def wake() -> None:
        # a loop that has ended since waits for nothing
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(woken.set)

    with journal.listening(wake):
        while len(found := matching(pattern, journal.page().calls[::-1])) < count:
            try:
                await asyncio.wait_for(woken.wait(), max(deadline - loop.time(), 0))
            except TimeoutError:
                return None
            woken.clear()
    return found
