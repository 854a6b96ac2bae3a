"""The format of a response by ``Accept``, and of a body by ``Content-Type`` (contract, section 3)."""

import re
from functools import lru_cache
from typing import NamedTuple

from mockcvp.oamp import errors
from mockcvp.oamp.charset import is_charset
from mockcvp.oamp.codecs import CODECS, XML, Codec
from mockcvp.oamp.errors import OampError
from mockcvp.text import TOKEN


class MediaType(NamedTuple):
    """A media type or media range with its parameters. Only the values of parameters are not in lower case."""

    type: str
    subtype: str
    parameters: dict[str, str]


_CODECS = {media_type: codec for codec in CODECS for media_type in codec.media_types}
# A separator inside a quoted string does not separate.
_MEMBER, _PARAMETER = (re.compile(rf'(?:[^{separator}"]|"(?:[^"\\]|\\.)*"?)+') for separator in ",;")
_RELEVANT = re.compile("|".join([r"\*", *dict.fromkeys(f"{type_}/" for type_, _ in _CODECS)]), re.IGNORECASE)
# No client sends more, and a comparison of thousands takes long.
_MOST_RANGES = 100
# Most requests of a client have the same headers. Longer ones are not cached.
_MAX_CACHED = 300


def negotiate(accept: str | None) -> Codec:
    """Return the negotiated format of a response.

    The highest q wins. The q of a media type is that of the most specific range that matches it; q=0 excludes the type.
    Of two formats with the same q, the one that the header names first wins, or XML if one range matches both. More
    than 100 different ranges match nothing.

    Raises:
        OampError: ``invalid.header`` without a header, ``invalid.acceptHeader`` if it matches no format
    """
    if accept is None:
        raise OampError(errors.MISSING_ACCEPT.error())
    codec = _accepted(accept)
    if codec is None:
        reason = f"Accept is {accept[:100]!r}, which admits neither XML nor JSON"
        if accept.count(",") >= _MOST_RANGES:
            reason += f", or names them among more than {_MOST_RANGES} ranges"
        raise OampError(errors.NOT_ACCEPTABLE.error(reason))
    return codec


def error_codec(accept: str | None) -> Codec:
    """Return the format of an error response: the negotiated one, or XML if there is none."""
    return (_accepted(accept) if accept is not None else None) or XML


def _accepted(accept: str) -> Codec | None:
    return _cached_choice(accept) if len(accept) <= _MAX_CACHED else _choice(accept)


def _choice(accept: str) -> Codec | None:
    # Duplicate ranges, and ranges of other types, have no effect.
    members = dict.fromkeys(member for member in map(str.strip, _MEMBER.findall(accept)) if _RELEVANT.match(member))
    if len(members) > _MOST_RANGES:
        return None
    ranges = [(place, *member) for place, member in enumerate(map(_range, members)) if member]

    def preference(codec: Codec) -> tuple[float, int]:
        """Return the q of a format and, for equal ones, minus the place of the decisive range."""
        best = (0.0, 0)
        for offered in codec.media_types:
            decisive = max(
                ((_specificity(media, offered), q, -place) for place, media, q in ranges if _matches(media, offered)),
                default=None,
            )
            if decisive:
                best = max(best, decisive[1:])
        return best

    preferences = {codec: preference(codec) for codec in CODECS}
    # Of equal maxima, max returns the first.
    best = max(CODECS, key=lambda codec: preferences[codec])
    return best if preferences[best][0] else None


_cached_choice = lru_cache(maxsize=256)(_choice)


def body_codec(content_type: str | None) -> tuple[Codec, str | None]:
    """Return the format of a body and its charset, if one is named.

    Raises:
        OampError: ``invalid.contentType``
    """
    if content_type is None or len(content_type) > _MAX_CACHED:
        return _codec_of_body(content_type)
    return _cached_codec_of_body(content_type)


def _codec_of_body(content_type: str | None) -> tuple[Codec, str | None]:
    media = _media_type(content_type) if content_type is not None else None
    codec = _CODECS.get((media.type, media.subtype)) if media else None
    if media is None or codec is None:
        sent = "there is none" if content_type is None else f"it is {content_type[:100]!r}"
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"{errors.UNSUPPORTED_TYPE.message}; {sent}"))
    charset = media.parameters.get("charset") or None
    if charset and not is_charset(charset):
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"the charset of the Content-Type is unknown: {charset[:40]!r}"))
    return codec, charset


_cached_codec_of_body = lru_cache(maxsize=256)(_codec_of_body)


def _range(member: str) -> tuple[MediaType, float] | None:
    # Java's HttpURLConnection sends "*; q=.2" by default.
    media = _media_type(re.sub(r"^\s*\*\s*(?=;|$)", "*/*", member))
    if media is None:
        return None
    q = _quality(media.parameters.pop("q", "1"))
    return None if q is None else (media, q)


def _quality(text: str) -> float | None:
    return float(text) if re.fullmatch(r"(?:0(?:\.\d*)?|1(?:\.0*)?|\.\d+)", text, re.ASCII) else None


def _media_type(text: str) -> MediaType | None:
    essence, _, rest = text.partition(";")
    type_, slash, subtype = essence.strip(" \t").lower().partition("/")
    if not (slash and TOKEN.fullmatch(type_) and TOKEN.fullmatch(subtype)) or (type_ == "*" != subtype):
        return None
    parameters: dict[str, str] = {}
    for parameter in _PARAMETER.findall(rest):
        name, _, value = parameter.strip(" \t").partition("=")
        value = value.strip(" \t")
        if value[:1] == '"':
            value = re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'))
        parameters.setdefault(name.strip(" \t").lower(), value)
    return MediaType(type_, subtype, parameters)


def _matches(media: MediaType, offered: tuple[str, str]) -> bool:
    # "*/*" matches application/xml, the type of responses. Only "text/*" and "text/xml" match text/xml.
    if media.type == "*":
        return offered != ("text", "xml")
    return media.type == offered[0] and media.subtype in ("*", offered[1])


def _specificity(media: MediaType, offered: tuple[str, str]) -> tuple[bool, bool, int]:
    # In Jersey 1, parameters make a range more specific, and do not exclude anything.
    return media.type == offered[0], media.subtype == offered[1], len(media.parameters)
