"""How much of what was written to a connection its client's machine has not taken yet."""

import asyncio
import socket
import struct
import sys
from typing import NamedTuple

# where Linux tells how many bytes were acknowledged, in the structure tcp_info
_BYTES_ACKED = 120


class Unsent(NamedTuple):
    """What a client leaves waiting.

    Attributes:
        some: whether there is something
        taken: what tells one moment from another in which the client has taken more
    """

    some: bool
    taken: tuple[int, int]


def unsent(transport: asyncio.Transport) -> Unsent:
    """Return what the client of a connection leaves waiting: here, and where the system tells, in its queues."""
    here = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if sys.platform != "linux" or connection is None:
        return Unsent(here > 0, (here, 0))
    import fcntl
    import termios

    try:
        (queued,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        (acknowledged,) = struct.unpack_from("Q", told, _BYTES_ACKED)
    except (OSError, struct.error):
        return Unsent(here > 0, (here, 0))
    return Unsent(here > 0 or queued > 0, (here, acknowledged))
