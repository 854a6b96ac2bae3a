"""A mock server and its load, in phases: after each, the load is drained, and all is compared."""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.server_process import ServerProcess
from tests.soak.calls import BODY_LIMIT, HELD_SECONDS, Draw, Plan
from tests.soak.client import Client
from tests.soak.control import Control
from tests.soak.ledger import Entry, differences, expected_records
from tests.soak.process import Watch

CONNECTIONS = 64
CALLS_A_SECOND = 640
PHASE_SECONDS = 10.0
# in shorter runs, it takes more than their first fifth until the allocator has all that it comes to need
JUDGED_SECONDS = 240.0
GROWTH = 1.05
_LEFT_AT_RESET = 3
_MOST_TROUBLES = 20


@dataclass
class Result:
    """What came of one mock server."""

    name: str
    phases: int = 0
    sent: int = 0
    responded: int = 0
    recorded: int = 0
    connections: int = 0
    memory: tuple[float, float] = (0.0, 0.0)
    files: tuple[int, int] = (0, 0)
    differences: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Load:
    """The load of one mock server.

    Args:
        running: the mock server
        journal_max_calls: how many calls its journal keeps
        draw: where the calls come from
    """

    def __init__(self, running: ServerProcess, journal_max_calls: int, draw: Draw) -> None:
        self._running, self._journal_max_calls, self._draw = running, journal_max_calls, draw
        tls = running.tls()
        self._clients = [Client(running.port, tls) for _ in range(CONNECTIONS)]
        self._entries: list[Entry] = []
        self.control = Control(running)

    async def phase(self, seconds: float, result: Result) -> None:
        """Make calls for some time, and compare."""
        self._entries = []
        await self.control.prepare()
        disturbing = asyncio.create_task(self.control.disturb())
        ends = time.monotonic() + seconds
        await asyncio.gather(*(self._calls_until(ends, client) for client in self._clients))
        disturbing.cancel()
        with suppress(asyncio.CancelledError):
            # an error of its own is raised here
            await disturbing
        entries = self._entries
        journal = await self.control.settled(expected_records(entries))
        result.phases += 1
        result.sent += len(entries)
        result.responded += sum(entry.status is not None for entry in entries)
        result.recorded += journal["meta"]["total"]
        found = differences(entries, journal, self._journal_max_calls)
        found += await self.control.counted(entries, self._journal_max_calls)
        result.differences += [f"{result.name}, phase {result.phases}: {line}" for line in found]
        if result.phases % 2:
            result.faults += await self._reset()
        else:
            await self.control.ask("DELETE", "requests")
            await self.control.ask("DELETE", "mappings")

    async def close(self) -> int:
        """Hang up on every connection, and return how many there were."""
        await asyncio.gather(*(client.close() for client in self._clients))
        await self.control.close()
        return sum(client.connections for client in self._clients)

    async def end_while_a_call_is_held_back(self) -> list[str]:
        """Ask the mock server to stop, and return what is wrong with how it does."""
        await self.control.prepare()
        client = self._clients[0]
        plan = self._held()
        await client.begin(plan.data)
        # the server reads connections in the order in which bytes arrive
        await self.control.ask("GET", "health")
        stopping = asyncio.create_task(asyncio.to_thread(self._running.stop))
        status = await client.response()
        code = await stopping
        await client.close()
        found = [] if code == 0 else [f"SIGTERM ended it with {code}"]
        return found + ([] if status == 200 else [f"a call in flight at SIGTERM got {status}"])

    async def _calls_until(self, ends: float, client: Client) -> None:
        pace = CONNECTIONS / CALLS_A_SECOND
        due = time.monotonic() + self._draw.random.uniform(0, pace)
        while (now := time.monotonic()) < ends:
            await asyncio.sleep(max(0.0, due - now))
            due = max(due + pace, now)
            await self._call(client)
        if self._draw.random.random() < 0.5:
            # the others are kept over the reset
            await client.close()

    async def _call(self, client: Client) -> None:
        draw = self._draw
        plans = [draw.plain(), draw.plain()] if draw.random.random() < 0.05 else [draw.plan()]
        entries = [Entry(plan) for plan in plans]
        self._entries += entries
        try:
            statuses = await client.call(*plans)
        except (OSError, TimeoutError) as exc:
            for entry in entries:
                entry.trouble = repr(exc)
            await client.close(rudely=True)
            return
        for entry, status in zip(entries, statuses, strict=True):
            entry.status = status

    def _held(self) -> Plan:
        plan = self._draw.plan()
        while plan.kind != "held back":
            plan = self._draw.plan()
        return plan

    async def _reset(self) -> list[str]:
        """Reset the mock server while some calls are in flight, which are to be hung up on and to leave nothing."""
        plans = [self._held()]
        while len(plans) <= _LEFT_AT_RESET:
            plan = self._draw.plan()
            plans += [plan] if plan.kind == "left in the body" else []
        tls = self._running.tls()
        clients = [Client(self._running.port, tls) for _ in plans]
        began = time.monotonic()
        for client, plan in zip(clients, plans, strict=True):
            await client.begin(plan.data[: plan.cut])
        # the server reads connections in the order in which bytes arrive, and none of the calls has its response yet
        await self.control.ask("GET", "health")
        await self.control.ask("POST", "reset")
        too_late = time.monotonic() - began > HELD_SECONDS
        rest = zip(clients[1:], plans[1:], strict=True)
        # those with a body go on with it: they are noticed then
        await asyncio.gather(*(client.go_on(plan.data[plan.cut :]) for client, plan in rest))
        statuses = await asyncio.gather(*(client.response() for client in clients))
        await asyncio.gather(*(client.close() for client in clients))
        total = (await self.control.ask("GET", "requests?limit=1"))["meta"]["total"]
        found = [f"{total} calls in flight at a reset were recorded"] if total else []
        for plan, status in zip(plans, statuses, strict=True):
            # on a machine that is busy, what is held back may be answered before the reset
            if status is not None and not (too_late and plan.cut is None):
                found.append(f"a call in flight at a reset ({plan.kind}) got {status}")
        return found


async def run(name: str, running: ServerProcess, journal_max_calls: int, seconds: float, draw: Draw) -> Result:
    """Put a mock server under load for some time, and end it."""
    result, load, watch = Result(name), Load(running, journal_max_calls, draw), Watch(running)
    try:
        await _soak(load, watch, seconds, result)
        result.faults += load.control.troubles[:_MOST_TROUBLES]
        ending = Load(running, journal_max_calls, draw)
        result.faults += await ending.end_while_a_call_is_held_back() + ending.control.troubles
        await ending.close()
    except (OSError, TimeoutError, httpx.HTTPError) as exc:
        code = running.process.poll()
        result.faults.append(f"it serves no more: {exc!r}" if code is None else f"it has ended, with {code}: {exc!r}")
    # what it says last is read by a thread
    await asyncio.sleep(0.2)
    watch.read_log()
    result.faults += [f"in the log: {line}" for line in watch.bad_lines]
    return result


async def _soak(load: Load, watch: Watch, seconds: float, result: Result) -> None:
    # what is loaded and opened once is
    await load.control.ask("GET", "requests?limit=1")
    before = watch.files
    watching = asyncio.create_task(watch.run())
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0.5 or not result.phases:
        await load.phase(max(1.0, min(PHASE_SECONDS, seconds / 2, left)), result)
        reported = f"{result.name}, phase {result.phases}: {result.sent} calls so far, {watch.memory:.1f} MB"
        sys.stderr.write(f"{reported}, {watch.files} files, {len(result.differences)} differences\n")
    watching.cancel()
    result.memory = watch.memory_after_warm_up_and_at_the_end()
    if seconds >= JUDGED_SECONDS and result.memory[1] > GROWTH * result.memory[0]:
        result.faults.append("memory: it grew by more than 5 %, from {:.1f} to {:.1f} MB".format(*result.memory))
    result.files = before, await _files_once_quiet(load, watch, before, result)
    if result.files[1] > before:
        result.faults.append(f"open files: {before} before, {result.files[1]} after")


async def _files_once_quiet(load: Load, watch: Watch, before: int, result: Result) -> int:
    # the connection of the control API was there before
    result.connections = await load.close()
    for _ in range(600):
        if watch.files < before:
            break
        await asyncio.sleep(0.1)
    return watch.files + 1


def server(journal_max_calls: int, cert_dir: Path) -> ServerProcess:
    """Return a mock server to be started."""
    limits = ("--journal-max-bytes", "512MiB", "--max-body-bytes", str(BODY_LIMIT))
    return ServerProcess(cert_dir, "--journal-max-calls", str(journal_max_calls), *limits)
