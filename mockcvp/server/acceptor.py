"""Accepting connections, as many as leave descriptors for the process itself."""

import asyncio
import logging
import os
import resource
import socket
from collections.abc import Callable, Coroutine
from typing import Any

# for modules and files that a call is the first to need: a few at a time
_RESERVED = 16
# other work of the event loop is not to wait for a flood of connections
_AT_ONCE = 16
_PAUSE_SECONDS = 0.1
_REPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Acceptor:
    """Accepts the connections to a listening socket, until ``close``.

    A connection is closed at once if its descriptor is one of the last that the process may have. Without these, Python
    could not load a module, and a file could not be opened.

    Args:
        listener: a socket that listens and does not block
        connect: returns once the connection of a socket is served, or has failed
        connecting: stores the tasks that do this
    """

    def __init__(
        self,
        listener: socket.socket,
        connect: Callable[[socket.socket], Coroutine[Any, Any, None]],
        connecting: set[asyncio.Task[None]],
    ) -> None:
        self._listener = listener
        self._connect = connect
        # an event loop does not store its tasks
        self._connecting = connecting
        self._loop = asyncio.get_running_loop()
        self._highest = _highest_descriptor(listener)
        self._closed = 0
        self._reported: float | None = None
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    def close(self) -> None:
        """Accept no more connections, and abort those that are not served yet."""
        self._loop.remove_reader(self._listener)
        if self._resuming:
            self._resuming.cancel()
        self._listener.close()
        for task in self._connecting:
            task.cancel()

    def _resume(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                self._report(f"a connection cannot be accepted: {exc.strerror}")
                # the event loop would call this again at once, for the same connection
                self._loop.remove_reader(self._listener)
                self._resuming = self._loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            if connection.fileno() > self._highest:
                connection.close()
                self._closed += 1
                self._report(f"no descriptors are left for more connections; closed at once until now: {self._closed}")
            else:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._connecting.discard(task)
            if task.cancelled():
                connection.close()

        task.add_done_callback(end)

    def _report(self, message: str) -> None:
        now = self._loop.time()
        if self._reported is None or now - self._reported > _REPORT_SECONDS:
            self._reported = now
            _log.warning("%s", message)


def _highest_descriptor(listener: socket.socket) -> int:
    """Return the highest descriptor that a connection may have: the system assigns the lowest that is free."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(listener.fileno())
    os.close(lowest_free)
    if limit == resource.RLIM_INFINITY:
        return 2**31
    return limit - 1 - min(_RESERVED, (limit - lowest_free) // 2)
