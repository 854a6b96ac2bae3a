"""``MockCVP``: one running mock server, for Python."""

import ssl
import tempfile
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from pydantic import ValidationError

from mockcvp.app import create_app
from mockcvp.clock import Clock
from mockcvp.journal import Call
from mockcvp.messages import error_lines
from mockcvp.oamp.deployment import Outcome
from mockcvp.oamp.references import server_id
from mockcvp.pipeline.log_line import line
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from mockcvp.state import MockState, new_tenant
from mockcvp.stubs.pattern import RequestPattern
from mockcvp.stubs.response import Delays, Fault
from mockcvp.testing.assertions import WantedCall, fault, idle_stub, pattern_of, shortfall
from mockcvp.testing.one_shot import error_stub, fault_stub
from mockcvp.testing.synchronizations import Synchronization, synchronizations_of
from mockcvp.testing.waiting import async_wait, wait

if TYPE_CHECKING:
    import httpx

_DRAIN_SECONDS = 0.5
_FAILURES_KEPT = 20
_IDLE_REPORTED = 5
# what a running mock server cannot take up any more
_AT_START_ONLY = frozenset(
    [
        "host",
        "port",
        "cert",
        "key",
        "cert_dir",
        "key_type",
        "tls_names",
        "log_level",
        "mappings",
        "admin_host",
        "admin_port",
        "admin_username",
        "admin_password",
        "admin_access",
        # of connections, of which there may be some from before
        "max_connections",
        "max_header_bytes",
        "max_headers",
        "header_timeout",
        "body_timeout",
        "keep_alive_timeout",
    ]
)


class MockCVP:
    """One running mock server: ``with MockCVP() as cvp: …``, or ``start`` and ``stop``.

    It listens on a free port of 127.0.0.1, in a thread of its own, with a certificate of its own in a temporary place,
    and shares nothing with any other mock server. Its methods may be called from any thread.

    Args:
        settings: any setting of ``Settings``, by its name

    Raises:
        ValueError: a setting that is not valid
    """

    def __init__(self, **settings: Any) -> None:
        if "log_level" in settings:
            raise ValueError("log_level is the command's: in Python, set the level of the logger 'mockcvp'")
        self._given = {"port": 0, **settings}
        self._checked(self._given)
        self._opened: ExitStack | None = None
        self._root: MockCVP | None = None
        self._failures: deque[str] = deque(maxlen=_FAILURES_KEPT)

    @property
    def _running(self) -> MockState:
        if self._opened is None:
            raise RuntimeError("this mock server does not run: call start(), or use it in a with statement")
        return self._state

    def start(self) -> Self:
        """Start it, and return once it answers.

        Raises:
            StartError: it cannot listen or use its certificate
            FileError: the deployment's file, or one of stub mappings, cannot be used
        """
        if self._opened is not None:
            raise RuntimeError("this mock server runs already")
        if self._root is not None:
            raise RuntimeError("this tenant was stopped: make another with tenant()")
        with ExitStack() as opened:
            given = dict(self._given)
            if "cert_dir" not in given and "cert" not in given:
                given["cert_dir"] = opened.enter_context(tempfile.TemporaryDirectory(prefix="mockcvp-"))
            self._settings = self._checked(given)
            self._state = MockState(self._settings)
            app = create_app(state=self._state)
            self._server = Server(app, self._settings, _DRAIN_SECONDS, self._failures.append)
            opened.callback(self._server.serving())
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

    @property
    def runs(self) -> bool:
        """Whether it is started, and not stopped yet."""
        return self._opened is not None

    @staticmethod
    def _checked(settings: dict[str, Any]) -> Settings:
        try:
            return Settings.model_validate(settings)
        except ValidationError as exc:
            raise ValueError("; ".join(error_lines(exc))) from None

    @property
    def _started_server(self) -> Server:
        # a RuntimeError where it does not run
        _ = self._running
        return self._server

    @property
    def url(self) -> str:
        """The URL of the OAMP's API: ``https://127.0.0.1:PORT/cvp-config``."""
        return self._started_server.url

    @property
    def admin_url(self) -> str:
        """The URL of the control API: ``https://127.0.0.1:PORT/__admin``; a tenant's is its own."""
        url = self._started_server.admin_url
        return url if self._root is None else f"{url}/cvp/tenants/{self.username}"

    @property
    def username(self) -> str:
        """The user who may call it."""
        return self._running.settings.username

    @property
    def password(self) -> str:
        """That user's password."""
        return self._running.settings.password.get_secret_value()

    @property
    def auth(self) -> tuple[str, str]:
        """User name and password, as HTTP clients take them."""
        return self.username, self.password

    @property
    def certificate(self) -> Path:
        """The PEM file that a client trusts."""
        return Path(self._started_server.certificate)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context for clients that trusts this mock server alone, and checks its name."""
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
        return self._running.journal.page().calls[::-1]

    @property
    def synchronizations(self) -> list[Synchronization]:
        """The accepted sync-ups that the journal holds, oldest first, and how they stand now."""
        return synchronizations_of(self.calls, self._running.clock())

    def log(self) -> str:
        """Return a line for each call that the journal holds and each stub that answered none, then for the tenants."""
        lines = [f"{call.number}: {line(call)}" for call in self.calls]
        lines += [f"no TLS with a client: {why}" for why in self._failures]
        # those of the start are no test's
        idle = [mapping for mapping in self._running.stubs.idle if mapping not in self._running.stubs.initial]
        lines += [idle_stub(mapping, self.calls) for mapping in idle[:_IDLE_REPORTED]]
        for name, tenant in self._running.tenants.items():
            calls = reversed(tenant.journal.page().calls)
            lines += [f"{name} {call.number}: {line(call)}" for call in calls]
        return "\n".join(lines)

    def wait_for_calls(
        self,
        count: int = 1,
        timeout: float = 5.0,
        **wanted: Unpack[WantedCall],
    ) -> list[Call]:
        """Wait for calls, and return them; those that have come already count. Their answers may still be on the way.

        Args:
            count: how many there must be, at least
            timeout: how long to wait, in seconds
            wanted: what these calls must be like, as in ``WantedCall``: ``method``, ``path``, ``status``, ``ref_url``,
                ``sincetime``, and ``request``, a request pattern of WireMock's

        Raises:
            AssertionError: there were fewer until then; the message tells the nearest
            UndecidedError: a regular expression was stopped, so that nobody knows whether it matches
        """
        __tracebackhide__ = True
        pattern = pattern_of(wanted)
        found = wait(self._running.journal, pattern, count, timeout)
        return self._waited(found, pattern, count, timeout)

    async def async_wait_for_calls(
        self,
        count: int = 1,
        timeout: float = 5.0,
        **wanted: Unpack[WantedCall],
    ) -> list[Call]:
        """Wait as ``wait_for_calls`` does, and let the event loop go on meanwhile."""
        __tracebackhide__ = True
        pattern = pattern_of(wanted)
        found = await async_wait(self._running.journal, pattern, count, timeout)
        return self._waited(found, pattern, count, timeout)

    def _waited(self, found: list[Call] | None, wanted: RequestPattern, count: int, timeout: float) -> list[Call]:
        __tracebackhide__ = True
        if found is not None:
            return found
        message = shortfall(wanted, self._running.journal.page(), count, self._failures)
        raise AssertionError(f"waited {timeout:g} s; {message}")

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
        wanted: dict[str, Any] = {"ref_url": ref_url, "sincetime": sincetime}
        self._verify(pattern_of(cast("WantedCall", wanted), synchronized=True), times)

    def assert_called(
        self,
        times: int | None = None,
        **wanted: Unpack[WantedCall],
    ) -> None:
        """Verify that there was a call, or a number of them.

        Args:
            times: how many there must have been; None: at least one
            wanted: as in ``wait_for_calls``

        Raises:
            AssertionError: there was not; the message tells the nearest
            UndecidedError: a regular expression was stopped, so that nobody knows whether it matches
        """
        __tracebackhide__ = True
        self._verify(pattern_of(wanted), times)

    def assert_not_called(
        self,
        **wanted: Unpack[WantedCall],
    ) -> None:
        """Verify that there was no such call; the arguments are as in ``wait_for_calls``.

        Raises:
            AssertionError: there was one, or the journal has dropped calls and nobody can tell
            UndecidedError: a regular expression was stopped, so that nobody knows whether it matches
        """
        __tracebackhide__ = True
        self._verify(pattern_of(wanted), 0)

    def _verify(self, wanted: RequestPattern, times: int | None) -> None:
        # what pytest shows of a failed test is the test, not this
        __tracebackhide__ = True
        message = fault(wanted, self._running.journal.page(), times, self._failures)
        if message is not None:
            raise AssertionError(message)

    def fail_next(self, status: int = 503, times: int = 1, error_type: str | None = None) -> None:
        """Let the next calls be refused, in the product's form.

        Args:
            status: to answer with, from 400
            times: how many calls
            error_type: the ``errorType``; None: the first that the product's table has for the status, or
                ``processing.failed`` where it has none; one that the table lacks may be given

        Raises:
            ValueError: a status that is no refusal, or an ``errorType`` that is misspelt or has another status
        """
        self._running.stubs.add(error_stub(status, times, error_type))

    def drop_next(self, fault: Fault | str, times: int = 1) -> None:
        """Let the next calls meet a fault of the connection instead of an answer.

        Raises:
            ValueError: a fault that is none of ``Fault``
        """
        self._running.stubs.add(fault_stub(fault, times))

    def stub(self, mapping: Mapping[str, Any]) -> str:
        """Have some requests answered by a stub mapping of WireMock's instead of the product.

        Args:
            mapping: as in its JSON, ``{"request": {"urlPath": …}, "response": {"status": 502}}``

        Returns:
            its id

        Raises:
            ValueError: it is not valid, or has an id that is taken
        """
        if not isinstance(mapping, Mapping):
            raise TypeError(f"a stub mapping must be a dictionary, not {type(mapping).__name__}")
        # only for those who use it, since it takes time to load
        from mockcvp.stubs.mapping_schema import parse_stub_mapping

        try:
            added = parse_stub_mapping(dict(mapping))
        except ValidationError as exc:
            raise ValueError("; ".join(error_lines(exc, dict(mapping)))) from None
        self._running.stubs.add(added)
        return added.id

    def delay(self, seconds: float) -> None:
        """Hold back every answer from now on, 0 for none; in seconds."""
        if not isinstance(seconds, int | float):
            raise TypeError(f"seconds must be a number, not {seconds!r}")
        if not 0 <= seconds < 3600:
            raise ValueError(f"seconds must be from 0 to 3600, not {seconds}")
        self._running.stubs.set_delays(Delays(seconds), {"fixedDelay": round(seconds * 1000)})

    def throttle(self, concurrent: int) -> None:
        """Answer requests beyond so many at the same time with 503 ``processing.throttled``, as the product does."""
        if concurrent < 0:
            raise ValueError(f"concurrent must be 0 or above, not {concurrent}")
        self._running.oamp.max_in_flight = concurrent

    def set_outcome(self, server: str, outcome: Outcome, duration: float | None = None) -> None:
        """Say how the coming sync-ups of a server go.

        Args:
            server: a reference to it, or its id
            outcome: ``Success`` or ``Failure``
            duration: how long they take, in seconds; None: as until now

        Raises:
            ValueError: no such server, or a value that is not valid
        """
        servers = self._running.oamp.servers
        known = servers.get(server_id(server))
        if known is None:
            ids = ", ".join(one.id for one in list(servers)[:_IDLE_REPORTED])
            raise ValueError(f"the deployment has no server {server_id(server)!r}; it has {ids or 'none'}")
        changes = {"outcome": outcome} if duration is None else {"outcome": outcome, "duration": duration}
        try:
            servers.change(type(known).model_validate(known.model_dump() | changes))
        except ValidationError as exc:
            raise ValueError("; ".join(error_lines(exc))) from None

    def tenant(self, **settings: Any) -> "MockCVP":
        """Return a mock server for another user of this server: its deployment, clock, faults and journal are its own.

        Args:
            settings: that may differ from this mock server's; ``username`` and ``password`` are made up where not given

        Raises:
            ValueError: a name that is taken, or a setting that is not valid
        """
        if self._root is not None:
            raise ValueError("a tenant has no tenants of its own: ask the mock server that it belongs to")
        fixed = sorted(_AT_START_ONLY & settings.keys())
        if fixed:
            raise ValueError(f"{', '.join(fixed)} can be set at the start alone")
        try:
            state = new_tenant(self._running, **settings)
        except ValidationError as exc:
            raise ValueError("; ".join(error_lines(exc))) from None
        tenant = MockCVP()
        tenant._root, tenant._failures = self, self._failures
        tenant._server, tenant._state, tenant._settings = self._server, state, state.settings
        tenant._opened = ExitStack()
        tenant._opened.callback(self._forget, state)
        return tenant

    def _forget(self, tenant: MockState) -> None:
        # another may have its name since a reset
        if self._state.tenants.get(tenant.settings.username) is tenant:
            del self._state.tenants[tenant.settings.username]

    @property
    def clock(self) -> Clock:
        """The clock that sync-ups go by: ``freeze``, ``advance``, ``resume``."""
        return self._running.clock

    def reset(self, **settings: Any) -> None:
        """Bring everything back as it was at the start, with these settings instead of those of the start.

        Raises:
            ValueError: a setting that is not valid, or that a mock server takes up at its start alone
        """
        fixed = sorted((_AT_START_ONLY | {"username"} if self._root else _AT_START_ONLY) & settings.keys())
        if fixed:
            raise ValueError(f"{', '.join(fixed)} can be set at the start alone")
        state = self._running
        self._failures.clear()
        changed = self._settings.model_dump(exclude_unset=True) | settings
        state.reset(self._checked(changed) if settings else self._settings)
        state.tenants.clear()
