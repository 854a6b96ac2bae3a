"""``MockCVP``: one running double, for Python."""

import asyncio
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from mockcvp.app import create_app
from mockcvp.clock import Clock
from mockcvp.control.faults import Fault
from mockcvp.control.tenants import new_tenant
from mockcvp.double import Double
from mockcvp.exchange import line
from mockcvp.journal import Call
from mockcvp.oamp.deployment import Outcome
from mockcvp.oamp.errors import by_status
from mockcvp.oamp.synchronization import server_id
from mockcvp.server import Server
from mockcvp.settings import Settings
from mockcvp.verification import Wanted, fault, matching, shortfall
from mockcvp.wording import told

if TYPE_CHECKING:
    import httpx

_DRAIN_SECONDS = 0.5
# what a running double cannot take up any more
_AT_START_ONLY = frozenset(["host", "port", "cert", "key", "cert_dir", "key_type", "tls_names", "log_level"])


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


def _serving(server: Server) -> Callable[[], None]:
    """Run a server in a thread, and return what stops it."""
    settled, failed = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            server.run(settled.set)
        except BaseException as fault:
            failed.append(fault)
        finally:
            settled.set()

    # a daemon, so that a double that nobody stops does not keep the interpreter from ending
    thread = threading.Thread(target=run, name="mockcvp", daemon=True)
    thread.start()
    settled.wait()
    if failed:
        raise failed[0]

    def stop() -> None:
        server.stop()
        thread.join()

    return stop


class MockCVP:
    """One running double: ``with MockCVP() as cvp: …``, or ``start`` and ``stop``.

    It listens on a free port of 127.0.0.1, in a thread of its own, with a certificate of its own in a temporary place,
    and shares nothing with any other double. Its methods may be called from any thread.

    Args:
        settings: any setting of ``Settings``, by its name

    Raises:
        ValueError: a setting that is not valid
    """

    def __init__(self, **settings: Any) -> None:
        self._given = {"port": 0, **settings}
        self._checked(self._given)
        self._opened: ExitStack | None = None

    def start(self) -> Self:
        """Start it, and return once it answers.

        Raises:
            StartError: it cannot listen or use its certificate
            DeploymentError: the deployment's file cannot be used
        """
        if self._opened is not None:
            raise RuntimeError("this double runs already")
        with ExitStack() as opened:
            given = dict(self._given)
            if "cert_dir" not in given and "cert" not in given:
                given["cert_dir"] = opened.enter_context(tempfile.TemporaryDirectory(prefix="mockcvp-"))
            self._settings = self._checked(given)
            self._double = Double(self._settings)
            self._server = Server(create_app(double=self._double), self._settings, drain_seconds=_DRAIN_SECONDS)
            opened.callback(_serving(self._server))
            self._opened = opened.pop_all()
        return self

    def stop(self) -> None:
        """Stop it; calls in flight have half a second to end. May be called again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> Self:
        # a tenant runs already
        return self if self._opened is not None else self.start()

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    @staticmethod
    def _checked(settings: dict[str, Any]) -> Settings:
        try:
            return Settings.model_validate(settings)
        except ValidationError as error:
            raise ValueError("; ".join(told(error))) from None

    @property
    def url(self) -> str:
        """The URL of the OAMP's API: ``https://127.0.0.1:PORT/cvp-config``."""
        return self._server.url

    @property
    def username(self) -> str:
        """The user who may call it."""
        return self._double.settings.username

    @property
    def password(self) -> str:
        """That user's password."""
        return self._double.settings.password.get_secret_value()

    @property
    def auth(self) -> tuple[str, str]:
        """User name and password, as HTTP clients take them."""
        return self.username, self.password

    @property
    def certificate(self) -> Path:
        """The PEM file that a client trusts."""
        return Path(self._server.certificate)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context for clients that trusts this double alone, and checks its name."""
        return ssl.create_default_context(cafile=self.certificate)

    def client(self, **options: Any) -> "httpx.Client":
        """Return an ``httpx.Client`` for relative paths, as ``client.post("command/synchronize")``.

        Args:
            options: of ``httpx.Client``, instead of those that make it ready to call
        """
        import httpx

        ready: dict[str, Any] = {
            "base_url": self.url,
            "auth": self.auth,
            "verify": self.ssl_context(),
            "trust_env": False,
        }
        return httpx.Client(**(ready | options))

    @property
    def calls(self) -> list[Call]:
        """The calls that the journal holds, oldest first."""
        return self._double.journal.page().calls[::-1]

    @property
    def synchronizations(self) -> list[Synchronization]:
        """The accepted sync-ups that the journal holds, oldest first, and how they stand now."""
        now = self._double.clock()
        return [
            Synchronization(
                call,
                tuple(
                    SynchronizedServer(
                        run.server_id,
                        run.requested.ref_url,
                        run.requested.sincetime,
                        run.requested.full,
                        run.text(now),
                    )
                    for run in call.synchronization.started
                ),
            )
            for call in self.calls
            if call.synchronization
        ]

    def log(self) -> str:
        """Return a line for each call that the journal holds, oldest first."""
        return "\n".join(f"{call.number}: {line(call)}" for call in self.calls)

    def wait_for_calls(self, count: int = 1, timeout: float = 5.0, **wanted: Any) -> list[Call]:
        """Wait for calls, and return them; those that have come already count.

        Args:
            count: how many there must be, at least
            timeout: how long to wait, in seconds
            wanted: ``method``, ``path``, ``status``, ``ref_url``, ``sincetime`` of these calls

        Raises:
            AssertionError: there were fewer until then; the message tells the nearest
        """
        __tracebackhide__ = True
        criteria, journal = Wanted(**wanted), self._double.journal
        woken, deadline = threading.Event(), time.monotonic() + timeout
        with journal.listening(woken.set):
            while len(found := matching(criteria, journal.page())) < count:
                if not woken.wait(deadline - time.monotonic()):
                    raise AssertionError(f"waited {timeout:g} s; {shortfall(criteria, journal.page(), count)}")
                woken.clear()
        return found

    async def async_wait_for_calls(self, count: int = 1, timeout: float = 5.0, **wanted: Any) -> list[Call]:
        """Wait as ``wait_for_calls`` does, and let the event loop go on meanwhile."""
        return await asyncio.to_thread(self.wait_for_calls, count, timeout, **wanted)

    def assert_synchronized(
        self, ref_url: str | None = None, sincetime: int | None = None, times: int | None = None
    ) -> None:
        """Verify that a sync-up was accepted.

        Args:
            ref_url: of the server, a reference or its id; None: of any
            sincetime: that was asked for; None: any
            times: in how many calls; None: at least in one

        Raises:
            AssertionError: it was not; the message tells why
        """
        __tracebackhide__ = True
        self._verify(Wanted(ref_url=ref_url, sincetime=sincetime, synchronized=True), times)

    def assert_called(self, times: int | None = None, **wanted: Any) -> None:
        """Verify that there was a call, or a number of them; ``wanted`` is as in ``wait_for_calls``.

        Raises:
            AssertionError: there was not; the message tells the nearest
        """
        __tracebackhide__ = True
        self._verify(Wanted(**wanted), times)

    def assert_not_called(self, **wanted: Any) -> None:
        """Verify that there was no such call; ``wanted`` is as in ``wait_for_calls``.

        Raises:
            AssertionError: there was one, or the journal has dropped calls and nobody can tell
        """
        __tracebackhide__ = True
        self._verify(Wanted(**wanted), 0)

    def _verify(self, wanted: Wanted, times: int | None) -> None:
        # what pytest shows of a failed test is the test, not this
        __tracebackhide__ = True
        message = fault(wanted, self._double.journal.page(), times)
        if message is not None:
            raise AssertionError(message)

    def fail_next(self, status: int = 503, times: int = 1, error_type: str | None = None) -> None:
        """Let the next calls be refused, in the product's form.

        Args:
            status: to answer with, from 400
            times: how many calls
            error_type: the ``errorType``; None: the one that the product's table has for the status

        Raises:
            ValueError: a status that is no refusal
        """
        if not 400 <= status <= 599:
            raise ValueError(f"status must be from 400 to 599, not {status}")
        row = by_status(status)
        planned = row if error_type is None else row.renamed(error_type)
        self._double.faults.plan(planned.error("refused, as the test has planned"), times)

    def drop_next(self, fault: Fault | str, times: int = 1) -> None:
        """Let the next calls meet a fault of the connection instead of an answer.

        Raises:
            ValueError: a fault that is none of ``Fault``
        """
        self._double.faults.plan(Fault(fault), times)

    def delay(self, seconds: float) -> None:
        """Hold back every answer from now on, 0 for none; in seconds."""
        if not 0 <= seconds < 3600:
            raise ValueError(f"seconds must be from 0 to 3600, not {seconds}")
        self._double.faults.delay = seconds

    def throttle(self, concurrent: int) -> None:
        """Answer requests beyond so many at the same time with 503 ``processing.throttled``, as the product does."""
        if concurrent < 0:
            raise ValueError(f"concurrent must be 0 or above, not {concurrent}")
        self._double.oamp.max_in_process = concurrent

    def set_outcome(self, server: str, outcome: Outcome, duration: float | None = None) -> None:
        """Say how the coming sync-ups of a server go.

        Args:
            server: a reference to it, or its id
            outcome: ``Success`` or ``Failure``
            duration: how long they take, in seconds; None: as until now

        Raises:
            ValueError: no such server, or a value that is not valid
        """
        servers = self._double.oamp.servers
        known = servers.get(server_id(server))
        if known is None:
            raise ValueError(f"the deployment has no server {server_id(server)!r}")
        changes = {"outcome": outcome} if duration is None else {"outcome": outcome, "duration": duration}
        try:
            servers.change(type(known).model_validate(known.model_dump() | changes))
        except ValidationError as error:
            raise ValueError("; ".join(told(error))) from None

    def tenant(self, **settings: Any) -> "MockCVP":
        """Return a double for another user of this server: its deployment, clock, faults and journal are its own.

        Args:
            settings: that may differ from this double's; ``username`` and ``password`` are made up where not given

        Raises:
            ValueError: a name that is taken, or a setting that is not valid
        """
        fixed = sorted(_AT_START_ONLY & settings.keys())
        if fixed:
            raise ValueError(f"{', '.join(fixed)} can be set at the start alone")
        try:
            double = new_tenant(self._double, **settings)
        except ValidationError as error:
            raise ValueError("; ".join(told(error))) from None
        tenant = MockCVP()
        tenant._server, tenant._double, tenant._settings = self._server, double, double.settings
        tenant._opened = ExitStack()
        tenant._opened.callback(self._double.tenants.pop, double.settings.username, None)
        return tenant

    @property
    def clock(self) -> Clock:
        """The clock that sync-ups go by: ``freeze``, ``advance``, ``resume``."""
        return self._double.clock

    def reset(self, **settings: Any) -> None:
        """Bring everything back as it was at the start, with these settings instead of those of the start.

        Raises:
            ValueError: a setting that is not valid, or that a double takes up at its start alone
        """
        fixed = sorted(_AT_START_ONLY & settings.keys())
        if fixed:
            raise ValueError(f"{', '.join(fixed)} can be set at the start alone")
        changed = self._settings.model_dump(exclude_unset=True) | settings
        self._double.reset(self._checked(changed) if settings else self._settings)
        self._double.tenants.clear()
