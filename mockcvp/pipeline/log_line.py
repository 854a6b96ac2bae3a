"""The log line of a call: status, method, request target, user, and the effect or the error."""

from mockcvp.journal import Call
from mockcvp.oamp.references import RequestedServer
from mockcvp.oamp.sync_ups import SyncUp
from mockcvp.text import printable, shortened

_NAMED_IN_A_LINE = 5
_LONGEST_REASON = 1000


def line(call: Call) -> str:
    """Return the log line of a call."""
    status = call.response.status if call.response else "---"
    user, target = shortened(call.request.user or "-"), shortened(call.request.target)
    return printable(f"{status} {call.request.method} {target} {user} {outcome(call)}".rstrip())


def outcome(call: Call) -> str:
    """Return what a call came to: the error, the sync-up, the stub mapping or the fault; empty for anything else."""
    mapping = shortened(call.mapping.name or call.mapping.id) if call.mapping else ""
    if call.fault is not None:
        return f"{call.fault} of the stub mapping {mapping}"
    if call.response is None:
        return "the connection was closed before the request was complete"
    if call.response.reason is not None:
        return shortened(call.response.reason, _LONGEST_REASON)
    if mapping:
        return f"response of the stub mapping {mapping}"
    return _synchronised(call.response.sync_up) if call.response.sync_up else ""


def _synchronised(sync_up: SyncUp) -> str:
    requested, ignored = sync_up.requested, sync_up.ignored
    described = [_described(server) for server in requested[:_NAMED_IN_A_LINE]] or ["full sync-up of every server"]
    if len(requested) > _NAMED_IN_A_LINE:
        described.append(f"and {len(requested) - _NAMED_IN_A_LINE} more")
    if ignored:
        described.append(f"ignored, since it is unknown: {', '.join(map(shortened, ignored[:_NAMED_IN_A_LINE]))}")
    return "; ".join(described)


def _described(server: RequestedServer) -> str:
    kind = "full sync-up" if server.full else f"incremental sync-up since {server.sincetime}"
    return f"{kind} of {shortened(server.ref_url)}"
