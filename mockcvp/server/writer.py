"""The write buffer of a connection, and the bytes of status lines, headers and faults."""

import re
import socket
import struct
from asyncio import Future, Transport, get_running_loop
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import assert_never

from mockcvp.oamp.http import CHUNKED, Headers, Response
from mockcvp.server.batch import Batch
from mockcvp.stubs.response import Fault

# TLS encrypts each write at once, before its flow control applies.
_PIECE_BYTES = 64 * 1024
# asyncio reports a reset by the client only between event-loop iterations.
_MOST_PIECES = 4
_NOT_IN_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Output:
    """The write buffer of one connection.

    Args:
        transport: the transport of the connection
        batch: the batch of the server
        drained: called each time that the buffer becomes empty

    Attributes:
        paused_since: the time since which writing is paused, by the clock of the event loop; None while it is not
        was_paused: whether writing was paused since this was last reset
    """

    def __init__(self, transport: Transport, batch: Batch, drained: Callable[[], None]) -> None:
        self.paused_since: float | None = None
        self.was_paused = False
        self._transport, self._batch = transport, batch
        self._on_drained: Callable[[], None] | None = drained
        self._queue: deque[bytes | memoryview] = deque()
        self._waiting: list[Future[bool]] = []
        self._is_flush_scheduled = False

    @property
    def is_drained(self) -> bool:
        """Whether the write buffer is empty."""
        return not self._queue and self.paused_since is None

    @property
    def is_paused(self) -> bool:
        """Whether new data has to wait for the client, or for the rest of a large response."""
        return self.paused_since is not None or self._is_flush_scheduled

    def write(self, data: bytes) -> None:
        """Write data, after all earlier data."""
        self._queue.append(data)
        if not self._batch.is_open:
            self._flush()
        elif len(self._queue) == 1:
            self._batch.write(self._flush)

    async def drained(self) -> bool:
        """Wait until the write buffer is empty, and return whether the connection was open until then."""
        if self._on_drained is None or self.is_drained:
            return self._on_drained is not None
        future: Future[bool] = get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def pause(self) -> None:
        """Pause writing until the client reads."""
        self.paused_since, self.was_paused = get_running_loop().time(), True

    def resume(self) -> None:
        """Resume writing."""
        self.paused_since = None
        self._flush()

    def close(self) -> None:
        """Drop the data that is not written."""
        self._on_drained = self.paused_since = None
        self._queue.clear()
        self._wake(is_drained=False)

    def _flush_later(self) -> None:
        self._is_flush_scheduled = False
        self._flush()

    def _flush(self) -> None:
        queue, transport, pieces = self._queue, self._transport, 0
        while queue and self.paused_since is None:
            if self._is_flush_scheduled or transport.is_closing():
                # ``connection_lost`` follows soon.
                return
            data = queue.popleft()
            if len(data) > _PIECE_BYTES:
                pieces += 1
                if pieces > _MOST_PIECES:
                    queue.appendleft(data)
                    self._is_flush_scheduled = True
                    get_running_loop().call_soon(self._flush_later)
                    return
                data = memoryview(data)
                queue.appendleft(data[_PIECE_BYTES:])
                data = data[:_PIECE_BYTES]
            transport.write(data)
        if not queue and self.paused_since is None:
            if self._waiting:
                self._wake(is_drained=True)
            if self._on_drained is not None:
                self._on_drained()

    def _wake(self, *, is_drained: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(is_drained)


def response_head(response: Response, has_reason_phrase: bool, date: bytes, *, close: bool) -> bytes:
    """Return the status line and the headers of a response, with the spelling of Tomcat.

    Args:
        response: the response
        has_reason_phrase: whether the status line ends with a reason phrase
        date: the value of the ``Date`` header
        close: whether the connection closes after the response
    """
    end = b"\r\nConnection: close\r\n\r\n" if close else b"\r\n\r\n"
    return _tomcats(response.status, has_reason_phrase, response.headers) + date + end


@lru_cache(maxsize=256)
def _tomcats(status: int, has_reason_phrase: bool, headers: Headers) -> bytes:
    lines = b"".join([_cased(name) + b": " + value + b"\r\n" for name, value in headers])
    return status_line(status, None if has_reason_phrase else "") + lines + b"Date: "


def _cased(name: bytes) -> bytes:
    """Return the name of a header in the case of Tomcat, since some clients compare names with their case."""
    return b"WWW-Authenticate" if name == b"www-authenticate" else name.title()


def framed(response: Response) -> bytes:
    """Return the body of a response, as one chunk if the response is chunked."""
    body = response.body
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body and CHUNKED in response.headers else body


def status_line(status: int, reason: str | None) -> bytes:
    """Return a status line.

    Args:
        status: the status
        reason: the reason phrase; None for the standard one
    """
    if reason is None:
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            # A stub mapping may have a status without a standard phrase.
            reason = ""
    return f"HTTP/1.1 {status} {reason}\r\n".encode("latin-1")


def encode_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the bytes of the headers of an ASGI app.

    Raises:
        ValueError: a name or a value has a character that is not allowed
    """
    for name, value in headers:
        if _NOT_IN_NAME.search(name) or _NOT_IN_VALUE.search(value):
            raise ValueError(f"the header {name!r} has a character that is not allowed")
    return b"".join([name.lower() + b": " + value + b"\r\n" for name, value in headers])


def write_fault(transport: Transport, write: Callable[[bytes], None], fault: Fault) -> None:
    """Write the bytes of a fault, or prepare the reset of the connection."""
    if fault is Fault.CONNECTION_RESET_BY_PEER:
        # With a linger time of 0, closing a TCP connection resets it.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif fault is Fault.MALFORMED_RESPONSE_CHUNK:
        write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b'<?xml version="1.0"')
    elif fault is Fault.RANDOM_DATA_THEN_CLOSE:
        # Some clients would wait for more data without the end of a line.
        write(bytes(range(128, 256)) * 2 + b"\r\n\r\n")
    elif fault is not Fault.EMPTY_RESPONSE:
        assert_never(fault)
