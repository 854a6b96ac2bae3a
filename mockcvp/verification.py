"""Which calls were wanted, which there were, and, where those differ, a message that ends the search."""

from collections.abc import Sequence
from dataclasses import dataclass

from mockcvp.journal import Call, Page
from mockcvp.oamp.api import BASE_PATH
from mockcvp.oamp.synchronization import server_id

_LINES = 5
_NONE = "none"
_NO_SYNC_UP = "it started no sync-up"
_SYNCHRONIZE = f"{BASE_PATH}/command/synchronize"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call must be like; what is None does not matter.

    Attributes:
        method: in any case
        path: with or without ``/cvp-config`` before it
        status: of the answer
        ref_url: of a server whose sync-up it has started: a reference, or an id
        sincetime: of that server, or of any
    """

    method: str | None = None
    path: str | None = None
    status: int | None = None
    ref_url: str | None = None
    sincetime: int | None = None
    synchronized: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("method", str), ("path", str), ("status", int), ("ref_url", str), ("sincetime", int)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
                raise TypeError(f"{name} must be {'text' if kind is str else 'a whole number'}, not {value!r}")
        if self.path is not None and ("?" in self.path or "://" in self.path):
            raise ValueError(f"path must be a path alone, as server or /cvp-config/server, not {self.path!r}")

    def differences(self, call: Call) -> list[str]:
        """Return how a call differs from what is wanted; nothing where it is what is wanted."""
        found = []
        if self.method is not None and call.method != self.method.upper():
            found.append(f"method was {call.method}, not {self.method.upper()}")
        if self.path is not None and call.path.rstrip("/") != self._full_path():
            found.append(f"path was {call.path}, not {self._full_path()}")
        if self.status is not None and call.status != self.status:
            found.append(f"status was {call.status or 'none at all'}, not {self.status}")
        if self.synchronized or self.ref_url is not None or self.sincetime is not None:
            found += self._differences_of_sync_up(call)
        return found

    def _full_path(self) -> str:
        path = "/" + (self.path or "").strip("/")
        return path if f"{path}/".startswith(f"{BASE_PATH}/") else f"{BASE_PATH}{path}".rstrip("/")

    def _differences_of_sync_up(self, call: Call) -> list[str]:
        if call.synchronization is None:
            return [_NO_SYNC_UP]
        runs = call.synchronization.started
        if self.ref_url is not None:
            wanted = server_id(self.ref_url)
            runs = tuple(run for run in runs if run.server_id == wanted)
            if not runs:
                started = ", ".join(run.server_id for run in call.synchronization.started[:_LINES])
                return [f"the server was {started or 'none'}, not {wanted}"]
        sincetimes = [run.requested.sincetime for run in runs]
        if self.sincetime is not None and self.sincetime not in sincetimes:
            return [f"sincetime was {', '.join(map(str, sincetimes[:_LINES]))}, not {self.sincetime}"]
        return []

    def __str__(self) -> str:
        what = "a call"
        if self.synchronized:
            what = f"a sync-up of {self.ref_url or 'any server'}"
        named = {"method": self.method, "path": self.path, "status": self.status, "sincetime": self.sincetime}
        if not self.synchronized:
            named["ref_url"] = self.ref_url
        conditions = [f"{name}={value!r}" for name, value in named.items() if value is not None]
        return f"{what} with {', '.join(conditions)}" if conditions else what


def matching(wanted: Wanted, page: Page) -> list[Call]:
    """Return the calls that are wanted, oldest first."""
    return [call for call in reversed(page.calls) if not wanted.differences(call)]


def fault(wanted: Wanted, page: Page, times: int | None, failures: Sequence[str] = ()) -> str | None:
    """Return what speaks against calls as wanted, in a message of some lines; None where nothing does.

    Args:
        wanted: what the calls must be like
        page: all calls that the journal holds
        times: how many there must be; None: at least one
        failures: why there was no TLS with clients
    """
    found, dropped = len(matching(wanted, page)), page.total - page.kept
    # a call that was dropped may have been one more
    if (found and times is None) or (found == times and not dropped):
        return None
    amount = {None: "at least once", 0: "never", 1: "once"}.get(times, f"{times} times")
    return _message(wanted, page, amount, failures, may_matter=times is None or found <= times)


def shortfall(wanted: Wanted, page: Page, count: int, failures: Sequence[str] = ()) -> str:
    """Return why there are fewer calls than wanted, in a message of some lines; the arguments are as in ``fault``."""
    return _message(wanted, page, f"{count} at least" if count != 1 else "at least once", failures, may_matter=True)


def _message(wanted: Wanted, page: Page, amount: str, failures: Sequence[str], *, may_matter: bool) -> str:
    found, dropped = len(matching(wanted, page)), page.total - page.kept
    lines = [f"wanted: {wanted}, {amount}; there {'was 1' if found == 1 else f'were {found or _NONE}'}"]
    if dropped and may_matter:
        lines.append(
            f"the journal has dropped {dropped} of {page.total} calls, so nobody can tell: "
            "give the double more journal_calls or journal_bytes"
        )
    if page.total == 0:
        lines.append("the double got no call at all: does your client call it?")
    if failures and not found:
        lines.append(f"there was no TLS with {len(failures)} connections: {'; '.join(dict.fromkeys(failures))}")
    return "\n".join([*lines, *_told(wanted, page.calls, found)])


def _told(wanted: Wanted, calls: Sequence[Call], found: int) -> list[str]:
    """Return a line for each of the calls that say most: the refused, then the nearest, or those found too often."""
    ranked = sorted(calls, key=lambda call: (_place(wanted, call, found), -call.number))
    alike: dict[str, list[Call]] = {}
    for call in ranked:
        alike.setdefault(_line(wanted, call), []).append(call)
    chosen = list(alike)[:_LINES]
    nearest = next((line for line, calls in alike.items() if not calls[0].refusal), None)
    if nearest is not None and nearest not in chosen:
        chosen[-1] = nearest
    lines = [f"  {_numbers(alike[line])}: {line}" for line in chosen]
    others = len(calls) - sum(len(alike[line]) for line in chosen)
    return [*lines, f"  and {others} more calls"] if others else lines


def _numbers(calls: Sequence[Call]) -> str:
    numbers = sorted(call.number for call in calls)
    if len(numbers) == 1:
        return f"call {numbers[0]}"
    shown = ", ".join(map(str, numbers[:_LINES]))
    return f"{len(numbers)} calls ({shown}{', …' if len(numbers) > _LINES else ''})"


def _place(wanted: Wanted, call: Call, found: int) -> tuple[bool, bool, int]:
    differences = wanted.differences(call)
    # a sync-up of another server is nearer than no sync-up at all
    distance = len(differences) + 10 * (_NO_SYNC_UP in differences)
    refused_sync_up = bool(call.refusal) and call.path.rstrip("/") == _SYNCHRONIZE
    return bool(found and differences), not refused_sync_up, distance


def _line(wanted: Wanted, call: Call) -> str:
    what = f"{call.method} {call.path}"
    differences = "; ".join(wanted.differences(call)) or "matches"
    if call.fault is not None:
        return f"{what} met the planned fault {call.fault}"
    if call.answer is None:
        return f"{what} was cut off by its client"
    if not call.answer.errors:
        return (
            f"{what}: {call.status}, {differences}"
            if call.refusal is None
            else f"{what}: {call.status}, {call.refusal}"
        )
    error = call.answer.errors[0]
    sent = f"sent {error.data}={error.actual} and " if error.actual is not None else ""
    if error.actual is None and call.status == 401:
        sent = f"sent the user {call.user!r} and " if call.user else "sent no user and "
    return f"your client {sent}got {call.status} {error.type.name}: {error.message}; {what}"
