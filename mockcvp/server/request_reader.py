"""Reading the requests of one connection, with limits of their size."""

from collections.abc import Callable

from mockcvp.server.chunked_body import ChunkedBody
from mockcvp.server.request_head import HeadParser, MalformedError, RequestHead, parse_head
from mockcvp.settings import Settings

# The maximum of bytes on the wire for each byte of a chunked body. A chunk of one byte has six.
_WIRE_FACTOR = 8


class RequestReader:
    """A reader of the requests of one connection.

    Args:
        settings: the settings of the mock server
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._head_parser: HeadParser | None = None
        self._head_bytes = 0
        self._receive: Callable[[bytes], None] | None = None
        # The rest of a body with a Content-Length, and the decoder of a chunked body.
        self._remaining = 0
        self._chunked: ChunkedBody | None = None

    @property
    def is_in_head(self) -> bool:
        """Whether a head is read in part."""
        return self._head_parser is not None

    @property
    def is_in_body(self) -> bool:
        """Whether a body is incomplete."""
        return self._receive is not None

    def read_head(self, data: bytes, place: int) -> tuple[RequestHead | None, int]:
        """Read a head from a position on, and return the head, None while it is incomplete, and the position after it.

        Raises:
            MalformedError: the head is malformed, or too large
        """
        if self._head_parser is None:
            begin = place
            # A request may follow empty lines (RFC 9112, section 2.2).
            while data.startswith(b"\r\n", place):
                place += 2
            self._count(place - begin)
            if place >= len(data) - 1 and data[place:] in (b"", b"\r"):
                return None, place
            end = data.find(b"\r\n\r\n", place) + 4
            if end > 3:
                self._count(end - place)
                return self._checked(parse_head(data[place:end])), end
            self._head_parser = HeadParser()
        end = self._head_parser.feed(data, place)
        self._count(end - place)
        if (head := self._head_parser.head) is None:
            return None, end
        self._head_parser = None
        return self._checked(head), end

    def _count(self, size: int) -> None:
        self._head_bytes += size
        most = self._settings.max_header_bytes
        if self._head_bytes > most:
            raise MalformedError(f"the request line and headers are larger than {most} bytes")

    def _checked(self, head: RequestHead) -> RequestHead:
        most = self._settings.max_headers
        if len(head.scope["headers"]) > most:
            raise MalformedError(f"the request has more than {most} headers")
        self._head_bytes = 0
        return head

    def begin_body(self, length: int | None, largest: int, receive: Callable[[bytes], None]) -> None:
        """Begin to read a body.

        Args:
            length: the length of the body; None for a chunked body
            largest: the maximum size of a body, in bytes
            receive: called with each part of the body
        """
        self._receive = receive
        if length is None:
            most_lines = self._settings.max_header_bytes
            self._chunked = ChunkedBody(receive, _WIRE_FACTOR * (largest + most_lines), most_lines)
        else:
            self._remaining = length

    def read_body(self, data: bytes, place: int) -> int:
        """Read a part of the body from a position on, and return the position after the body, or the end of the data.

        Raises:
            MalformedError: the body is malformed, or too large on the wire
        """
        assert self._receive is not None
        if self._chunked is not None:
            end = self._chunked.feed(data, place)
            is_complete = self._chunked.is_complete
        else:
            end = min(place + self._remaining, len(data))
            self._receive(data[place:end])
            self._remaining -= end - place
            is_complete = not self._remaining
        if is_complete:
            self.end_body()
        return end

    def end_body(self) -> None:
        """End the body."""
        self._receive = self._chunked = None
