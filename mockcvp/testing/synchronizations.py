"""The sync-ups that were accepted, as a test sees them."""

from collections.abc import Iterable
from dataclasses import dataclass

from mockcvp.journal import Call


@dataclass(frozen=True, slots=True)
class SynchronizedServer:
    """One server of a sync-up that was accepted.

    Attributes:
        id: the server's id
        ref_url: the reference that was sent; of a sync-up of every server, the id
        sincetime: since when to synchronise
        full: whether a full sync-up was asked for
        state: ``In Progress``, ``Success``, ``Failure``, or ``Started Over`` where a later one took its place
    """

    id: str
    ref_url: str
    sincetime: int
    full: bool
    state: str


@dataclass(frozen=True, slots=True)
class Synchronization:
    """A sync-up that was accepted.

    Attributes:
        call: the call that asked for it
        servers: those whose sync-ups it has started
    """

    call: Call
    servers: tuple[SynchronizedServer, ...]

    @property
    def state(self) -> str:
        """The state of all its servers; where they differ, ``In Progress`` before ``Failure`` before others."""
        states = {server.state for server in self.servers}
        if len(states) == 1:
            return states.pop()
        return next((state for state in ("In Progress", "Failure", "Started Over") if state in states), "Success")


def synchronizations_of(calls: Iterable[Call], now: float) -> list[Synchronization]:
    """Return the sync-ups that some calls have started, and how they stand at a time, in seconds since 1970."""
    return [
        Synchronization(
            call,
            tuple(
                SynchronizedServer(
                    run.server_id, run.requested.ref_url, run.requested.sincetime, run.requested.full, run.text(now)
                )
                for run in call.synchronization.started
            ),
        )
        for call in calls
        if call.synchronization
    ]
