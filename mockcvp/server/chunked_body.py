"""A chunked request body (RFC 9112, section 7.1), decoded by httptools."""

from collections.abc import Callable

import httptools

from mockcvp.server.request_head import MalformedError

_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"\r\n\r\n"


class ChunkedBody:
    """The decoder of one chunked body.

    Args:
        receive: called with each part of the content
        largest: how many bytes the body may have on the wire
        largest_lines: how many bytes may come between two parts of the content, or in the trailers

    Attributes:
        is_complete: whether the last chunk and the trailers have come
    """

    def __init__(self, receive: Callable[[bytes], None], largest: int, largest_lines: int) -> None:
        self.is_complete = False
        self._receive = receive
        self._largest, self._largest_lines = largest, largest_lines
        self._wire_bytes = self._line_bytes = 0
        # the last bytes that were decoded, with which the end of the body may begin
        self._last = b""
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes, start: int) -> int:
        """Decode data from a position on, and return the position after the body, or the end of the data.

        httptools goes on to the next request, and does not tell where that begins. A chunked body ends with an empty
        line, so that the data is fed as far as each of them.

        Raises:
            MalformedError: the body is malformed, or too large
        """
        while not self.is_complete and start < len(data):
            end = self._next_empty_line(data, start)
            part = data[start:end]
            self._wire_bytes += len(part)
            self._line_bytes += len(part)
            try:
                self._parser.feed_data(part)
            except httptools.HttpParserError:
                raise MalformedError("Invalid HTTP request received.") from None
            self._last = (self._last + part[-3:])[-3:]
            start = end
        self._check_size()
        return start

    def _next_empty_line(self, data: bytes, start: int) -> int:
        """Return the position after the next empty line, which may have begun in the data before, or the data's end."""
        if self._last:
            found = (self._last + data[start : start + 3]).find(_END)
            if found >= 0:
                return start + found + len(_END) - len(self._last)
        found = data.find(_END, start)
        return len(data) if found < 0 else found + len(_END)

    def _check_size(self) -> None:
        if self._wire_bytes > self._largest:
            raise MalformedError(f"the body has more than {self._largest} bytes on the wire")
        if self._line_bytes > self._largest_lines and not self.is_complete:
            raise MalformedError(f"the trailers and chunk lines are larger than {self._largest_lines} bytes")

    def on_body(self, body: bytes) -> None:
        """Receive a part of the content, after which a chunk line or trailers may come."""
        self._line_bytes = 0
        self._receive(body)

    def on_message_complete(self) -> None:
        """End the body."""
        self.is_complete = True
