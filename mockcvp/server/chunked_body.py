"""Decoding a chunked request body (RFC 9112, section 7.1) with httptools."""

from collections.abc import Callable

import httptools

from mockcvp.server.request_head import MalformedError

_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_END = b"\r\n\r\n"


class ChunkedBody:
    """The decoder of one chunked body.

    Args:
        receive: called with each part of the content
        largest: the maximum size of the body on the wire, in bytes
        largest_lines: the maximum size of chunk lines between two parts of the content, and of the trailers, in bytes

    Attributes:
        is_complete: whether the last chunk and the trailers are decoded
    """

    def __init__(self, receive: Callable[[bytes], None], largest: int, largest_lines: int) -> None:
        self.is_complete = False
        self._receive = receive
        self._largest, self._largest_lines = largest, largest_lines
        self._wire_bytes = self._line_bytes = 0
        # The last decoded bytes. The end of the body may begin with them.
        self._last = b""
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes, start: int) -> int:
        """Decode data from a position on, and return the position after the body, or the end of the data.

        httptools would parse the next request too, without its position. A chunked body ends with an empty line, so the
        parser gets the data up to each empty line.

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
        """Return the position after the next empty line, which may begin in earlier data, or the end of the data."""
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
        """Receive a part of the content. A chunk line or trailers may follow."""
        self._line_bytes = 0
        self._receive(body)

    def on_message_complete(self) -> None:
        """End the body."""
        self.is_complete = True
