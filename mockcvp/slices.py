"""Long work in short slices, between which the event loop serves other requests."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

# a request may wait for several slices: before it is read, before its response and before that is written
_SLICE_SECONDS = 0.0002

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


async def each(work: Callable[[_Item], _Made], items: Iterable[_Item]) -> list[_Made]:
    """Return what some work makes of each item, in slices of a fifth of a millisecond.

    Args:
        work: done with one item without a break
        items: that do not change meanwhile
    """
    made = []
    ends = time.perf_counter() + _SLICE_SECONDS
    for item in items:
        made.append(work(item))
        if time.perf_counter() > ends:
            await asyncio.sleep(0)
            ends = time.perf_counter() + _SLICE_SECONDS
    return made
