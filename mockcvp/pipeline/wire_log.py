"""The log lines of a request and its response, at level debug."""

from collections.abc import Iterator

from mockcvp.journal import Call
from mockcvp.oamp.http import Headers
from mockcvp.text import printable, shortened

_SECRET = frozenset([b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"])
_SCHEMES = frozenset(["basic", "bearer", "digest", "negotiate"])
_MOST_CHARACTERS = 1000


def wire_lines(call: Call) -> Iterator[str]:
    """Yield the log lines of a call. Lines of the request start with ``>``, and lines of the response with ``<``."""
    request, response = call.request, call.response
    yield _line(f"> {request.method} {request.target} from {call.client or '-'}")
    yield from _message(">", request.headers, request.body)
    if response is None:
        yield f"< no response{f', but {call.fault}' if call.fault else ''}"
        return
    yield f"< {response.status}"
    yield from _message("<", response.headers, response.body)


def masked(name: bytes, value: bytes) -> str:
    """Return the value of a header as text, without the credentials or the cookies in the value."""
    text = value.decode("latin-1")
    if name.lower() not in _SECRET:
        return text
    scheme = text.partition(" ")[0]
    return f"{scheme} ***" if scheme.lower() in _SCHEMES else "***"


def _message(prefix: str, headers: Headers, body: bytes) -> Iterator[str]:
    for name, value in headers:
        yield _line(f"{prefix} {name.decode('latin-1')}: {masked(name, value)}")
    if body:
        # No character has more than 4 bytes.
        text = body[: 4 * (_MOST_CHARACTERS + 1)].decode(errors="backslashreplace")
        yield _line(f"{prefix} body of {len(body)} bytes: {text}")
    else:
        yield f"{prefix} no body"


def _line(text: str) -> str:
    # A client must not be able to forge a line.
    return printable(shortened(text, _MOST_CHARACTERS))
