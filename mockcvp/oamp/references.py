"""References to servers (contract, section 5)."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote


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
