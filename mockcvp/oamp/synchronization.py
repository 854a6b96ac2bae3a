"""Start Sync-Up: what a request asks for (contract, section 5)."""

from collections.abc import Callable, Container
from typing import Annotated, Any, LiteralString
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from mockcvp.oamp import errors
from mockcvp.oamp.errors import ApiError, Refusal
from mockcvp.oamp.representation import TEXT, WHITE_SPACE, Shape

_LARGEST_LONG = 2**63 - 1
_TOO_LARGE: LiteralString = "sincetime_too_large"

# the members of an entry of the product's server lists, which clients post back as they came
_OF_A_SERVER = frozenset(
    ["refURL", "sincetime", "hostname", "ipaddr", "type", "lastFullSyncTime", "lastIncrementalSyncTime", "syncStatus"]
)
_ONCE = ("servers", "refURL", "sincetime")

ROOT = "synchronize"
SHAPE = Shape(
    {
        "servers": Shape(
            {
                "server": Shape({"refURL": TEXT, "sincetime": TEXT}, text=True, repeated=True),
                "sincetime": TEXT,
            }
        )
    }
)


def _whole_number(sent: str | int) -> int:
    """Return the number that ASCII decimal digits stand for, as Java's ``long`` would hold it."""
    text = str(sent)
    if text[:1] == "-" and text[1:].isascii() and text[1:].isdigit() and text.strip("-0"):
        raise PydanticCustomError("sincetime", "sincetime must be 0 or above")
    if not (text.isascii() and text.isdigit()):
        raise PydanticCustomError("sincetime", "sincetime must be a whole number in decimal digits, 0 or above")
    digits = text.lstrip("0") or "0"
    # the length is looked at first: turning a long text into a number takes time
    if len(digits) > 19 or int(digits) > _LARGEST_LONG:
        raise PydanticCustomError(_TOO_LARGE, f"sincetime must be {_LARGEST_LONG} or below")
    return int(digits)


class RequestedServer(BaseModel):
    """One server that a sync-up was asked for.

    Attributes:
        ref_url: the reference as it was sent, trimmed
        sincetime: since when to synchronise; 0 asks for a full sync-up, anything above for an incremental one
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    ref_url: Annotated[str, Field(alias="refURL", min_length=1)]
    sincetime: Annotated[int, BeforeValidator(_whole_number)] = 0

    @property
    def full(self) -> bool:
        """Whether a full sync-up was asked for."""
        return self.sincetime == 0

    @property
    def server_id(self) -> str:
        """The id of the server that the reference names."""
        return server_id(self.ref_url)


_SERVERS = TypeAdapter(list[RequestedServer])


def server_id(reference: str) -> str:
    """Return the id that a reference names: the last path segment after ``/server/``; any other text names itself."""
    path = reference.partition("?")[0].partition("#")[0].rstrip("/")
    _, marker, rest = path.partition("/server/")
    return unquote(rest.rpartition("/")[2], errors="surrogateescape") if marker and rest else reference


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
    try:
        servers = _SERVERS.validate_python(entries)
    except ValidationError as error:
        servers = []
        found += [
            (int(fault["loc"][0]), _error(fault)) for fault in error.errors(include_url=False, include_context=False)
        ]
    for place, reference in enumerate(entry.get("refURL") for entry in entries):
        if reference and (objected := objection(reference)):
            found.append((place, objected))
    found += _duplicates(entries)
    if found:
        found.sort(key=lambda place_and_error: place_and_error[0])
        raise Refusal(*(error for _, error in found))
    return tuple(servers)


def ignored(tree: Element | None) -> list[str]:
    """Return the names of elements that mean nothing here and are none of a server list's either, each once."""
    if tree is None:
        return []
    found = _without_meaning(tree, {"servers"})
    if (servers := tree.find("servers")) is not None:
        found += _without_meaning(servers, {"server", "sincetime"}, repeated=True)
        for entry in servers.iterfind("server"):
            found += _without_meaning(entry, _OF_A_SERVER)
    return list(dict.fromkeys(found))


def _without_meaning(parent: Element, known: Container[str], *, repeated: bool = False) -> list[str]:
    names = [child.tag for child in parent]
    found = [f"{parent.tag}/{name}" for name in names if name not in known]
    if not repeated:
        found += [f"a second {parent.tag}/{name}" for name in _ONCE if names.count(name) > 1]
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
            message, valid = "a sincetime must follow the server that it belongs to", "a server before it"
            found.append((-1, errors.INVALID_SINCETIME.error(message, actual=_text(child), valid=valid)))
    return entries, found


def _entry(server: Element) -> dict[str, str]:
    fields = {name: _text(field) for name in ("refURL", "sincetime") if (field := server.find(name)) is not None}
    if not fields and (reference := _text(server)):
        return {"refURL": reference}
    return fields


def _text(element: Element) -> str:
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip(WHITE_SPACE)


def _error(fault: Any) -> ApiError:
    place, field = fault["loc"]
    if field == "refURL":
        return errors.MISSING_FIELD.error(f"{errors.MISSING_FIELD.message} (server {place + 1} of the list)")
    valid = f"0 to {_LARGEST_LONG}" if fault["type"] == _TOO_LARGE else None
    return errors.INVALID_SINCETIME.error(fault["msg"], actual=fault["input"], valid=valid)


def _duplicates(entries: list[dict[str, str]]) -> list[tuple[int, ApiError]]:
    seen: set[str] = set()
    found = []
    for place, reference in enumerate(entry.get("refURL", "") for entry in entries):
        named = server_id(reference)
        if named in seen:
            found.append((place, errors.DUPLICATE_SERVER.error(actual=reference)))
        elif reference:
            seen.add(named)
    return found
