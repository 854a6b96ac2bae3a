"""What becomes of sync-ups: the servers of a running OAMP, and how far each sync-up has come (contract, section 6).

Nothing runs in the background: how far a sync-up has come is computed from the clock when it is asked for.
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
"""Returns the time, in seconds since 1970; it never goes back."""

# a client that names new servers for ever must not fill the memory
MOST_ADDED = 10_000
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


@dataclass(slots=True)
class Run:
    """One sync-up of one server, on top of what those before it have left.

    Attributes:
        server_id: which server's
        requested: what asked for it
        before: the status when it began
        ends: when it ends, in seconds since 1970, unless it is started over before
        outcome: how it ends
        started_over: whether a later one took its place while it ran
    """

    server_id: str
    requested: RequestedServer
    before: SyncStatus
    ends: float
    outcome: Outcome
    started_over: bool = False

    def status(self, now: float) -> SyncStatus:
        """Return the status of its server at a time before the next run."""
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
        """Return how this run went, also where later ones have followed it."""
        return "Started Over" if self.started_over else self.status(now).text


class SyncUp(NamedTuple):
    """An accepted sync-up.

    Attributes:
        requested: the servers that it names; none means every server
        started: the sync-ups of single servers that it started
        time: when, by the OAMP's clock, in seconds since 1970
        ignored: the members of its body that have no effect
    """

    requested: tuple[RequestedServer, ...] = ()
    started: tuple[Run, ...] = ()
    time: float = 0.0
    ignored: Sequence[str] = ()


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
        self._most = len(self._servers) + MOST_ADDED
        self._runs: dict[str, Run] = {}

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    def get(self, server: str) -> Server | None:
        """Return the server of an id, None where there is none."""
        return self._servers.get(server)

    def of_type(self, type_: ServerType | None) -> list[Server]:
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
        """Start sync-ups of the requested servers, against which there is no objection; none means all of them.

        One that still runs starts over.

        Returns:
            the runs that were started, and the time of it
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
        earlier = self._runs.get(named)
        if earlier and now < earlier.ends:
            earlier.started_over = True
        # in whole milliseconds, as the clock
        ends = floor((now + server.duration) * 1000 + 0.5) / 1000 if server.duration else now
        run = self._runs[named] = Run(
            named, requested, earlier.status(now) if earlier else SyncStatus(), ends, server.outcome
        )
        return run

    def status(self, server: str) -> SyncStatus:
        """Return how the sync-ups of a server have gone until now."""
        run = self._runs.get(server)
        return run.status(self._clock()) if run else SyncStatus()

    def latest(self) -> tuple[list[tuple[Server, Run | None]], float]:
        """Return the servers that sync-ups reach, each with its latest run, and the time."""
        return [(server, self._runs.get(server.id)) for server in self.synchronized()], self._clock()


def _added(server: str) -> Server | None:
    """Return a server that only its id is known of, None where the id is none."""
    try:
        return Server(id=server, hostname=server, ipaddr=_UNKNOWN_ADDRESS, type=ServerType.MEDIA)
    except ValidationError:
        return None
