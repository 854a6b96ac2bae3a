"""The request journal: what was asked and answered."""

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple

from mockcvp.oamp.api import Headers, Request, Response, SyncUp

if TYPE_CHECKING:
    from mockcvp.stubs.mapping import StubMapping

# what CPython takes for a call beside its texts and bytes; a test compares this with what is really taken
_CALL_OVERHEAD = 1000
_HEADER_OVERHEAD = 150
_SERVER_OVERHEAD = 600
_NAME_OVERHEAD = 16
_RUN_OVERHEAD = 700
_ERROR_OVERHEAD = 100


class Call(NamedTuple):
    """One exchange, as it went over the wire.

    Attributes:
        number: from 1, in the order in which the calls were answered
        time: when the request came, in seconds since 1970
        duration: from then until its answer was sent, in seconds
        client: the address that the call came from
        request: what was asked
        answer: what was answered; None where the client was gone before its request was complete, or met a fault
        fault: the fault that was planned for it, where one was
        mapping: the stub mapping that answered it, where one did
        delay: how much of the duration its answer was held back on purpose, in seconds
        delivered: whether all of the response had left the write buffer while the connection was open; not where there
            was none because the client had disconnected
    """

    number: int
    time: float
    duration: float
    client: str
    request: Request
    response: Response | None
    fault: str | None = None
    mapping: "StubMapping | None" = None
    delay: float = 0.0
    delivered: bool = True

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return self.request.method

    @property
    def path(self) -> str:
        """The path, decoded, without the query."""
        return self.request.path

    @property
    def query(self) -> str:
        """The query, as it came; empty where there was none."""
        return self.request.query

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers; their names in any case."""
        # loaded here, since it takes time, and a server that is only called needs it not
        from starlette.datastructures import Headers

        return Headers(raw=list(self.request.headers))

    @property
    def body(self) -> bytes:
        """The request's body, as it came."""
        return self.request.body

    @property
    def text(self) -> str:
        """The request's body as text, by UTF-8."""
        return self.request.body.decode(errors="replace")

    def json(self) -> Any:
        """Return what the request's body holds as JSON.

        Raises:
            ValueError: it is not JSON
        """
        return json.loads(self.request.body)

    @property
    def user(self) -> str | None:
        """The user name that was sent, right or wrong; None where none was."""
        return self.request.user

    @property
    def status(self) -> int | None:
        """The status of the answer; None where there was none."""
        return self.response.status if self.response else None

    @property
    def refusal(self) -> str | None:
        """Why the call was refused, where it was."""
        return self.response.refusal if self.response else None

    @property
    def matched(self) -> bool:
        """Whether a stub mapping or a resource of the product answered."""
        return self.mapping is not None or self.status not in (None, 404, 405)

    @property
    def synchronization(self) -> SyncUp | None:
        """The sync-up that was accepted, where one was."""
        return self.response.sync_up if self.response else None

    @property
    def size(self) -> int:
        """The memory that this call takes in the journal, in bytes, near enough."""
        request, response = self.request, self.response
        size = _CALL_OVERHEAD + len(request.body) + getsizeof(request.target) + getsizeof(request.path)
        size += _size_of(request.headers)
        if response:
            size += len(response.body) + getsizeof(response.refusal)
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


class Page(NamedTuple):
    """Some calls of a journal, and how many there were.

    Attributes:
        calls: newest first
        total: how many calls there were since the start or the last clearing, but for those that were removed
        kept: how many of them the journal still holds
        series: what the ids of these calls are counted from
    """

    calls: list[Call]
    total: int
    stored: int
    series: int

    @property
    def dropped(self) -> int:
        """How many calls the journal had no room for: what was among them nobody can tell."""
        return self.total - self.stored

    def id(self, call: Call) -> str:
        """Return the id of one of these calls, a UUID that no other call of any mock server has."""
        return str(uuid.UUID(int=(self.series + call.number) % 2**128))

    def find(self, call_id: uuid.UUID) -> Call | None:
        """Return the call with an id, None where these have none."""
        number = (call_id.int - self.series) % 2**128
        return next((call for call in self.calls if call.number == number), None)


class Journal:
    """The calls to one mock server, bounded by their number and their bytes; the oldest go first.

    The total stays exact, whatever was dropped. Safe between threads.

    Args:
        max_calls: how many calls are kept
        max_bytes: how much memory they may take
    """

    def __init__(self, max_calls: int, max_bytes: int) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self.clear()

    def bound(self, max_calls: int, max_bytes: int) -> None:
        """Change the bounds, as they are meant in the constructor; the next call is the first to feel them."""
        with self._lock:
            self._max_calls, self._max_bytes = max_calls, max_bytes

    def clear(self) -> None:
        """Forget every call; the next one is number 1."""
        with self._lock:
            self._calls: deque[Call] = deque()
            self._sizes: deque[int] = deque()
            self._bytes = 0
            self._numbered = 0
            self._removed = 0
            self._series = uuid.uuid4().int

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have a listener called after each record, in the thread that records, until the end of the ``with``."""
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
        mapping: "StubMapping | None" = None,
        delay: float = 0.0,
    ) -> Call:
        """Record one exchange and return it with its number; the arguments are as in ``Call``."""
        with self._lock:
            self._numbered += 1
            delivered = response is not None or fault is not None
            call = Call(self._numbered, time, duration, client, request, response, fault, mapping, delay, delivered)
            size = call.size
            # what is too large is counted, but no reason to forget all others
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

    def cut_off(self, call: Call) -> None:
        """Note of a call that its connection ended before all of the response was written."""
        with self._lock:
            for place in range(len(self._calls) - 1, -1, -1):
                if self._calls[place] is call:
                    self._calls[place] = call._replace(delivered=False)
                    return

    def remove(self, calls: Iterable[Call]) -> list[Call]:
        """Forget some calls, as far as they are still there, and return those that were, oldest first."""
        # by what they are: since a clearing, others may have their numbers
        unwanted = list(calls)
        wanted = {id(call) for call in unwanted}
        with self._lock:
            removed = [call for call in self._calls if id(call) in wanted]
            if removed:
                stored = [
                    (call, size) for call, size in zip(self._calls, self._sizes, strict=True) if id(call) not in wanted
                ]
                self._calls = deque(call for call, _ in stored)
                self._sizes = deque(size for _, size in stored)
                self._bytes = sum(self._sizes)
                self._removed += len(removed)
        return removed

    def page(self, limit: int | None = None) -> Page:
        """Return the newest calls, at most ``limit`` of them, and the counts of the same moment."""
        with self._lock:
            calls = list(self._calls)
            total, series = self._numbered - self._removed, self._series
        stored = len(calls)
        calls.reverse()
        return Page(calls[:limit], total, stored, series)
