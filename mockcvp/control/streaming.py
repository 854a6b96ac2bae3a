"""Long JSON lists as a stream, so that no more of one is in memory than its client is about to receive."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from starlette.responses import Response, StreamingResponse

from mockcvp.slices import sliced

DEFAULT_LIMIT = 1000
"""How many entries a list has at most, where its client names no limit."""

_CHUNK_BYTES = 64 * 1024

_Item = TypeVar("_Item")


def listed(name: str, entry: Callable[[_Item], Any], items: Iterable[_Item], **others: Any) -> Response:
    """Return a response that is an object with one long list.

    An entry is made when it is about to be sent, and the server's ``send`` waits for a client that does not read. Where
    an entry cannot be made, the connection ends before the last chunk, so that the part sent is no whole document.

    Args:
        name: of the member that is the list
        entry: makes an entry of it, of what JSON can hold
        items: that the entries are made of
        others: the members that follow
    """
    return StreamingResponse(_chunks(name, entry, items, others), media_type="application/json")


async def _chunks(
    name: str, entry: Callable[[_Item], Any], items: Iterable[_Item], others: dict[str, Any]
) -> AsyncIterator[bytes]:
    waiting, comma = bytearray(_json(name).join([b"{", b":["])), b""
    async for item in sliced(items):
        waiting += comma + _json(entry(item))
        comma = b","
        # one entry may be many times as large as what a connection holds while its client does not read
        while len(waiting) > _CHUNK_BYTES:
            yield bytes(waiting[:_CHUNK_BYTES])
            del waiting[:_CHUNK_BYTES]
    yield bytes(waiting + (b"]," + _json(others)[1:] if others else b"]}"))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
