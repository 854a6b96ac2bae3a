"""The signals that stop the command. This module imports little, since it handles them before all other imports."""

import signal
import sys
from collections.abc import Callable
from types import FrameType

_STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]


def handle(handler: Callable[[int, FrameType | None], object]) -> None:
    """Set the handler of the signals that stop the command."""
    for number in _STOPS:
        signal.signal(number, handler)


def ignore() -> None:
    """Ignore the signals that stop the command until the process ends.

    At its exit the interpreter restores the default action of each handled signal, which kills the process.
    """
    if sys.platform != "win32":
        # The interpreter reports an error if a signal arrives while its handler is removed.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
