"""Accepting of connections, with some file descriptors reserved for the process itself."""

import asyncio
import logging
import os
import resource
import socket
from collections.abc import Callable, Coroutine
from typing import Any

# A request may be the first to import a module or to open a file.
_RESERVED = 16
# A flood of connections must not delay other work of the event loop.
_MAX_AT_ONCE = 16
_PAUSE_SECONDS = 0.1
_REPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Acceptor:
    """Accepts the connections to a listening socket until ``close``.

    It closes a connection at once if its file descriptor is one of the last of the process, which needs some to import
    modules and to open files.

    Args:
        listener: a non-blocking listening socket
        connect: serves a connection; it returns when the protocol of the connection is set up, or has failed
        connecting: stores the tasks of ``connect``
    """

    def __init__(
        self,
        listener: socket.socket,
        connect: Callable[[socket.socket], Coroutine[Any, Any, None]],
        connecting: set[asyncio.Task[None]],
    ) -> None:
        self._listener = listener
        self._connect = connect
        # An event loop has only weak references to its tasks.
        self._connecting = connecting
        self._loop = asyncio.get_running_loop()
        self._highest = _highest_descriptor(listener)
        self._closed = 0
        self._reported: float | None = None
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    def close(self) -> None:
        """Stop accepting connections, and abort the tasks of ``connect``."""
        self._loop.remove_reader(self._listener)
        if self._resuming:
            self._resuming.cancel()
        self._listener.close()
        for task in self._connecting:
            task.cancel()

    def _resume(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_MAX_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                self._report(f"a connection cannot be accepted: {exc.strerror}")
                # Without a pause, the event loop would try the same connection again at once.
                self._loop.remove_reader(self._listener)
                self._resuming = self._loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            if connection.fileno() > self._highest:
                connection.close()
                self._closed += 1
                self._report(f"no file descriptors are left: closed {self._closed} connections so far")
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
    """Return the highest file descriptor for a connection; the system assigns the lowest free one."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(listener.fileno())
    os.close(lowest_free)
    if limit == resource.RLIM_INFINITY:
        return 2**31
    return limit - 1 - min(_RESERVED, (limit - lowest_free) // 2)
