"""The request journal."""

import asyncio
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from sys import getsizeof
from time import monotonic
from typing import Any, NamedTuple

from mockcvp.oamp.http import Headers, Request, Response
from mockcvp.oamp.sync_ups import SyncUp

# Estimates of CPython's memory for objects, which a test compares with the memory that a journal allocates.
_CALL_OVERHEAD = 1000
_HEADER_OVERHEAD = 150
_SERVER_OVERHEAD = 600
_NAME_OVERHEAD = 16
_RUN_OVERHEAD = 700
_ERROR_OVERHEAD = 100


class MatchedStub(NamedTuple):
    """The stub mapping that responded to a call.

    Attributes:
        id: a UUID
        name: the name, None without one
        description: the request pattern in words
        document: the mapping in WireMock's JSON
        size: the approximate memory of the mapping, in bytes
    """

    id: str
    name: str | None
    description: str
    document: dict[str, Any]
    size: int


class Call(NamedTuple):
    """One request and its response.

    Attributes:
        number: from 1, in the order of the responses
        time: the time of the request, in seconds since 1970
        duration: the time from the request to its response, in seconds
        client: the client's address
        request: the request
        response: the response; None if the client disconnected before its request was complete, or if there is a fault
        fault: the fault instead of a response, None without one
        mapping: the matched stub mapping, None without one
        delay: the part of the duration that is a configured delay, in seconds
        delivered: False if the connection ended before the whole response had left the write buffer; a response whose
            body has at most 64 KiB is not watched after it is written
    """

    number: int
    time: float
    duration: float
    client: str
    request: Request
    response: Response | None
    fault: str | None = None
    mapping: MatchedStub | None = None
    delay: float = 0.0
    delivered: bool = True

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def path(self) -> str:
        """The decoded path, without the query."""
        return self.request.path

    @property
    def query(self) -> str:
        """The raw query; empty without one."""
        return self.request.query

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request; their names are case-insensitive."""
        # This import is slow, and a server needs it for no request.
        from starlette.datastructures import Headers

        return Headers(raw=list(self.request.headers))

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return self.request.body

    @property
    def text(self) -> str:
        """The body of the request, decoded as UTF-8."""
        return self.request.body.decode(errors="replace")

    def json(self) -> Any:
        """Parse the body of the request as JSON.

        Raises:
            ValueError: the body is not JSON
        """
        return json.loads(self.request.body)

    @property
    def user(self) -> str | None:
        """The user name of the request, valid or not; None without one."""
        return self.request.user

    @property
    def status(self) -> int | None:
        """The status of the response; None without one."""
        return self.response.status if self.response else None

    @property
    def refusal(self) -> str | None:
        """The reason of an error response; None for any other response."""
        return self.response.reason if self.response else None

    @property
    def matched(self) -> bool:
        """False for 404, 405 and a call without a response, unless a stub mapping matched."""
        return self.mapping is not None or self.status not in (None, 404, 405)

    @property
    def synchronization(self) -> SyncUp | None:
        """The sync-up that this call started, None if it started none."""
        return self.response.sync_up if self.response else None

    @property
    def size(self) -> int:
        """The approximate memory of this call in the journal, in bytes."""
        request, response = self.request, self.response
        size = _CALL_OVERHEAD + len(request.body) + getsizeof(request.target) + getsizeof(request.path)
        size += _size_of(request.headers)
        if response:
            size += len(response.body) + getsizeof(response.reason)
            for error in response.errors:
                size += _ERROR_OVERHEAD + getsizeof(error.reason) + getsizeof(error.actual) + getsizeof(error.valid)
            if sync_up := response.sync_up:
                for server in sync_up.requested:
                    size += _SERVER_OVERHEAD + getsizeof(server.ref_url)
                for ignored in sync_up.ignored:
                    size += _NAME_OVERHEAD + getsizeof(ignored)
                size += _RUN_OVERHEAD * len(sync_up.started)
        if self.mapping:
            size += self.mapping.size
        return size


@lru_cache(maxsize=256)
def _size_of(headers: Headers) -> int:
    return sum([_HEADER_OVERHEAD + len(name) + len(value) for name, value in headers])


class Position(NamedTuple):
    """The state of a journal at one time; a journal that has not changed has the same position.

    Attributes:
        series: a number, another one after each clear; the id of call n is this number plus n
        last: the number of the newest call, 0 without one
        removed: the number of removed calls
        stored: the number of calls that the journal stores
    """

    series: int
    last: int
    removed: int
    stored: int

    @property
    def recorded(self) -> int:
        """The number of calls since the journal was cleared, without removed ones."""
        return self.last - self.removed

    @property
    def dropped(self) -> int:
        """The number of calls that the journal dropped."""
        return self.recorded - self.stored

    def id(self, call: Call) -> str:
        """Return the UUID of a call of this journal."""
        return str(uuid.UUID(int=(self.series + call.number) % 2**128))


class Page(NamedTuple):
    """The newest calls of a journal, and its position at the same time.

    Attributes:
        calls: newest first
        position: the position
    """

    calls: list[Call]
    position: Position

    def numbered(self, number: int) -> Call | None:
        """Return the call with a number, None without one."""
        return next((call for call in self.calls if call.number == number), None)

    def find(self, call_id: uuid.UUID) -> Call | None:
        """Return the call with an id, None without one."""
        return self.numbered((call_id.int - self.position.series) % 2**128)


class Journal:
    """The calls to one mock server. It drops the oldest calls beyond a number and a size, and counts them.

    It is thread-safe.

    Args:
        max_calls: the maximum number of stored calls
        max_bytes: the maximum memory of stored calls
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self.clear()

    def set_limits(self, max_calls: int, max_bytes: int) -> None:
        """Change both limits; they apply from the next call on."""
        with self._lock:
            self._max_calls, self._max_bytes = max_calls, max_bytes

    def clear(self) -> None:
        """Remove every call; the next one is number 1."""
        with self._lock:
            self._calls: deque[Call] = deque()
            self._sizes: deque[int] = deque()
            self._bytes = 0
            self._numbered = 0
            self._removed = 0
            self._series = uuid.uuid4().int

    @contextmanager
    def _listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call a listener after each record, in the thread that records, until the end of the ``with``."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

    def record(
        self,
        time: float,
        duration: float,
        client: str,
        request: Request,
        response: Response | None,
        fault: str | None = None,
        mapping: MatchedStub | None = None,
        delay: float = 0.0,
    ) -> Call:
        """Record one call and return it with its number; the arguments are the attributes of ``Call``."""
        with self._lock:
            self._numbered += 1
            delivered = response is not None or fault is not None
            call = Call(self._numbered, time, duration, client, request, response, fault, mapping, delay, delivered)
            size = call.size
            # A call beyond the whole limit must not drop every other one.
            if size <= self._max_bytes:
                self._calls.append(call)
                self._sizes.append(size)
                self._bytes += size
            while len(self._calls) > self._max_calls or self._bytes > self._max_bytes:
                self._calls.popleft()
                self._bytes -= self._sizes.popleft()
        for listener in self._listeners:
            listener()
        return call

    def mark_undelivered(self, call: Call) -> None:
        """Record that the connection of a call ended before the whole response was written."""
        with self._lock:
            for place in range(len(self._calls) - 1, -1, -1):
                if self._calls[place] is call:
                    self._calls[place] = call._replace(delivered=False)
                    return

    def remove(self, calls: Iterable[Call]) -> list[Call]:
        """Remove those of some calls that the journal stores, and return them, oldest first."""
        # After a clear, new calls have the same numbers. A call and its undelivered copy have one request object.
        unwanted = {id(call.request): call for call in calls}
        with self._lock:
            removed = [call for call in self._calls if id(call.request) in unwanted]
            if removed:
                stored = [
                    (call, size)
                    for call, size in zip(self._calls, self._sizes, strict=True)
                    if id(call.request) not in unwanted
                ]
                self._calls = deque(call for call, _ in stored)
                self._sizes = deque(size for _, size in stored)
                self._bytes = sum(self._sizes)
                self._removed += len(removed)
        return removed

    def page(self, limit: int | None = None) -> Page:
        """Return the newest calls, at most ``limit`` of them, and the counts at the same time."""
        with self._lock:
            calls, position = list(self._calls), self._position
        calls.reverse()
        return Page(calls[:limit], position)

    @property
    def position(self) -> Position:
        """The current position."""
        with self._lock:
            return self._position

    @property
    def _position(self) -> Position:
        return Position(self._series, self._numbered, self._removed, len(self._calls))

    def newest(self, after: int, most: int) -> list[Call]:
        """Return the newest calls whose number is above ``after``, at most ``most`` of them, oldest first."""
        found: list[Call] = []
        with self._lock:
            for call in reversed(self._calls):
                if call.number <= after or len(found) == most:
                    break
                found.append(call)
        return found[::-1]

    def wait_for(self, select: Callable[[list[Call]], list[Call]], count: int, timeout: float) -> list[Call] | None:
        """Wait for a number of calls and return them, oldest first; return None after a timeout.

        Args:
            select: returns the calls that count, from all stored calls
            count: the minimum number of these calls
            timeout: in seconds
        """
        recorded, deadline = threading.Event(), monotonic() + timeout
        with self._listening(recorded.set):
            while len(found := select(self.page().calls[::-1])) < count:
                left = deadline - monotonic()
                # A call may have been recorded since the deadline, after which the event is still set.
                if left <= 0 or not recorded.wait(left):
                    return None
                recorded.clear()
        return found

    async def async_wait_for(
        self, select: Callable[[list[Call]], list[Call]], count: int, timeout: float
    ) -> list[Call] | None:
        """Wait as ``wait_for`` does, without blocking the event loop."""
        loop, recorded = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + timeout

        def wake() -> None:
            # The event loop may be closed already.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(recorded.set)

        with self._listening(wake):
            while len(found := select(self.page().calls[::-1])) < count:
                try:
                    await asyncio.wait_for(recorded.wait(), max(deadline - loop.time(), 0))
                except TimeoutError:
                    return None
                recorded.clear()
        return found
