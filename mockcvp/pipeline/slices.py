"""Long work in short slices, between which the event loop serves other requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

# a request may wait for several slices: before it is read, before its response and before that is written
_SLICE_SECONDS = 0.0002

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


async def sliced(items: Iterable[_Item]) -> AsyncIterator[_Item]:
    """Yield items, and let the event loop go on when the work with them has taken a fifth of a millisecond.

    Args:
        items: that do not change meanwhile
    """
    ends = time.perf_counter() + _SLICE_SECONDS
    for item in items:
        yield item
        if time.perf_counter() > ends:
            await asyncio.sleep(0)
            ends = time.perf_counter() + _SLICE_SECONDS


async def each(work: Callable[[_Item], _Made], items: Iterable[_Item]) -> list[_Made]:
    """Return the results of some work with each item, done in slices.

    Args:
        work: done with one item without a break
        items: that do not change meanwhile
    """
    return [work(item) async for item in sliced(items)]


async def chosen(condition: Callable[[_Item], bool], items: Iterable[_Item]) -> list[_Item]:
    """Return the items for which a condition is true, which is found out in slices."""
    return [item async for item in sliced(items) if condition(item)]
