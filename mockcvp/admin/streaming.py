"""JSON as a stream, so that no more of it is in memory than its client is about to receive."""

import json
from base64 import b64encode
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from mockcvp.pipeline.slices import sliced

DEFAULT_LIMIT = 1000
"""How many entries a list has at most, where its client names no limit."""

LARGE = 64 * 1024
"""A text of more characters is encoded in slices."""
# three bytes are four characters of Base64
_SLICE = 48 * 1024
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Slices:
    """A long text that is made while it is encoded.

    Args:
        make: makes its slices
    """

    def __init__(self, make: Callable[[], Iterator[str]]) -> None:
        self.make = make


def text_of(raw: bytes) -> str | Slices:
    """Return bytes as text, by UTF-8."""
    if len(raw) <= LARGE:
        return raw.decode(errors="replace")

    def slices() -> Iterator[str]:
        decoder = getincrementaldecoder("utf-8")("replace")
        for start in range(0, len(raw), _SLICE):
            yield decoder.decode(raw[start : start + _SLICE], start + _SLICE >= len(raw))

    return Slices(slices)


def base64_of(raw: bytes) -> str | Slices:
    """Return bytes in Base64."""
    if len(raw) <= LARGE:
        return b64encode(raw).decode()
    return Slices(lambda: (b64encode(raw[at : at + _SLICE]).decode() for at in range(0, len(raw), _SLICE)))


def json_of(value: Any, *, is_large: bool) -> Iterable[str]:
    """Return the JSON of a value in pieces.

    Args:
        value: of what JSON can hold, and of ``Slices``
        is_large: whether it may hold long texts or lists; else it is one piece, which takes less time
    """
    return _pieces(value) if is_large else (_ENCODER.encode(value),)


def list_of(
    name: str,
    entries: Iterable[Iterable[str]],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Return the JSON of an object with one long list in pieces; an entry is made when it is about to be sent.

    Args:
        name: of the member that is the list
        entries: the pieces of each entry
        before: the members before the list
        after: the members that follow
    """
    head = _ENCODER.encode(before)[1:-1] + "," if before else ""
    yield f"{{{head}{_ENCODER.encode(name)}:["
    for place, entry in enumerate(entries):
        if place:
            yield ","
        yield from entry
    tail = "," + _ENCODER.encode(after)[1:-1] if after else ""
    yield f"]{tail}}}"


def streamed(pieces: Iterable[str], status: int = 200) -> Response:
    """Return a response whose body is some JSON.

    The server's ``send`` waits for a client that does not read. Where a piece cannot be made, the connection ends
    before the last chunk, so that the part sent is no whole document.

    Args:
        pieces: of the JSON
        status: of the response
    """
    return StreamingResponse(_chunks(pieces), status, media_type="application/json")


async def _chunks(pieces: Iterable[str]) -> AsyncIterator[bytes]:
    waiting, size = list[str](), 0
    async for piece in sliced(pieces):
        waiting.append(piece)
        size += len(piece)
        if size >= LARGE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()


def _pieces(value: Any) -> Iterator[str]:
    # no recursion: a document may be nested deeper than calls of Python may be
    containers: list[tuple[Iterator[tuple[str, Any]], str]] = [(iter([("", value)]), "")]
    while containers:
        members, end = containers[-1]
        before, one = next(members, (end, members))
        yield before
        if one is members:
            containers.pop()
        elif isinstance(one, dict):
            containers.append((_members(one), "}"))
            yield "{"
        elif isinstance(one, list | tuple):
            containers.append((_items(one), "]"))
            yield "["
        elif isinstance(one, Slices) or (isinstance(one, str) and len(one) > LARGE):
            yield '"'
            for part in one.make() if isinstance(one, Slices) else _slices(one):
                yield _ENCODER.encode(part)[1:-1]
            yield '"'
        else:
            yield _ENCODER.encode(one)


def _members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for place, (name, one) in enumerate(value.items()):
        yield f"{',' if place else ''}{_ENCODER.encode(name)}:", one


def _items(value: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for place, one in enumerate(value):
        yield "," if place else "", one


def _slices(text: str) -> Iterator[str]:
    return (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
