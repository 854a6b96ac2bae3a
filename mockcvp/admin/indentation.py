"""Indented JSON for clients that accept any media type: a person reads the output of curl."""

import re
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockcvp.pipeline.slices import sliced

# deeper levels stay on one line, since their indentation would be much larger than the document
DEEPEST = 20
_SLICE = 4 * 1024
# Most texts between two strings are as short as `:false,`.
_SHORT = 8

_STRING = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+"?)', re.DOTALL)
_TOKEN = re.compile(rb"[{}\[\],:]|[^{}\[\],:]+")


def indented(app: ASGIApp) -> ASGIApp:
    """Return an app that indents its JSON by two spaces for a client that sends ``Accept: */*`` or no ``Accept``.

    Args:
        app: sends compact JSON
    """

    async def indenting(scope: Scope, receive: Receive, send: Send) -> None:
        accepts_any = scope["type"] == "http" and Headers(scope=scope).getlist("accept") in ([], ["*/*"])
        await app(scope, receive, _Indentation(send).send if accepts_any else send)

    return indenting


class _Indentation:
    """The indentation of one response."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._indenter: Indenter | None = None

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start":
            headers = Headers(raw=message["headers"])
            if headers.get("content-type") == "application/json" and "content-encoding" not in headers:
                self._indenter = Indenter()
                if "content-length" in headers:
                    self._start = message
                    return
        elif self._indenter:
            body = await _indented(self._indenter, message.get("body", b""))
            message = {**message, "body": body}
            if self._start:
                headers = MutableHeaders(scope=self._start)
                del headers["content-length"]
                if not message.get("more_body"):
                    headers["content-length"] = str(len(body))
                await self._send(self._start)
                self._start = None
        await self._send(message)


async def _indented(indenter: "Indenter", body: bytes) -> bytes:
    parts = (indenter.feed(body[start : start + _SLICE]) for start in range(0, len(body), _SLICE))
    return b"".join([part async for part in sliced(parts)])


class Indenter:
    """Indents a compact JSON document that arrives in chunks."""

    def __init__(self) -> None:
        self._depth = 0
        self._is_opened = False
        self._is_in_string = False
        self._half_escape = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return the next chunk with indentation."""
        if not self._is_in_string:
            return self._indented(chunk)
        self._is_in_string = False
        return self._indented(b'"' + self._half_escape + chunk)[1:]

    def _indented(self, text: bytes) -> bytes:
        pieces, depth, is_opened = _STRING.split(text), self._depth, self._is_opened
        for place in range(0, len(pieces) - 1, 2):
            piece = pieces[place]
            if piece == b":":
                pieces[place] = b": "
            else:
                spaced = _cached if len(piece) <= _SHORT else _spaced
                pieces[place], depth, is_opened = spaced(piece, depth, is_opened, True)
        if len(pieces) > 1 and not _is_closed(pieces[-2]):
            self._is_in_string, self._half_escape = True, pieces.pop()
        else:
            pieces[-1], depth, is_opened = _spaced(pieces[-1], depth, is_opened, False)
        self._depth, self._is_opened = depth, is_opened
        return b"".join(pieces)


def _spaced(text: bytes, depth: int, is_opened: bool, precedes_string: bool) -> tuple[bytes, int, bool]:
    """Return a text without strings with its white space, and the state after the text.

    Args:
        text: the text
        depth: the number of open containers
        is_opened: whether the last token opened a container, which has no line break if it is empty
        precedes_string: whether a string follows
    """
    parts = list[bytes]()
    for token in _TOKEN.findall(text):
        if token in b"]}":
            depth -= 1
            parts += (b"" if is_opened or depth >= DEEPEST else _line_break(depth)), token
        elif token in b",:":
            parts += token, (b" " if token == b":" else _line_break(depth))
        else:
            parts += (_line_break(depth) if is_opened else b""), token
        is_opened = token in b"[{"
        depth += is_opened
    if precedes_string and is_opened:
        parts.append(_line_break(depth))
        is_opened = False
    return b"".join(parts), depth, is_opened


_cached = lru_cache(maxsize=1024)(_spaced)


def _line_break(depth: int) -> bytes:
    return b"\n" + b"  " * depth if depth <= DEEPEST else b""


def _is_closed(string: bytes) -> bool:
    content = string[:-1]
    return len(string) > 1 and string.endswith(b'"') and (len(content) - len(content.rstrip(b"\\"))) % 2 == 0
