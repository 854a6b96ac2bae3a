"""The documents that the OAMP answers with, as trees, and the query that selects from them (contract, 6 and 7)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs, quote
from xml.etree.ElementTree import Element, SubElement

from mockcvp.oamp import errors
from mockcvp.oamp.deployment import Server, ServerType, Version
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.sync_ups import Run, SyncStatus
from mockcvp.oamp.writing import Listing


def wanted_type(query: str) -> ServerType | None:
    """Return the type of server that a query selects, as ``q=type:VXML``; None where it has no ``q``.

    Raises:
        Refusal: another key, another type, a wildcard, or more than one of them
    """
    asked = parse_qs(query, keep_blank_values=True).get("q")
    if asked is None:
        return None
    key, _, name = asked[0].partition(":")
    if key == "type" and len(asked) == 1 and name in ServerType.__members__:
        return ServerType(name)
    valid = f"type:{'|'.join(ServerType)}"
    reason = "q selects by type alone, with no wildcard"
    raise OampError(errors.INVALID_QUERY.error(reason, actual=" ".join(asked), valid=valid))


def server_list(servers: Sequence[Server], base_url: str) -> Listing:
    """Return the ``results`` that list servers."""
    return Listing("results", "servers", "server", servers, lambda server: server_document(server, base_url))


def server_document(server: Server, base_url: str) -> Element:
    """Return one ``server``."""
    fields = {
        "refURL": ref_url(server.id, base_url),
        "hostname": server.hostname,
        "ipaddr": str(server.ipaddr),
        "type": server.type.value,
    }
    return _element("server", fields)


def status_list(latest: Sequence[tuple[Server, Run | None]], now: float, base_url: str) -> Listing:
    """Return the ``synchronize`` document with the status of several servers.

    Args:
        latest: each server with its latest run
        now: the time of the status, in seconds since 1970
        base_url: of the references
    """

    def entry(pair: tuple[Server, Run | None]) -> Element:
        server, run = pair
        return status_document(server, run.status(now) if run else SyncStatus(), base_url)

    return Listing("synchronize", "servers", "server", latest, entry)


def status_document(server: Server, status: SyncStatus, base_url: str) -> Element:
    """Return the ``server`` that tells how its sync-ups have gone."""
    fields = {
        "hostname": server.hostname,
        "lastFullSyncTime": _time(status.last_full),
        "lastIncrementalSyncTime": _time(status.last_incremental),
        "refURL": ref_url(server.id, base_url),
        "sincetime": str(status.sincetime),
        "syncStatus": status.text,
    }
    return _element("server", fields)


def version_document(version: Version) -> Element:
    """Return the ``version``."""
    return _element("version", version.model_dump(by_alias=True))


def _element(name: str, fields: Mapping[str, str | None]) -> Element:
    element = Element(name)
    for field, text in fields.items():
        if text is not None:
            SubElement(element, field).text = text
    return element


def ref_url(server: str, base_url: str) -> str:
    """Return the reference to a server, by its id, that can be followed from where the client is."""
    return f"{base_url}/server/{quote(server, safe='')}"


def _time(seconds: float | None) -> str | None:
    """Return a time as the product writes it: whole seconds, with the offset of the machine's time zone."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds)).astimezone().isoformat()
