"""How much of what was written to a connection its client's machine has not taken yet."""

import asyncio
import socket
import struct
import sys

if sys.platform == "linux":
    import fcntl
    import termios

_SOONEST_LOOK, _LATEST_LOOK = 0.01, 0.5
# where Linux tells how many bytes were acknowledged, in the structure tcp_info
_BYTES_ACKED = 120
# macOS: how many bytes wait in the system's queue
_SO_NWRITE = 0x1024


class Unsent:
    """What a client leaves waiting.

    Args:
        transport: of its connection
        now: by the loop's clock, in seconds

    Attributes:
        some: whether there was something when it was last looked at
        written: whether something was written since: without it, the next look is none, for nothing can have come
    """

    def __init__(self, transport: asyncio.Transport, now: float) -> None:
        self.some = False
        self._transport = transport
        self._since = now
        self._taken = (0, 0)
        self.written = False

    def look(self, now: float) -> float:
        """Return for how many seconds a client has taken nothing of what waits for it; 0 where nothing does.

        Args:
            now: by the loop's clock, in seconds
        """
        before, waited = self._taken, self.some
        if self.written or self.some:
            self.some, self._taken = _unsent(self._transport)
            self.written = False
        # what waits since the last look only may have been written just now
        if not self.some or not waited or self._taken != before:
            self._since = now
        return now - self._since


def next_look(waited: float) -> float:
    """Return in how many seconds whoever waits for a client looks again, after it has taken nothing for so long."""
    return min(max(waited / 4, _SOONEST_LOOK), _LATEST_LOOK)


def _unsent(transport: asyncio.Transport) -> tuple[bool, tuple[int, int]]:
    """Return whether something waits, here or in the system's queue, and what changes where some of it is taken."""
    here = transport.get_write_buffer_size()
    # asyncio's own: what is encrypted waits in the transport below
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    if below is not None:
        here += below.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if connection is None:
        return here > 0, (here, 0)
    if sys.platform == "darwin":
        queued = connection.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
        return here > 0 or queued > 0, (here, queued)
    if sys.platform != "linux":
        return here > 0, (here, 0)
    try:
        (queued,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
        described = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        (acknowledged,) = struct.unpack_from("Q", described, _BYTES_ACKED)
    except (OSError, struct.error):
        return here > 0, (here, 0)
    return here > 0 or queued > 0, (here, acknowledged)
