"""What becomes of sync-ups: the servers of a running OAMP, and how far each sync-up has come (contract, section 6).

Nothing runs in the background: how far a sync-up has come is computed from the clock when it is asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from pydantic import ValidationError

from mockcvp.oamp import errors
from mockcvp.oamp.deployment import Deployment, Outcome, Server, ServerType
from mockcvp.oamp.errors import ApiError
from mockcvp.oamp.synchronization import RequestedServer, server_id

Clock = Callable[[], float]
"""Tells the time, in seconds since 1970, and never goes back."""

# a client that names new servers for ever must not fill the memory
_MOST_ADDED = 10_000
_UNKNOWN_ADDRESS = IPv4Address(0)


class SyncStatus(NamedTuple):
    """How the sync-ups of one server have gone.

    Attributes:
        last_full: when the last good full one ended, in seconds since 1970; None before the first
        last_incremental: the same for incremental ones
        sincetime: the last one asked for
        text: ``Not Started``, ``In Progress``, ``Success`` or ``Failure``
    """

    last_full: float | None = None
    last_incremental: float | None = None
    sincetime: int = 0
    text: str = "Not Started"


@dataclass(frozen=True, slots=True)
class _Run:
    """The latest sync-up of a server, on top of what those before it have left."""

    before: SyncStatus
    sincetime: int
    ends: float
    outcome: Outcome

    def status(self, now: float) -> SyncStatus:
        so_far = self.before._replace(sincetime=self.sincetime)
        if now < self.ends:
            return so_far._replace(text="In Progress")
        if self.outcome == "Failure":
            return so_far._replace(text="Failure")
        if self.sincetime:
            return so_far._replace(text="Success", last_incremental=self.ends)
        return so_far._replace(text="Success", last_full=self.ends)


class Servers:
    """The servers of a running OAMP, in the order of its deployment, and their sync-ups.

    Args:
        deployment: what it begins with
        clock: the time that sync-ups take
        accepts_unknown: whether a sync-up may name a server that is not there, which is then added
    """

    def __init__(self, deployment: Deployment, clock: Clock, *, accepts_unknown: bool = True) -> None:
        self._clock = clock
        self._accepts_unknown = accepts_unknown
        self._servers = {server.id: server for server in deployment.servers}
        self._most = len(self._servers) + _MOST_ADDED
        self._runs: dict[str, _Run] = {}

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    def get(self, server: str) -> Server | None:
        """Return the server of an id, None where there is none."""
        return self._servers.get(server)

    def of_type(self, type_: ServerType | None) -> Iterable[Server]:
        """Return the servers of a type, or all."""
        return [server for server in self if type_ in (None, server.type)]

    def synchronized(self) -> list[Server]:
        """Return the servers that sync-ups reach."""
        return [server for server in self if server.type.synchronized]

    @property
    def untouched(self) -> bool:
        """Whether no sync-up was started yet."""
        return not self._runs

    def change(self, changed: Server) -> None:
        """Change what is known of a server, and how its coming sync-ups go; one that runs goes on as it began."""
        self._servers[changed.id] = changed

    def objection(self, reference: str) -> ApiError | None:
        """Return what speaks against a sync-up of the server that a reference names (contract, section 5)."""
        server = self._servers.get(server_id(reference))
        if server is not None:
            if server.type.synchronized:
                return None
            message = f"a server of type {server.type} is not synchronised"
            valid = "a server of type MEDIA, VXML or VXML_STANDALONE"
        elif not self._accepts_unknown:
            message, valid = "the deployment has no such server", "a server of the deployment"
        elif len(self._servers) >= self._most:
            message, valid = f"{_MOST_ADDED} unknown servers were added already", "a server of the deployment"
        elif _added(server_id(reference)) is None:
            message, valid = "this names no server", "a refURL, as https://HOST/cvp-config/server/ID"
        else:
            return None
        return errors.INVALID_SERVER.error(message, actual=reference, valid=valid)

    def start(self, requested: Sequence[RequestedServer]) -> tuple[tuple[str, ...], float]:
        """Start sync-ups of the requested servers, against which there is no objection; none means all of them.

        One that still runs starts over.

        Returns:
            the ids of the servers whose sync-ups were started, and the time of it
        """
        now = self._clock()
        asked = {entry.server_id: entry.sincetime for entry in requested}
        if not requested:
            asked = {server.id: 0 for server in self.synchronized()}
        for named, sincetime in asked.items():
            server = self._servers.get(named) or _added(named)
            if server is None:
                continue
            self._servers[named] = server
            before = self._status(named, now)
            self._runs[named] = _Run(before, sincetime, now + server.duration, server.outcome)
        return tuple(asked), now

    def status(self, server: str) -> SyncStatus:
        """Return how the sync-ups of a server have gone until now."""
        return self._status(server, self._clock())

    def _status(self, server: str, now: float) -> SyncStatus:
        run = self._runs.get(server)
        return run.status(now) if run else SyncStatus()


def _added(server: str) -> Server | None:
    """Return a server that only its id is known of, None where the id is none."""
    try:
        return Server(id=server, hostname=server, ipaddr=_UNKNOWN_ADDRESS, type=ServerType.MEDIA)
    except ValidationError:
        return None
