"""Responding to the requests of one event-loop iteration together."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockcvp.server.protocol import Connection

_FEW = 4


class Outbox:
    """The requests of one event-loop iteration, and their responses, which are written together.

    Reading, responding and writing in turns would take a quarter more processor time, since each needs the processor's
    caches for itself. Responses that are written one by one each wake a client that has gone to sleep since the last.
    With few connections there is little to gain, and a response that is written at once also reaches a client that
    closes its side right after its request: what is written after the end of that side was read is lost.
    """

    def __init__(self) -> None:
        self._requests: list[Callable[[], None]] = []
        self._waiting: list[tuple[Connection, bytes, bool]] = []
        self._is_due = False
        # whether the server stops
        self.closed = False

    def respond(self, connection: "Connection", respond: Callable[[], None]) -> None:
        """Respond to a request that is complete, before any callback that is scheduled from now on runs."""
        if len(connection.connections) <= _FEW and not self._is_due:
            respond()
            return
        self._schedule(connection)
        self._requests.append(respond)

    def put(self, connection: "Connection", data: bytes, *, close: bool) -> None:
        """Write to a connection before any callback that is scheduled from now on runs.

        Args:
            connection: the connection
            data: what to write
            close: whether that is its last
        """
        if len(connection.connections) <= _FEW and not self._is_due:
            _write(connection, data, close=close)
            return
        self._schedule(connection)
        self._waiting.append((connection, data, close))

    def _schedule(self, connection: "Connection") -> None:
        if not self._is_due:
            self._is_due = True
            connection.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Respond to all requests that are there, and write all responses."""
        requests, self._requests = self._requests, []
        for respond in requests:
            respond()
        self._is_due = False
        waiting, self._waiting = self._waiting, []
        for connection, data, close in waiting:
            _write(connection, data, close=close)


def _write(connection: "Connection", data: bytes, *, close: bool) -> None:
    if not connection.transport.is_closing():
        connection.transport.write(data)
        if close:
            connection.close_soon()
