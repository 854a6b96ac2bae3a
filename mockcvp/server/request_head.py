"""Syntax checks of a request's head that httptools lacks (RFC 9112 and Tomcat's connector)."""

import re
from collections.abc import Iterable
from functools import lru_cache

_HOST = re.compile(rb"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])?(?::(\d{0,5}))?")
_LARGEST_PORT = 65535
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \t]+ HTTP/[0-9]\.[0-9]\r?\n")
# Like Tomcat, this rejects characters that must be percent-encoded, and a fragment.
_INVALID_IN_TARGET = re.compile(rb'["#<>\\^`{|}\x00-\x20\x7f-\xff]')


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


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and int(found[1] or 0) <= _LARGEST_PORT


@lru_cache(maxsize=256)
def is_request_line(line: bytes) -> bool:
    """Return whether a line with its line end is a method, a target and a version with single spaces between them."""
    return _REQUEST_LINE.fullmatch(line) is not None


@lru_cache(maxsize=256)
def is_target(target: bytes) -> bool:
    """Return whether a request target has only valid characters."""
    return _INVALID_IN_TARGET.search(target) is None
