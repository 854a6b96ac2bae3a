"""Reading request bodies. The memory of all unfinished bodies has a limit."""

import asyncio
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Message, Receive

from mockcvp.oamp.http import Headers

MAX_CONTROL_BYTES = 64 * 1024**2
"""The maximum size of the body of a control request, in bytes."""

MAX_UNFINISHED_BYTES = 128 * 1024**2
"""The maximum memory of all unfinished request bodies of a server, in bytes."""

LARGE_BODY = 64 * 1024
"""A larger body is not read if the headers determine an error response, in bytes."""


class UnfinishedBodies:
    """The memory of the unfinished request bodies of one server.

    Attributes:
        size: the memory in use, in bytes
        limit: the maximum memory, in bytes
    """

    def __init__(self, limit: int = MAX_UNFINISHED_BYTES) -> None:
        self.size = 0
        self.limit = limit

    @property
    def crowded(self) -> str:
        """The message for a request that exceeds the limit."""
        return f"all unfinished request bodies take more than {self.limit} bytes"


class RequestBody(NamedTuple):
    """A request body, or the part of it that was read.

    Attributes:
        content: the stored bytes
        is_complete: whether the client was connected until the end
        is_oversize: whether it exceeds its limit, so that the rest is not read
        is_crowded: whether all unfinished bodies exceeded their limit, so that the rest is not read
    """

    content: bytes = b""
    is_complete: bool = True
    is_oversize: bool = False
    is_crowded: bool = False


async def read_body(receive: Receive, limit: int, unfinished: UnfinishedBodies) -> RequestBody:
    """Read the body of a request.

    Args:
        receive: the ASGI receive function
        limit: the maximum size of the body, in bytes
        unfinished: the unfinished bodies of the server
    """
    try:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            # Nearly every body arrives in one message.
            content: bytes = message.get("body", b"")
            return RequestBody(content[:limit], True, len(content) > limit)
        return await _read_chunks(message, receive, limit, unfinished)
    except asyncio.CancelledError:
        # A server that stops closes the connections, and cancels their requests.
        return RequestBody(is_complete=False)


async def _read_chunks(message: Message, receive: Receive, limit: int, unfinished: UnfinishedBodies) -> RequestBody:
    stored = bytearray()
    try:
        while message["type"] == "http.request":
            chunk: bytes = message.get("body", b"")
            stored += chunk
            unfinished.size += len(chunk)
            if len(stored) > limit:
                return RequestBody(bytes(stored[:limit]), is_oversize=True)
            if unfinished.size > unfinished.limit:
                return RequestBody(is_crowded=True)
            if not message.get("more_body", False):
                return RequestBody(bytes(stored))
            message = await receive()
        return RequestBody(bytes(stored), is_complete=False)
    finally:
        unfinished.size -= len(stored)


@lru_cache(maxsize=256)
def large_body(headers: Headers, limit: int) -> int | None:
    """Return the length of a large body, or of one over a limit; None for a chunked body, 0 for any other."""
    fields = dict(headers)
    if b"transfer-encoding" in fields:
        return None
    digits = fields.get(b"content-length", b"0").lstrip(b"0")
    # No limit has more digits, and Python does not convert thousands of them.
    length = 10**30 if len(digits) > 30 else int(digits or b"0")
    return length if length > min(LARGE_BODY, limit) else 0


def has_body(headers: Headers) -> bool:
    """Return whether headers announce a body."""
    fields = dict(headers)
    return b"transfer-encoding" in fields or bool(fields.get(b"content-length", b"").strip(b"0"))


def expects_continue(headers: Headers) -> bool:
    """Return whether a client waits for 100 (Continue) before it sends a body."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
