"""Comparisons of CPU times, independent of the speed of the machine.

A test compares the CPU time of a function with the CPU time of another function.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf

Work = Callable[[], object]

TWICE = 2.5
"""The maximum ratio of CPU times for twice the input: linear work takes 2 times as long, and measurements vary."""

_ROUNDS = 7
# If a test has a maximum ratio, more runs only make the measured ratio more accurate.
_MORE_ROUNDS = 40


def ratio(work: Work, reference: Work, *, enough: float = 0.0, before: Work = lambda: None) -> float:
    """Return the ratio of the CPU times of two functions.

    Both functions run several times, alternately. Other processes slow runs down, so that the fastest run counts.

    Args:
        work: the measured function
        reference: the reference function
        enough: a ratio low enough to end the measurement
        before: a function that runs before each run, unmeasured
    """
    fastest = fastest_reference = inf
    for _ in range(_MORE_ROUNDS if enough else _ROUNDS):
        fastest_reference = min(fastest_reference, cpu_seconds(reference, before))
        fastest = min(fastest, cpu_seconds(work, before))
        if fastest <= enough * fastest_reference:
            break
    return fastest / fastest_reference


def growth(work: Callable[[int], object], size: int, *, before: Work = lambda: None) -> float:
    """Return the ratio of the CPU times of a function for twice an input size and for the input size."""
    return ratio(lambda: work(2 * size), lambda: work(size), enough=TWICE, before=before)


def cpu_seconds(work: Work, before: Work = lambda: None) -> float:
    """Return the CPU time of one run, in this thread."""
    before()
    with _no_garbage_collection():
        began = time.thread_time()
        work()
        return time.thread_time() - began


async def iterations_during(work: Awaitable[object]) -> int:
    """Return the number of event-loop iterations that another task has during some work."""
    iterations = 0

    async def count() -> None:
        nonlocal iterations
        while True:
            await asyncio.sleep(0)
            iterations += 1

    beside = asyncio.create_task(count())
    await work
    beside.cancel()
    return iterations


def clear_caches() -> None:
    """Clear every cache of the package, so that no run uses results of an earlier one."""
    for name, module in list(sys.modules.items()):
        if name.startswith("mockcvp."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    # The time of a collection depends on all objects of the process.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
