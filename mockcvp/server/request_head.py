"""Parsing the head of a request with httptools, which accepts some heads that Tomcat and RFC 9112 do not."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

import httptools

_HOST = re.compile(rb"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])?(?::(\d{0,5}))?")
_LARGEST_PORT = 65535
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \t]+ HTTP/[0-9]\.[0-9]\r?\n")
# Like Tomcat, this rejects characters that must be percent-encoded, and a fragment.
_INVALID_IN_TARGET = re.compile(rb'["#<>\\^`{|}\x00-\x20\x7f-\xff]')
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_INVALID = "Invalid HTTP request received."
# Longer heads are not cached.
_LARGEST_CACHED = 2048


class MalformedError(Exception):
    """A request that is malformed HTTP; the message is the reason."""


class RequestHead(NamedTuple):
    """The request line and the headers of a request.

    Attributes:
        scope: the part of the ASGI scope that the head determines
        length: the length of the body in bytes; None for a chunked body
        keep_alive: whether the connection may stay open after the response
        expects_continue: whether the client waits for 100 (Continue)
    """

    scope: dict[str, Any]
    length: int | None
    keep_alive: bool
    expects_continue: bool


def parse_head(head: bytes) -> RequestHead:
    """Parse a whole head, its empty line included.

    Raises:
        MalformedError: the head is malformed
    """
    return _parse_cached(head) if len(head) <= _LARGEST_CACHED else _parse(head)


def _parse(head: bytes) -> RequestHead:
    parser = HeadParser()
    parser.feed(head, 0)
    if parser.head is None:
        raise MalformedError(_INVALID)
    return parser.head


# Most requests of a client have the same head.
_parse_cached = lru_cache(maxsize=256)(_parse)


class HeadParser:
    """A parser of one head that arrives in parts.

    Attributes:
        head: the parsed head; None while it is incomplete
    """

    def __init__(self) -> None:
        self.head: RequestHead | None = None
        self._parser = httptools.HttpRequestParser(self)
        # The beginning of the request line; None after the line was checked.
        self._line: bytes | None = b""
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._is_complete = self._has_upgrade = self._keep_alive = False

    def feed(self, data: bytes, start: int) -> int:
        """Parse data from a position on, and return the position after the head, or the end of the data.

        Raises:
            MalformedError: the head is malformed
        """
        while self.head is None and start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            self._feed_line(data[start:end])
            start = end
        return start

    def _feed_line(self, part: bytes) -> None:
        if self._line is not None:
            self._line += part
            if part.endswith(b"\n"):
                if not is_request_line(self._line):
                    raise MalformedError("the request line is not METHOD TARGET VERSION with one space between them")
                self._line = None
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            # The other protocol is not supported, and the connection closes after the response.
            pass
        except httptools.HttpParserError:
            raise MalformedError(_INVALID) from None
        if self._is_complete:
            self.head = self._checked()

    def on_url(self, url: bytes) -> None:
        """Add a part of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """End the head."""
        self._is_complete = True
        # httptools forgets both at the end of the request, which may follow at once.
        self._has_upgrade, self._keep_alive = self._parser.should_upgrade(), self._parser.should_keep_alive()

    def _checked(self) -> RequestHead:
        parser, headers = self._parser, tuple(self._headers)
        version, fields = parser.get_http_version(), dict(headers)
        is_chunked = b"transfer-encoding" in fields
        if self._has_upgrade and (is_chunked or b"content-length" in fields):
            # llhttp parses no body after an upgrade.
            raise MalformedError("an upgrade with a body")
        if error := headers_error(headers, version):
            raise MalformedError(error)
        if not is_target(self._url):
            raise MalformedError("the request target has a character that must be percent-encoded, or a fragment")
        try:
            url = httptools.parse_url(self._url)
            raw_path: bytes = url.path
            path = raw_path.decode("ascii")
        except (httptools.HttpParserInvalidURLError, AttributeError):
            raise MalformedError(_INVALID) from None
        scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": url.query or b"",
            "headers": headers,
        }
        return RequestHead(
            scope,
            # llhttp accepts thousands of leading zeros, and Python does not.
            None if is_chunked else int(fields.get(b"content-length", b"").strip().lstrip(b"0") or b"0"),
            version != "1.0" and self._keep_alive and not self._has_upgrade,
            # HTTP/1.0 has no 100 (Continue).
            version == "1.1" and any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers),
        )


def headers_error(headers: Iterable[tuple[bytes, bytes]], version: str) -> str | None:
    """Return the reason why the headers or the version of a request are not valid, None if they are valid."""
    if version not in ("1.0", "1.1"):
        return "the version is neither HTTP/1.0 nor HTTP/1.1"
    hosts, codings = 0, 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if not _is_host(value):
                return "the Host is no host and port"
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.strip().lower() != b"chunked":
                return "the Transfer-Encoding is not just chunked"
    if hosts > 1 or (not hosts and version == "1.1"):
        return "a request of HTTP/1.1 has one Host header"
    return None


def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and int(found[1] or 0) <= _LARGEST_PORT


def is_request_line(line: bytes) -> bool:
    """Return whether a line with its line end is a method, a target and a version with single spaces between them."""
    return _REQUEST_LINE.fullmatch(line) is not None


def is_target(target: bytes) -> bool:
    """Return whether a request target has only valid characters."""
    return _INVALID_IN_TARGET.search(target) is None
