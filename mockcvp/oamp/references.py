"""References to servers (contract, section 5)."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote


class RequestedServer(NamedTuple):
    """One server that a sync-up names.

    Attributes:
        ref_url: the reference that the client sent, without surrounding white space
        sincetime: 0 for a full sync-up, and above 0 for an incremental one
    """

    ref_url: str
    sincetime: int = 0

    @property
    def full(self) -> bool:
        """Whether this is a full sync-up."""
        return self.sincetime == 0

    @property
    def server_id(self) -> str:
        """The id of the server."""
        return server_id(self.ref_url)


def server_id(reference: str) -> str:
    """Return the id in a reference: the last path segment after ``/server/``; without ``/server/``, the whole text."""
    if "/server/" not in reference:
        return reference
    return _cached_id(reference) if len(reference) <= _MAX_CACHED else _id(reference)


def _id(reference: str) -> str:
    path = reference.partition("?")[0].partition("#")[0].rstrip("/")
    _, marker, rest = path.partition("/server/")
    return unquote(rest.rpartition("/")[2], errors="surrogateescape") if marker and rest else reference


# Most requests name the few servers of a deployment. A longer reference is not cached.
_MAX_CACHED = 300
_cached_id = lru_cache(maxsize=1024)(_id)
