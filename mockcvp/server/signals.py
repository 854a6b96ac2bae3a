"""The signals that stop the command, in a module that loads at once: they are handled before anything else loads."""

import signal
import sys
from collections.abc import Callable
from types import FrameType

_STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]


def handle(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call a handler, in the main thread, for each signal that stops the command."""
    for number in _STOPS:
        signal.signal(number, handler)


def ignore() -> None:
    """Ignore these signals until the process has ended.

    At its end the interpreter would restore the default action of a signal that has a handler: a death by the signal.
    """
    if sys.platform != "win32":
        # the interpreter reports a signal that comes while its handler is removed as an error
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
