"""Start Sync-Up: what a request asks for (contract, section 5)."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from mockcvp.oamp import errors
from mockcvp.oamp.errors import ApiError, OampError
from mockcvp.oamp.negotiation import Form
from mockcvp.oamp.representation import TEXT, WHITE_SPACE, Limits, Shape, read

_LARGEST_LONG = 2**63 - 1
_BELOW_0 = re.compile("-0*[1-9][0-9]*")

_OF_THE_ROOT = frozenset(["servers"])
_OF_SERVERS = frozenset(["server", "sincetime"])
# the members of an entry of the product's server lists, which clients post back as they came
_OF_A_SERVER = frozenset(
    ["refURL", "sincetime", "hostname", "ipaddr", "type", "lastFullSyncTime", "lastIncrementalSyncTime", "syncStatus"]
)
_ONCE = ("refURL", "sincetime")

ROOT = "synchronize"
SHAPE = Shape(
    {
        "servers": Shape(
            {
                "server": Shape({"refURL": TEXT, "sincetime": TEXT}, text=True, repeated=True),
                "sincetime": TEXT,
            },
            listed="server",
        )
    }
)


class RequestedServer(NamedTuple):
    """One server that a sync-up was asked for.

    Attributes:
        ref_url: the reference as it was sent, trimmed
        sincetime: since when to synchronise; 0 asks for a full sync-up, anything above for an incremental one
    """

    ref_url: str
    sincetime: int = 0

    @property
    def full(self) -> bool:
        """Whether a full sync-up was asked for."""
        return self.sincetime == 0

    @property
    def server_id(self) -> str:
        """The id of the server that the reference names."""
        return server_id(self.ref_url)


def server_id(reference: str) -> str:
    """Return the id that a reference names: the last path segment after ``/server/``; any other text names itself."""
    if "/server/" not in reference:
        return reference
    return _cached_id(reference) if len(reference) <= _MAX_CACHED else _id(reference)


def _id(reference: str) -> str:
    path = reference.partition("?")[0].partition("#")[0].rstrip("/")
    _, marker, rest = path.partition("/server/")
    return unquote(rest.rpartition("/")[2], errors="surrogateescape") if marker and rest else reference


# a deployment has few servers, which are asked for again and again; a longer reference than theirs is not kept
_MAX_CACHED = 300
_cached_id = lru_cache(maxsize=1024)(_id)


class Document(NamedTuple):
    """A ``synchronize`` document, and what it asks for.

    Attributes:
        tree: the document; None where the request had no body
        requested: the servers that it names; None where it has faults
        ignored: the names of its elements that mean nothing here
    """

    tree: Element | None
    requested: tuple[RequestedServer, ...] | None
    ignored: tuple[str, ...]

    @classmethod
    def of(cls, tree: Element | None) -> "Document":
        """Return a document with what it asks for."""
        try:
            requested = requested_servers(tree)
        except OampError:
            requested = None
        return cls(tree, requested, tuple(ignored(tree)))


def document_of(body: bytes, form: Form, charset: str | None, limits: Limits) -> Document:
    """Return the ``synchronize`` document that a body holds; the arguments are as in ``representation.read``.

    Raises:
        Refusal: the body cannot be read, or names too many servers
    """
    if len(body) <= _SMALL:
        return _cached_document(body, form, charset, limits)
    return _read_document(body, form, charset, limits)


def _read_document(body: bytes, form: Form, charset: str | None, limits: Limits) -> Document:
    tree = read(body, form, charset, ROOT, SHAPE, limits)
    # before they are checked: each may have several errors, and all are reported
    if len(tree.findall("servers/server")) > limits.servers:
        raise OampError(errors.TOO_LARGE.error(f"the body names more than {limits.servers} servers"))
    return Document.of(tree)


# clients send few small bodies again and again
_cached_document = lru_cache(maxsize=256)(_read_document)
_SMALL = 1000


def requested_servers(
    tree: Element | None, objection: Callable[[str], ApiError | None] = lambda _: None
) -> tuple[RequestedServer, ...]:
    """Return the servers that a ``synchronize`` document names, in its order; none means every server.

    Args:
        tree: the document, or None where the request had no body
        objection: what speaks against a reference that is not blank, None where nothing does

    Raises:
        Refusal: all faults of the document together.
    """
    entries, found = _entries(tree)
    servers = []
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        reference, sent = entry.get("refURL", ""), entry.get("sincetime", "0")
        sincetime = _whole_number(sent)
        if not reference:
            reason = f"refURL is required and must not be blank (server {place + 1} of the list)"
            found.append((place, errors.MISSING_FIELD.error(reason)))
        if sincetime is None:
            found.append((place, _not_a_sincetime(sent)))
        if reference:
            if objected := objection(reference):
                found.append((place, objected))
            named = server_id(reference)
            if named in seen:
                reason = "the same server is named more than once"
                found.append((place, errors.DUPLICATE_SERVER.error(reason, actual=reference)))
            seen.add(named)
        servers.append(RequestedServer(reference, sincetime or 0))
    if found:
        found.sort(key=lambda place_and_error: place_and_error[0])
        raise OampError(*(error for _, error in found))
    return tuple(servers)


def ignored(tree: Element | None) -> list[str]:
    """Return the names of elements that mean nothing here and are none of a server list's either, each once."""
    if tree is None:
        return []
    found = _without_meaning(tree, _OF_THE_ROOT)
    if (servers := tree.find("servers")) is not None:
        found += _without_meaning(servers, _OF_SERVERS, repeated=True)
        for entry in servers:
            if entry.tag == "server":
                found += _without_meaning(entry, _OF_A_SERVER)
    return list(dict.fromkeys(found)) if found else found


def _without_meaning(parent: Element, known: frozenset[str], *, repeated: bool = False) -> list[str]:
    if len(parent) == 1 and parent[0].tag in known:
        return []
    names = [child.tag for child in parent]
    if known.issuperset(names) and (repeated or len(set(names)) == len(names)):
        return []
    found = [f"{parent.tag}/{name}" for name in names if name not in known]
    if not repeated:
        found += [f"a second {parent.tag}/{name}" for name in ("servers", *_ONCE) if names.count(name) > 1]
    return found


def _entries(tree: Element | None) -> tuple[list[dict[str, str]], list[tuple[int, ApiError]]]:
    """Return the fields of each ``server``, from both forms, and the faults of the order that they stand in."""
    servers = None if tree is None else tree.find("servers")
    entries: list[dict[str, str]] = []
    found: list[tuple[int, ApiError]] = []
    for child in () if servers is None else servers:
        if child.tag == "server":
            entries.append(_entry(child))
        elif child.tag == "sincetime" and entries:
            # the product's guide: of a field that is given twice, only one counts
            entries[-1].setdefault("sincetime", _text(child))
        elif child.tag == "sincetime":
            reason, valid = "a sincetime must follow the server that it belongs to", "a server before it"
            found.append((-1, errors.INVALID_SINCETIME.error(reason, actual=_text(child), valid=valid)))
    return entries, found


def _entry(server: Element) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field in server:
        name = field.tag
        if name in _ONCE and name not in fields:
            fields[name] = _text(field)
    if not fields and (reference := _text(server)):
        return {"refURL": reference}
    return fields


def _text(element: Element) -> str:
    text = element.text or ""
    if len(element):
        text += "".join([child.tail or "" for child in element])
    return text.strip(WHITE_SPACE)


def _whole_number(text: str) -> int | None:
    """Return the number that ASCII decimal digits stand for, None where Java's ``long`` would not hold it."""
    if not (text.isascii() and text.isdigit()):
        return None
    # the length is looked at first: turning a long text into a number takes time
    if len(text) > 19 and len(text.lstrip("0")) > 19:
        return None
    number = int(text[-19:])
    return number if number <= _LARGEST_LONG else None


def _not_a_sincetime(sent: str) -> ApiError:
    if sent.isascii() and sent.isdigit():
        reason, valid = f"sincetime must be {_LARGEST_LONG} or below", f"0 to {_LARGEST_LONG}"
        return errors.INVALID_SINCETIME.error(reason, actual=sent, valid=valid)
    if _BELOW_0.fullmatch(sent):
        return errors.INVALID_SINCETIME.error(actual=sent)
    reason = "sincetime must be a whole number in decimal digits, 0 or above"
    return errors.INVALID_SINCETIME.error(reason, actual=sent)


NO_DOCUMENT = Document.of(None)
"""What a request without a body asks for."""
