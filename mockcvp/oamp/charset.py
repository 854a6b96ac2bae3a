"""The text of a body, by its charset (contract, section 3)."""

from encodings import normalize_encoding
from encodings.aliases import aliases

from mockcvp.oamp.errors import ErrorType, OampError

WHITE_SPACE = " \t\r\n"
_CHARSETS = frozenset(aliases) | frozenset(aliases.values())


def decoded(body: bytes, charset: str, syntax: ErrorType) -> str:
    """Return the text of a body, without a byte order mark.

    Raises:
        OampError: the body is not in the charset; the error is ``syntax``
    """
    try:
        text = body.decode(charset)
        if charset.lower() != "utf-8":
            # Some encodings can encode half of a surrogate pair, which cannot be logged.
            text.encode()
    except (UnicodeError, LookupError) as exc:
        place = f" at byte {exc.start}" if isinstance(exc, UnicodeDecodeError) else ""
        raise OampError(syntax.error(f"the body is not {charset[:40].upper()}{place}")) from None
    return text.removeprefix("\ufeff")


def is_charset(name: str) -> bool:
    """Return whether this is the name of an encoding of text."""
    # The aliases lack Python's own encodings, such as unicode_escape. Codecs such as zlib encode no text.
    if normalize_encoding(name).lower() not in _CHARSETS:
        return False
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True
