"""The phases of a soak test: each makes calls, waits for all responses, and compares them with the journal."""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.server_process import ServerProcess
from tests.soak.calls import BODY_LIMIT, DELAY_SECONDS, Draw, Plan
from tests.soak.client import Client
from tests.soak.control import Control
from tests.soak.ledger import Entry, differences, expected_records
from tests.soak.process import Watch

CONNECTIONS = 64
CALLS_A_SECOND = 640
PHASE_SECONDS = 10.0
# In a shorter run, the allocator still grows after the first fifth of the time.
JUDGED_SECONDS = 240.0
GROWTH = 1.05
_INCOMPLETE_AT_RESET = 3
_MAX_ERRORS = 20


@dataclass
class Result:
    """The result of one mock server."""

    name: str
    phases: int = 0
    sent: int = 0
    responded: int = 0
    recorded: int = 0
    connections: int = 0
    memory: tuple[float, float] = (0.0, 0.0)
    files: tuple[int, int] = (0, 0)
    differences: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Load:
    """The load of one mock server.

    Args:
        running: the mock server
        journal_max_calls: the maximum number of calls in its journal
        draw: draws the calls
    """

    def __init__(self, running: ServerProcess, journal_max_calls: int, draw: Draw) -> None:
        self._running, self._journal_max_calls, self._draw = running, journal_max_calls, draw
        tls = running.tls()
        self._clients = [Client(running.port, tls) for _ in range(CONNECTIONS)]
        self._entries: list[Entry] = []
        self.control = Control(running)

    async def phase(self, seconds: float, result: Result) -> None:
        """Make calls for some time, and compare them with the journal."""
        self._entries = []
        await self.control.prepare()
        disturbing = asyncio.create_task(self.control.disturb())
        ends = time.monotonic() + seconds
        await asyncio.gather(*(self._calls_until(ends, client) for client in self._clients))
        disturbing.cancel()
        with suppress(asyncio.CancelledError):
            # This raises an error of the task.
            await disturbing
        entries = self._entries
        journal = await self.control.wait_for_journal(expected_records(entries))
        result.phases += 1
        result.sent += len(entries)
        result.responded += sum(entry.status is not None for entry in entries)
        result.recorded += journal["meta"]["total"]
        found = differences(entries, journal, self._journal_max_calls)
        found += await self.control.compare_counts(entries, self._journal_max_calls)
        result.differences += [f"{result.name}, phase {result.phases}: {line}" for line in found]
        if result.phases % 2:
            result.errors += await self._reset()
        else:
            await self.control.ask("DELETE", "requests")
            await self.control.ask("DELETE", "mappings")

    async def close(self) -> int:
        """Close all connections, and return their number."""
        await asyncio.gather(*(client.close() for client in self._clients))
        await self.control.close()
        return sum(client.connections for client in self._clients)

    async def stop_during_a_delay(self) -> list[str]:
        """Stop the mock server with a delayed call in flight, and return a line for each error."""
        await self.control.prepare()
        client = self._clients[0]
        plan = self._delayed()
        await client.begin(plan.data)
        # The server reads its connections in the order in which data arrives.
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
            # The other connections stay open during the reset.
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
                entry.error = repr(exc)
            await client.close(abort=True)
            return
        for entry, status in zip(entries, statuses, strict=True):
            entry.status = status

    def _delayed(self) -> Plan:
        plan = self._draw.plan()
        while plan.kind != "delayed":
            plan = self._draw.plan()
        return plan

    async def _reset(self) -> list[str]:
        """Reset the mock server with calls in flight, which must be aborted and not recorded."""
        plans = [self._delayed()]
        while len(plans) <= _INCOMPLETE_AT_RESET:
            plan = self._draw.plan()
            plans += [plan] if plan.kind == "closed in the body" else []
        tls = self._running.tls()
        clients = [Client(self._running.port, tls) for _ in plans]
        began = time.monotonic()
        for client, plan in zip(clients, plans, strict=True):
            await client.begin(plan.data[: plan.cut])
        # The server reads its connections in the order in which data arrives, and none of the calls has a response yet.
        await self.control.ask("GET", "health")
        await self.control.ask("POST", "reset")
        too_late = time.monotonic() - began > DELAY_SECONDS
        rest = zip(clients[1:], plans[1:], strict=True)
        # The server aborts an incomplete request when more of its body arrives.
        await asyncio.gather(*(client.finish(plan.data[plan.cut :]) for client, plan in rest))
        statuses = await asyncio.gather(*(client.response() for client in clients))
        await asyncio.gather(*(client.close() for client in clients))
        total = (await self.control.ask("GET", "requests?limit=1"))["meta"]["total"]
        found = [f"{total} calls in flight at a reset were recorded"] if total else []
        for plan, status in zip(plans, statuses, strict=True):
            # On a loaded machine, the delay may end before the reset.
            if status is not None and not (too_late and plan.cut is None):
                found.append(f"a call in flight at a reset ({plan.kind}) got {status}")
        return found


async def run(name: str, running: ServerProcess, journal_max_calls: int, seconds: float, draw: Draw) -> Result:
    """Put a mock server under load for some time, and stop it."""
    result, load, watch = Result(name), Load(running, journal_max_calls, draw), Watch(running)
    try:
        await _soak(load, watch, seconds, result)
        result.errors += load.control.errors[:_MAX_ERRORS]
        last = Load(running, journal_max_calls, draw)
        result.errors += await last.stop_during_a_delay() + last.control.errors
        await last.close()
    except (OSError, TimeoutError, httpx.HTTPError) as exc:
        code = running.process.poll()
        problem = "the server does not respond" if code is None else f"the server has exited with {code}"
        result.errors.append(f"{problem}: {exc!r}")
    # A thread reads the last lines of the log.
    await asyncio.sleep(0.2)
    watch.read_log()
    result.errors += [f"in the log: {line}" for line in watch.bad_lines]
    return result


async def _soak(load: Load, watch: Watch, seconds: float, result: Result) -> None:
    # The first request imports modules and opens a connection.
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
        result.errors.append("memory grew by more than 5 %, from {:.1f} to {:.1f} MB".format(*result.memory))
    result.files = before, await _files_once_quiet(load, watch, before, result)
    if result.files[1] > before:
        result.errors.append(f"open files: {before} before, {result.files[1]} after")


async def _files_once_quiet(load: Load, watch: Watch, before: int, result: Result) -> int:
    # The connection of the control API was open at the start.
    result.connections = await load.close()
    for _ in range(600):
        if watch.files < before:
            break
        await asyncio.sleep(0.1)
    return watch.files + 1


def server(journal_max_calls: int, cert_dir: Path) -> ServerProcess:
    """Return a mock server that is not started."""
    limits = ("--journal-max-bytes", "512MiB", "--max-body-bytes", str(BODY_LIMIT))
    return ServerProcess(cert_dir, "--journal-max-calls", str(journal_max_calls), *limits)
