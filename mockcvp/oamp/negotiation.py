"""Which form an answer takes, and which form a body has (contract, section 3)."""

import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from mockcvp.oamp import errors
from mockcvp.oamp.errors import OampError
from mockcvp.text import TOKEN


class Form(Enum):
    """One of the two ways to write a document down, and the ``Content-Type`` that says so."""

    XML = "application/xml;charset=utf-8"
    JSON = "application/json"


class MediaType(NamedTuple):
    """A media type or range with its parameters, all in lower case but for the parameters' values."""

    type: str
    subtype: str
    parameters: dict[str, str]


_FORMS = {("application", "xml"): Form.XML, ("text", "xml"): Form.XML, ("application", "json"): Form.JSON}
# a separator inside a quoted string does not separate
_MEMBER, _PARAMETER = (re.compile(rf'(?:[^{separator}"]|"(?:[^"\\]|\\.)*"?)+') for separator in ",;")
_RELEVANT = re.compile(r"\*|application/|text/", re.IGNORECASE)
# no client names more, and comparing thousands with each other takes time
_MOST_RANGES = 100
# clients send few headers again and again; one that is longer than theirs is not kept
_MAX_CACHED = 300
_CHARSETS = frozenset(aliases) | frozenset(aliases.values())


def negotiate(accept: str | None) -> Form:
    """Return the form that an ``Accept`` header asks for.

    The highest q wins, a type's q is that of the most specific range that matches it, q=0 excludes, and a tie goes to
    the form named first; where one range names both, to XML. Members that are not media ranges are passed over.
    More than 100 different ranges of these types admit neither form.

    Raises:
        Refusal: ``invalid.header`` without a header, ``invalid.acceptHeader`` where it admits neither form.
    """
    if accept is None:
        raise OampError(errors.MISSING_ACCEPT.error())
    form = _accepted(accept)
    if form is None:
        reason = f"Accept is {accept[:100]!r}, which admits neither XML nor JSON"
        if accept.count(",") >= _MOST_RANGES:
            reason += f", or names them among more than {_MOST_RANGES} ranges"
        raise OampError(errors.NOT_ACCEPTABLE.error(reason))
    return form


def error_form(accept: str | None) -> Form:
    """Return the form of a response to any request: the one that its ``Accept`` header asks for, else XML."""
    return (_accepted(accept) if accept is not None else None) or Form.XML


def _accepted(accept: str) -> Form | None:
    return _cached_choice(accept) if len(accept) <= _MAX_CACHED else _choice(accept)


def _choice(accept: str) -> Form | None:
    # a range that occurs again changes nothing, and one of another type neither
    members = dict.fromkeys(member for member in map(str.strip, _MEMBER.findall(accept)) if _RELEVANT.match(member))
    if len(members) > _MOST_RANGES:
        return None
    ranges = [(place, *member) for place, member in enumerate(map(_range, members)) if member]

    def preference(form: Form) -> tuple[float, int]:
        """Return the form's q and, for ties, how early the range that decides stands."""
        best = (0.0, 0)
        for offered in (offered for offered, its_form in _FORMS.items() if its_form is form):
            decisive = max(
                ((_specificity(media, offered), q, -place) for place, media, q in ranges if _matches(media, offered)),
                default=None,
            )
            if decisive:
                best = max(best, decisive[1:])
        return best

    xml, json = preference(Form.XML), preference(Form.JSON)
    if max(xml, json)[0] == 0:
        return None
    return Form.JSON if json > xml else Form.XML


_cached_choice = lru_cache(maxsize=256)(_choice)


def body_form(content_type: str | None) -> tuple[Form, str | None]:
    """Return the form of a body and its charset, where one is named.

    Raises:
        Refusal: ``invalid.contentType``.
    """
    if content_type is None or len(content_type) > _MAX_CACHED:
        return _form_of_body(content_type)
    return _cached_form_of_body(content_type)


def _form_of_body(content_type: str | None) -> tuple[Form, str | None]:
    media = _media_type(content_type) if content_type is not None else None
    form = _FORMS.get((media.type, media.subtype)) if media else None
    if media is None or form is None:
        sent = "there is none" if content_type is None else f"it is {content_type[:100]!r}"
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"{errors.UNSUPPORTED_TYPE.message}; {sent}"))
    charset = media.parameters.get("charset") or None
    if charset and not is_charset(charset):
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"the charset of the Content-Type is unknown: {charset[:40]!r}"))
    return form, charset


_cached_form_of_body = lru_cache(maxsize=256)(_form_of_body)


def is_charset(name: str) -> bool:
    """Return whether this is the name of an encoding that texts have."""
    # unicode_escape, punycode and others of Python's own are not among the aliases; zlib and its like encode no text
    if normalize_encoding(name).lower() not in _CHARSETS:
        return False
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _range(member: str) -> tuple[MediaType, float] | None:
    # Java's HttpURLConnection sends "*; q=.2" where nobody sets a header
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
    # "*/*" speaks of application/xml, which is what is sent: text/xml counts only where it is named
    if media.type == "*":
        return offered != ("text", "xml")
    return media.type == offered[0] and media.subtype in ("*", offered[1])


def _specificity(media: MediaType, offered: tuple[str, str]) -> tuple[bool, bool, int]:
    # parameters make a range more specific but never exclude, as in Jersey 1
    return media.type == offered[0], media.subtype == offered[1], len(media.parameters)
