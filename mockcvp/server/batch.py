"""Responding to the requests of one event-loop iteration together."""

import asyncio
from collections.abc import Callable

_FEW = 4


class Batch:
    """The requests of one event-loop iteration, and their responses, which are written together.

    Reading, responding and writing in turns would take a quarter more processor time, since each needs the processor's
    caches for itself. Responses that are written one by one each wake a client that has gone to sleep since the last.
    With few connections there is little to gain, and their requests are responded to at once. A response also reaches a
    client then that sends a FIN right after its request, without a TLS shutdown: what is written after that is lost.

    Attributes:
        is_open: whether responses are collected, and written when the batch ends
    """

    def __init__(self) -> None:
        self.is_open = False
        self._requests: list[Callable[[], None]] = []
        self._writes: list[Callable[[], None]] = []

    def respond(self, respond: Callable[[], None], connections: int) -> None:
        """Respond to a complete request, before any callback that is scheduled from now on runs.

        Args:
            respond: does so
            connections: how many the server has
        """
        if self.is_open:
            self._requests.append(respond)
        elif connections <= _FEW:
            respond()
        else:
            self.is_open = True
            self._requests.append(respond)
            asyncio.get_running_loop().call_soon(self.flush)

    def write(self, write: Callable[[], None]) -> None:
        """Write a response with the others, where the batch is open."""
        self._writes.append(write)

    def flush(self) -> None:
        """Respond to all requests, and write all responses."""
        if self.is_open:
            requests, self._requests = self._requests, []
            for respond in requests:
                respond()
            self.is_open = False
            writes, self._writes = self._writes, []
            for write in writes:
                write()
