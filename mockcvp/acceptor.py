"""Accepting connections, as many as leave descriptors for the process itself."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

# for modules and files that a call is the first to need: a few at a time
_RESERVED = 16
_PAUSE_SECONDS = 0.1
_REPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Acceptor:
    """Accepts the connections to a listening socket, until ``close``.

    A connection is closed at once if its descriptor is one of the last that the process may have. Without these, Python
    could not load a module, and a file could not be opened.

    Args:
        listener: a socket that listens and does not block
        serve: called with the socket of each connection
    """

    def __init__(self, listener: socket.socket, serve: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> None:
        self._listener = listener
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._highest = _highest_descriptor(listener)
        self._closed = 0
        self._reported: float | None = None
        # an event loop does not store its tasks
        self._serving: set[asyncio.Task[None]] = set()
        self._accepting = self._loop.create_task(self._accept())

    async def close(self) -> None:
        """Accept no more connections."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listener.close()

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError as exc:
                self._report(f"a connection cannot be accepted: {exc.strerror}")
                # the same connection would be the next one, at once
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if connection.fileno() > self._highest:
                connection.close()
                self._closed += 1
                self._report(f"no descriptors are left for more connections; closed at once until now: {self._closed}")
                continue
            task = self._loop.create_task(self._serve(connection))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    def _report(self, message: str) -> None:
        now = self._loop.time()
        if self._reported is None or now - self._reported > _REPORT_SECONDS:
            self._reported = now
            _log.warning("%s", message)


def _highest_descriptor(listener: socket.socket) -> int:
    """Return the highest descriptor that a connection may have: the system assigns the lowest that is free."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    lowest_free = os.dup(listener.fileno())
    os.close(lowest_free)
    return limit - 1 - min(_RESERVED, (limit - lowest_free) // 2)
