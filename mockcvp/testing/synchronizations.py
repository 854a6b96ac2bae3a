"""The accepted sync-ups in a journal."""

from collections.abc import Iterable
from dataclasses import dataclass

from mockcvp.journal import Call


@dataclass(frozen=True, slots=True)
class SynchronizedServer:
    """One server of an accepted sync-up.

    Attributes:
        id: the server's id
        ref_url: the reference in the request; the id in a sync-up of every server
        sincetime: the ``sincetime`` in the request
        full: whether this is a full sync-up
        state: ``In Progress``, ``Success``, ``Failure``, or ``Started Over`` if a later sync-up replaced a running one
    """

    id: str
    ref_url: str
    sincetime: int
    full: bool
    state: str


@dataclass(frozen=True, slots=True)
class Synchronization:
    """An accepted sync-up.

    Attributes:
        call: the call that started it
        servers: the servers that it synchronises
    """

    call: Call
    servers: tuple[SynchronizedServer, ...]

    @property
    def state(self) -> str:
        """The state of its servers.

        If they differ, it is the first of ``In Progress``, ``Failure``, ``Started Over`` that any server has.
        """
        states = {server.state for server in self.servers}
        if len(states) == 1:
            return states.pop()
        return next((state for state in ("In Progress", "Failure", "Started Over") if state in states), "Success")


def synchronizations_of(calls: Iterable[Call], now: float) -> list[Synchronization]:
    """Return the sync-ups of some calls, with their states at a time in seconds since 1970."""
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
