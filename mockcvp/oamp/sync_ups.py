"""The servers of an OAMP, and the states of their sync-ups (contract, section 6).

Nothing runs in the background. A state is computed from the clock when it is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import floor
from typing import NamedTuple

from pydantic import ValidationError

from mockcvp.oamp import errors
from mockcvp.oamp.deployment import Deployment, Outcome, Server, ServerType
from mockcvp.oamp.errors import ApiError
from mockcvp.oamp.references import RequestedServer, server_id

Clock = Callable[[], float]
"""Returns the time, in seconds since 1970. It never decreases."""

# A client that always names new servers must not fill the memory.
MOST_ADDED = 10_000
_UNKNOWN_ADDRESS = IPv4Address(0)


class SyncStatus(NamedTuple):
    """The state of the sync-ups of one server.

    Attributes:
        last_full: the end of the last successful full sync-up, in seconds since 1970; None before the first
        last_incremental: the end of the last successful incremental sync-up, in seconds since 1970
        sincetime: the sincetime of the last sync-up
        text: ``Not Started``, ``In Progress``, ``Success`` or ``Failure``
    """

    last_full: float | None = None
    last_incremental: float | None = None
    sincetime: int = 0
    text: str = "Not Started"


@dataclass(slots=True)
class Run:
    """One sync-up of one server.

    Attributes:
        server_id: the id of the server
        requested: the entry of the request
        before: the state at its start
        ends: the time of its end, in seconds since 1970
        outcome: its final state
        started_over: whether a later sync-up replaced it while it ran
    """

    server_id: str
    requested: RequestedServer
    before: SyncStatus
    ends: float
    outcome: Outcome
    started_over: bool = False

    def status(self, now: float) -> SyncStatus:
        """Return the state of the server at a time before the next run."""
        last_full, last_incremental, _, _ = self.before
        sincetime = self.requested.sincetime
        if now < self.ends:
            return SyncStatus(last_full, last_incremental, sincetime, "In Progress")
        if self.outcome == "Failure":
            return SyncStatus(last_full, last_incremental, sincetime, "Failure")
        if sincetime:
            return SyncStatus(last_full, self.ends, sincetime, "Success")
        return SyncStatus(self.ends, last_incremental, sincetime, "Success")

    def text(self, now: float) -> str:
        """Return the state of this run, also after a later run has started."""
        return "Started Over" if self.started_over else self.status(now).text


class SyncUp(NamedTuple):
    """An accepted sync-up.

    Attributes:
        requested: the entries of the request; an empty tuple means every server
        started: the sync-ups of single servers that it started
        time: the time of its start by the clock of the OAMP, in seconds since 1970
        ignored: the names of members of the body without effect
    """

    requested: tuple[RequestedServer, ...] = ()
    started: tuple[Run, ...] = ()
    time: float = 0.0
    ignored: Sequence[str] = ()


class Servers:
    """The servers of a running OAMP, in the order of its deployment, and their sync-ups.

    Attributes:
        changes: the number of changed, added and removed servers

    Args:
        deployment: the deployment at the start
        clock: the clock that determines the states of sync-ups
        accepts_unknown: whether a sync-up of an unknown server adds the server
    """

    def __init__(self, deployment: Deployment, clock: Clock, *, accepts_unknown: bool = True) -> None:
        self._clock = clock
        self._accepts_unknown = accepts_unknown
        self._servers = {server.id: server for server in deployment.servers}
        self._most = len(self._servers) + MOST_ADDED
        self._runs: dict[str, Run] = {}
        self.changes = 0

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    def get(self, server: str) -> Server | None:
        """Return the server with an id, None if there is none."""
        return self._servers.get(server)

    def of_type(self, type_: ServerType | None) -> list[Server]:
        """Return the servers of a type; all servers for None."""
        return [server for server in self if type_ in (None, server.type)]

    def synchronized(self) -> list[Server]:
        """Return the servers of types that are synchronised."""
        return [server for server in self if server.type.synchronized]

    @property
    def untouched(self) -> bool:
        """Whether no sync-up was started yet."""
        return not self._runs

    def change(self, changed: Server) -> None:
        """Replace the server with the same id, or add the server. A sync-up that runs does not change."""
        self._servers[changed.id] = changed
        self.changes += 1

    def remove(self, server: str) -> bool:
        """Remove the server with an id and its sync-ups; return whether there was one."""
        self._runs.pop(server, None)
        self.changes += 1
        return self._servers.pop(server, None) is not None

    def objections(self) -> Callable[[str], ApiError | None]:
        """Return a function that returns the error of a reference, or None (contract, section 5)."""
        unknown: set[str] = set()

        def objection(reference: str) -> ApiError | None:
            named = server_id(reference)
            server = self._servers.get(named)
            if server is not None and server.type.synchronized:
                return None
            valid = "a server of the deployment"
            if server is not None:
                reason = f"a server of type {server.type} is not synchronised"
                valid = "a server of type MEDIA, VXML or VXML_STANDALONE"
            elif not self._accepts_unknown:
                reason = "the deployment has no such server"
            elif _added(named) is None:
                reason, valid = "this names no server", "a refURL, as https://HOST/cvp-config/server/ID"
            else:
                unknown.add(named)
                if len(self._servers) + len(unknown) <= self._most:
                    return None
                reason = f"no more than {MOST_ADDED} unknown servers are added"
            return errors.INVALID_SERVER.error(reason, actual=reference, valid=valid)

        return objection

    def start(self, requested: Sequence[RequestedServer]) -> tuple[tuple[Run, ...], float]:
        """Start the sync-ups of a request without errors. No entries mean every server.

        A sync-up that runs starts over.

        Returns:
            the new runs, and the time of their start
        """
        now = self._clock()
        entries = requested or [RequestedServer(ref_url=server.id) for server in self.synchronized()]
        return tuple([self._started(server_id(entry.ref_url), entry, now) for entry in entries]), now

    def _started(self, named: str, requested: RequestedServer, now: float) -> Run:
        server = self._servers.get(named)
        if server is None:
            server = _added(named)
            assert server, named
            self._servers[named] = server
            self.changes += 1
        earlier = self._runs.get(named)
        if earlier and now < earlier.ends:
            earlier.started_over = True
        # The clock has whole milliseconds too.
        ends = floor((now + server.duration) * 1000 + 0.5) / 1000 if server.duration else now
        run = self._runs[named] = Run(
            named, requested, earlier.status(now) if earlier else SyncStatus(), ends, server.outcome
        )
        return run

    def status(self, server: str) -> SyncStatus:
        """Return the current state of the sync-ups of a server."""
        run = self._runs.get(server)
        return run.status(self._clock()) if run else SyncStatus()

    def run(self, server: str) -> Run | None:
        """Return the latest sync-up of a server, None without one."""
        return self._runs.get(server)

    def latest(self) -> tuple[list[tuple[Server, Run | None]], float]:
        """Return the servers of types that are synchronised, each with its latest run, and the time."""
        return [(server, self._runs.get(server.id)) for server in self.synchronized()], self._clock()


def _added(server: str) -> Server | None:
    """Return a new server with an id, None if the id is not valid."""
    try:
        return Server(id=server, hostname=server, ipaddr=_UNKNOWN_ADDRESS, type=ServerType.MEDIA)
    except ValidationError:
        return None
