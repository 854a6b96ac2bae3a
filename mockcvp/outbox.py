"""Writing the responses of one event-loop iteration together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockcvp.connection import Connection

_FEW = 4


class Outbox:
    """The responses of one event-loop iteration, written together when it ends.

    Written one by one, each wakes a client that has gone to sleep since the last, which takes as long as the response.
    With few connections there is little to gain, and a response that is written at once also reaches a client that
    closes its side right after its request: what is written after the end of that side was read is lost.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Connection, bytes, bool]] = []
        # whether the server stops
        self.closed = False

    def put(self, connection: "Connection", data: bytes, *, close: bool) -> None:
        """Write to a connection before any callback that is scheduled from now on runs.

        Args:
            connection: the connection
            data: what to write
            close: whether that is its last
        """
        if len(connection.connections) <= _FEW and not self._waiting:
            _write(connection, data, close=close)
            return
        if not self._waiting:
            connection.loop.call_soon(self.flush)
        self._waiting.append((connection, data, close))

    def flush(self) -> None:
        """Write what is there."""
        waiting, self._waiting = self._waiting, []
        for connection, data, close in waiting:
            _write(connection, data, close=close)


def _write(connection: "Connection", data: bytes, *, close: bool) -> None:
    if not connection.transport.is_closing():
        connection.transport.write(data)
        if close:
            connection.close_soon()
