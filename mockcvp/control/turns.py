"""Long work done in short turns, so that calls to the OAMP need not wait for what is asked of the control API."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from starlette.responses import Response, StreamingResponse

from mockcvp.slices import each

_PIECE_BYTES = 64 * 1024

_Item = TypeVar("_Item")


async def listed(name: str, entry: Callable[[_Item], Any], items: Iterable[_Item], **others: Any) -> Response:
    """Return an answer that is an object with one long list.

    Args:
        name: of the member that is the list
        entry: makes an entry of it, of what JSON can hold
        items: that the entries are made of
        others: the members that follow
    """
    entries = await each(lambda item: _json(entry(item)), items)
    end = b"]," + _json(others)[1:] if others else b"]}"
    pieces = [_json(name).join([b"{", b":["]), *_joined(entries), end]
    headers = {"content-length": str(sum(map(len, pieces)))}
    return StreamingResponse(_sent(pieces), headers=headers, media_type="application/json")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _joined(entries: Iterable[bytes]) -> Iterable[bytes]:
    """Return what stands between the brackets of a list, in pieces that are worth to be sent."""
    waiting: list[bytes] = []
    size = 0
    for place, entry in enumerate(entries):
        waiting += [b",", entry] if place else [entry]
        size += len(entry)
        if size > _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


async def _sent(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
