"""Streaming of JSON: only the next chunk of a response is in memory."""

import json
from base64 import b64encode
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from mockcvp.pipeline.slices import sliced

DEFAULT_LIMIT = 1000
"""The most entries of a list whose client sends no limit."""

LARGE = 64 * 1024
"""The most characters of a text that is encoded as a whole."""
# a multiple of three: Base64 encodes three bytes as four characters
_SLICE = 48 * 1024
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Slices:
    """A long text whose slices are generated while the text is encoded.

    Args:
        make: returns the slices
    """

    def __init__(self, make: Callable[[], Iterator[str]]) -> None:
        self.make = make


def text_of(raw: bytes) -> str | Slices:
    """Return bytes as UTF-8 text."""
    if len(raw) <= LARGE:
        return raw.decode(errors="replace")

    def slices() -> Iterator[str]:
        decoder = getincrementaldecoder("utf-8")("replace")
        for start in range(0, len(raw), _SLICE):
            yield decoder.decode(raw[start : start + _SLICE], start + _SLICE >= len(raw))

    return Slices(slices)


def base64_of(raw: bytes) -> str | Slices:
    """Return bytes as Base64."""
    if len(raw) <= LARGE:
        return b64encode(raw).decode()
    return Slices(lambda: (b64encode(raw[at : at + _SLICE]).decode() for at in range(0, len(raw), _SLICE)))


def json_of(value: Any, *, is_large: bool) -> Iterable[str]:
    """Return the JSON of a value in chunks.

    Args:
        value: a JSON value, which may also have ``Slices``
        is_large: whether the value may have long texts or lists; otherwise it is one chunk, which takes less time
    """
    return _encoded(value) if is_large else (_ENCODER.encode(value),)


def list_of(
    name: str,
    entries: Iterable[Iterable[str]],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Return the JSON of an object with one long list in chunks. Each entry is encoded just before it is sent.

    Args:
        name: the name of the list
        entries: the chunks of each entry
        before: the members before the list
        after: the members after the list
    """
    head = _ENCODER.encode(before)[1:-1] + "," if before else ""
    yield f"{{{head}{_ENCODER.encode(name)}:["
    for place, entry in enumerate(entries):
        if place:
            yield ","
        yield from entry
    tail = "," + _ENCODER.encode(after)[1:-1] if after else ""
    yield f"]{tail}}}"


def streamed(chunks: Iterable[str], status: int = 200) -> Response:
    """Return a streaming response with a JSON body.

    The server's ``send`` waits for a client that does not read. An error in the encoding closes the connection before
    the last chunk of HTTP, so that the client sees an incomplete response.

    Args:
        chunks: the chunks of the JSON
        status: the status of the response
    """
    return StreamingResponse(_joined(chunks), status, media_type="application/json")


async def _joined(chunks: Iterable[str]) -> AsyncIterator[bytes]:
    waiting, size = list[str](), 0
    async for chunk in sliced(chunks):
        waiting.append(chunk)
        size += len(chunk)
        if size >= LARGE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()


def _encoded(value: Any) -> Iterator[str]:
    # a document may be nested deeper than Python's limit of recursion
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
