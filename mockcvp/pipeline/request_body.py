"""Reading request bodies, within a bound on the memory of all that are unfinished."""

import asyncio
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Message, Receive

from mockcvp.oamp.http import Headers

MAX_CONTROL_BYTES = 64 * 1024**2
"""How long the body of a control request may be, in bytes."""

MAX_UNFINISHED_BYTES = 128 * 1024**2
"""How many bytes the unfinished request bodies of one server may take together."""

LARGE_BODY = 64 * 1024
"""How many bytes a body has that is not awaited where the headers of its request lead to an error."""


class UnfinishedBodies:
    """The memory of the request bodies that one server is reading.

    Attributes:
        size: what they take together, in bytes
        limit: what they may take together, in bytes
    """

    def __init__(self, limit: int = MAX_UNFINISHED_BYTES) -> None:
        self.size = 0
        self.limit = limit

    @property
    def crowded(self) -> str:
        """The message for a request whose body was one too many."""
        return f"all unfinished request bodies take more than {self.limit} bytes"


class RequestBody(NamedTuple):
    """A request body, as far as it was read.

    Attributes:
        content: what is stored of it
        is_complete: whether all of it was read; not where the client disconnected
        is_oversize: whether it is larger than it may be; the rest is then not read
        is_crowded: whether all unfinished bodies together were larger than they may be; the rest is then not read
    """

    content: bytes = b""
    is_complete: bool = True
    is_oversize: bool = False
    is_crowded: bool = False


async def read_body(receive: Receive, limit: int, unfinished: UnfinishedBodies) -> RequestBody:
    """Read the body of a request.

    Args:
        receive: of the request
        limit: how many bytes are stored at most
        unfinished: of the server
    """
    try:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            # nearly every body comes at once
            content: bytes = message.get("body", b"")
            return RequestBody(content[:limit], True, len(content) > limit)
        return await _read_chunks(message, receive, limit, unfinished)
    except asyncio.CancelledError:
        # a server that stops cancels the requests whose connections it has closed
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
    """Return the length of a body that is large or over a limit, None for a chunked one; 0 for any other or none."""
    fields = dict(headers)
    if b"transfer-encoding" in fields:
        return None
    digits = fields.get(b"content-length", b"0").lstrip(b"0")
    # more digits than any limit has, and than Python would turn into a number
    length = 10**30 if len(digits) > 30 else int(digits or b"0")
    return length if length > min(LARGE_BODY, limit) else 0


def has_body(headers: Headers) -> bool:
    """Return whether headers announce a body."""
    fields = dict(headers)
    return b"transfer-encoding" in fields or bool(fields.get(b"content-length", b"").strip(b"0"))


def expects_continue(headers: Headers) -> bool:
    """Return whether a client waits for 100 (Continue) before it sends a body."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
