"""Comparisons of what work costs, which hold on a machine of any speed.

No test compares a cost with a number of seconds. It compares the cost with that of other work, which the same process
does in turns with it.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

Work = Callable[[], object]

TWICE = 2.5
"""How many times as much twice the input may cost: work in proportion to its input costs twice as much, and noise adds."""

_ROUNDS = 7


def ratio(work: Work, reference: Work, *, enough: float = 0.0, before: Work = lambda: None) -> float:
    """Return how many times the CPU time of a reference some work takes.

    Both run several times, in turns, and the fastest run of each counts: other processes only make a run slower.

    Args:
        work: what is measured
        reference: what it is compared with
        enough: a ratio that is low enough to need no further runs
        before: called before each run, and not measured
    """
    fastest = fastest_reference = inf
    for _ in range(_ROUNDS):
        fastest_reference = min(fastest_reference, cpu_seconds(reference, before))
        fastest = min(fastest, cpu_seconds(work, before))
        if fastest <= enough * fastest_reference:
            break
    return fastest / fastest_reference


def growth(work: Callable[[int], object], size: int, *, before: Work = lambda: None) -> float:
    """Return how many times as much work costs when its input has twice a size."""
    return ratio(lambda: work(2 * size), lambda: work(size), before=before)


def cpu_seconds(work: Work, before: Work = lambda: None) -> float:
    """Return the CPU time of this thread that one run of some work takes."""
    before()
    with _no_garbage_collection():
        began = time.thread_time()
        work()
        return time.thread_time() - began


def clear_caches() -> None:
    """Clear every cache of the package, so that no run profits from an earlier one."""
    for name, module in list(sys.modules.items()):
        if name.startswith("mockcvp."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    # a collection takes as long as the whole process has objects, whatever the work is
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
