"""The class ``MockCVP``, which runs a mock server in a thread."""

import ssl
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from pydantic import BaseModel, ValidationError

from mockcvp.clock import Clock
from mockcvp.journal import Call
from mockcvp.messages import error_lines
from mockcvp.oamp.deployment import Outcome
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from mockcvp.state import MockState, new_tenant
from mockcvp.stubs.pattern import RequestPattern, matching
from mockcvp.stubs.response import Delays, Fault
from mockcvp.testing.assertions import WantedCall, mismatch, pattern_of, shortfall
from mockcvp.testing.one_shot import error_stub, fault_stub
from mockcvp.testing.report import log_of
from mockcvp.testing.server_search import find_server
from mockcvp.testing.synchronizations import Synchronization, synchronizations_of
from mockcvp.testing.typed_settings import ChangeableSettings, MockCVPSettings, check_names

if TYPE_CHECKING:
    import httpx

_DRAIN_SECONDS = 0.5
_MAX_TLS_ERRORS = 20


class MockCVP:
    """A mock server in a thread: ``with MockCVP() as cvp: …``, or ``start`` and ``stop``.

    It listens on a free port of 127.0.0.1, has a temporary certificate, and shares nothing with other mock servers.
    Its methods are thread-safe.

    Args:
        settings: the fields of ``Settings``, except ``log_level``

    Raises:
        ValueError: a setting is not valid
    """

    def __init__(self, **settings: Unpack[MockCVPSettings]) -> None:
        if "log_level" in settings:
            raise ValueError("log_level belongs to the command: in Python, set the level of the logger 'mockcvp'")
        check_names(settings, MockCVPSettings.__annotations__)
        self._given = {"port": 0, **settings}
        self._checked(self._given)
        self._resources: ExitStack | None = None
        self._root: MockCVP | None = None
        self._tls_errors: deque[str] = deque(maxlen=_MAX_TLS_ERRORS)

    @property
    def _running(self) -> MockState:
        if self._resources is None:
            raise RuntimeError("this mock server is not running: call start(), or use it in a with statement")
        return self._state

    def start(self) -> Self:
        """Start the mock server, and return when it is ready.

        Raises:
            StartError: the server cannot listen or use its certificate
            FileError: the deployment file or a mapping file is not valid
        """
        if self._resources is not None:
            raise RuntimeError("this mock server is already running")
        if self._root is not None:
            raise RuntimeError("a stopped tenant cannot start again: create another one with tenant()")
        with ExitStack() as resources:
            given = dict(self._given)
            if "cert_dir" not in given and "cert" not in given:
                given["cert_dir"] = resources.enter_context(tempfile.TemporaryDirectory(prefix="mockcvp-"))
            self._settings = self._checked(given)
            self._state = MockState(self._settings)
            # The import of FastAPI is slow, and a session that starts no mock server does not need it.
            from mockcvp.app import create_app

            app = create_app(state=self._state)
            self._server = Server(app, self._settings, _DRAIN_SECONDS, self._tls_errors.append)
            resources.callback(self._server.serving())
            self._resources = resources.pop_all()
        return self

    def stop(self) -> None:
        """Stop the mock server after at most half a second for calls in flight; a second call has no effect."""
        resources, self._resources = self._resources, None
        if resources is not None:
            resources.close()

    def __enter__(self) -> Self:
        # A tenant is running from the start.
        return self if self.is_running else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the mock server is running."""
        return self._resources is not None

    @staticmethod
    def _checked(settings: dict[str, Any]) -> Settings:
        with _value_errors(model=Settings):
            return Settings.model_validate(settings)

    @property
    def _running_server(self) -> Server:
        _ = self._running  # This raises a RuntimeError if the server is not running.
        return self._server

    @property
    def url(self) -> str:
        """The base URL of OAMP: ``https://127.0.0.1:PORT/cvp-config``."""
        return self._running_server.url

    @property
    def admin_url(self) -> str:
        """The base URL of the control API: ``https://127.0.0.1:PORT/__admin``; each tenant has a separate one."""
        url = self._running_server.admin_url
        return url if self._root is None else f"{url}/cvp/tenants/{self.username}"

    @property
    def username(self) -> str:
        """The user with access to OAMP."""
        return self._running.settings.username

    @property
    def password(self) -> str:
        """The password of that user."""
        return self._running.settings.password.get_secret_value()

    @property
    def auth(self) -> tuple[str, str]:
        """The user name and password, for an HTTP client."""
        return self.username, self.password

    @property
    def certificate(self) -> Path:
        """The PEM file of the certificate."""
        return Path(self._running_server.certificate)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a client's SSL context that trusts only this mock server, and checks host names."""
        return ssl.create_default_context(cafile=self.certificate)

    def client(self, **options: Any) -> "httpx.Client":
        """Return an ``httpx.Client`` for relative paths, as ``client.post("command/synchronize")``.

        Args:
            options: options of ``httpx.Client``, which override the base URL, the credentials and the TLS context
        """
        import httpx

        defaults: dict[str, Any] = {"base_url": self.url, "auth": self.auth, "verify": self.ssl_context()}
        return httpx.Client(**(defaults | {"trust_env": False} | options))

    @property
    def calls(self) -> list[Call]:
        """The calls in the journal, oldest first."""
        return self._running.journal.page().calls[::-1]

    @property
    def synchronizations(self) -> list[Synchronization]:
        """The accepted sync-ups in the journal with their current states, oldest first."""
        return synchronizations_of(self.calls, self._running.clock())

    def log(self) -> str:
        """Return a line for each call, failed TLS handshake, stub without a match, and call of a tenant."""
        return log_of(self._running, self._tls_errors, is_complete=True)

    def report(self) -> str:
        """Return the log with only the first 5 and the last 20 calls; pytest shows it for a failed test."""
        return log_of(self._running, self._tls_errors, is_complete=False)

    def wait_for_calls(self, count: int = 1, timeout: float = 5.0, **wanted: Unpack[WantedCall]) -> list[Call]:
        """Wait for matching calls, and return them; their responses may not be sent yet. Earlier calls count too.

        Args:
            count: the minimum number of calls
            timeout: in seconds
            wanted: the conditions of ``WantedCall``: ``method``, ``path``, ``status``, ``ref_url``, ``sincetime``, and
                ``request``, a WireMock request pattern

        Raises:
            AssertionError: too few calls within the timeout; the message shows the nearest ones
            UndecidedError: a regular expression took too long
        """
        __tracebackhide__ = True
        pattern = pattern_of(wanted)
        found = self._running.journal.wait_for(partial(matching, pattern), count, timeout)
        return self._waited(found, pattern, count, timeout)

    async def async_wait_for_calls(
        self, count: int = 1, timeout: float = 5.0, **wanted: Unpack[WantedCall]
    ) -> list[Call]:
        """Wait as ``wait_for_calls`` does, without blocking the event loop."""
        __tracebackhide__ = True
        pattern = pattern_of(wanted)
        found = await self._running.journal.async_wait_for(partial(matching, pattern), count, timeout)
        return self._waited(found, pattern, count, timeout)

    def _waited(self, found: list[Call] | None, wanted: RequestPattern, count: int, timeout: float) -> list[Call]:
        __tracebackhide__ = True
        if found is not None:
            return found
        message = shortfall(wanted, self._running.journal.page(), count, self._tls_errors)
        raise AssertionError(f"waited {timeout:g} s; {message}")

    def assert_synchronized(
        self, ref_url: str | None = None, sincetime: int | None = None, times: int | None = None
    ) -> None:
        """Verify that a sync-up was accepted.

        Args:
            ref_url: the reference or id of the server; None for any server
            sincetime: the ``sincetime`` of the request; None for any
            times: the number of calls; None for at least one

        Raises:
            AssertionError: the number of calls is wrong; the message shows the nearest ones
        """
        __tracebackhide__ = True
        wanted: dict[str, Any] = {"ref_url": ref_url, "sincetime": sincetime}
        self._verify(pattern_of(cast("WantedCall", wanted), synchronized=True), times)

    def assert_called(self, times: int | None = None, **wanted: Unpack[WantedCall]) -> None:
        """Verify the number of matching calls.

        Args:
            times: the number of calls; None for at least one
            wanted: the conditions of ``wait_for_calls``

        Raises:
            AssertionError: the number of calls is wrong; the message shows the nearest ones
            UndecidedError: a regular expression took too long
        """
        __tracebackhide__ = True
        self._verify(pattern_of(wanted), times)

    def assert_not_called(self, **wanted: Unpack[WantedCall]) -> None:
        """Verify that there is no matching call; the arguments are the conditions of ``wait_for_calls``.

        Raises:
            AssertionError: there is a matching call, or the journal has dropped calls
            UndecidedError: a regular expression took too long
        """
        __tracebackhide__ = True
        self._verify(pattern_of(wanted), 0)

    def _verify(self, wanted: RequestPattern, times: int | None) -> None:
        # Pytest then shows the line of the test, not of this method.
        __tracebackhide__ = True
        if message := mismatch(wanted, self._running.journal.page(), times, self._tls_errors):
            raise AssertionError(message)

    def fail_next(self, status: int = 503, times: int = 1, error_type: str | None = None) -> None:
        """Respond to the next calls with an error of OAMP.

        Args:
            status: 400 or above
            times: the number of calls
            error_type: the ``errorType``, which need not be documented; None for the first documented one with the
                status, or else ``processing.failed``

        Raises:
            ValueError: the status is not valid, or the ``errorType`` is misspelt or documented with another status
        """
        self._running.stubs.add(error_stub(status, times, error_type))

    def drop_next(self, fault: Fault | str, times: int = 1) -> None:
        """Apply a socket fault to the next calls instead of responding.

        Raises:
            ValueError: ``Fault`` has no such member
        """
        self._running.stubs.add(fault_stub(fault, times))

    def stub(self, mapping: Mapping[str, Any]) -> str:
        """Add a WireMock stub mapping and return its id.

        Args:
            mapping: the JSON of the mapping, ``{"request": {"urlPath": …}, "response": {"status": 502}}``

        Raises:
            ValueError: the mapping is not valid, or its id is in use
        """
        if not isinstance(mapping, Mapping):
            raise TypeError(f"a stub mapping must be a dictionary, not {type(mapping).__name__}")
        # This import is slow, and most tests do not need it.
        from mockcvp.stubs.mapping_schema import parse_stub_mapping

        with _value_errors(dict(mapping)):
            added = parse_stub_mapping(dict(mapping))
        self._running.stubs.add(added)
        return added.id

    def delay(self, seconds: float) -> None:
        """Delay every response by a number of seconds; 0 ends the delay."""
        if not isinstance(seconds, int | float):
            raise TypeError(f"seconds must be a number, not {seconds!r}")
        if not 0 <= seconds < 3600:
            raise ValueError(f"seconds must be from 0 to 3600, not {seconds}")
        self._running.stubs.set_delays(Delays(seconds), {"fixedDelay": round(seconds * 1000)})

    def throttle(self, concurrent: int) -> None:
        """Respond with 503 ``processing.throttled`` if more than this number of requests are in flight."""
        if concurrent < 0:
            raise ValueError(f"concurrent must be 0 or above, not {concurrent}")
        self._running.oamp.max_in_flight = concurrent

    def set_outcome(self, server: str, outcome: Outcome, duration: float | None = None) -> None:
        """Set the outcome of later sync-ups of a server.

        Args:
            server: the id, refURL or host name of the server
            outcome: ``Success`` or ``Failure``
            duration: the duration of the sync-ups, in seconds; None keeps the current one

        Raises:
            ValueError: the deployment has no such server, several servers have the host name, or a value is not valid
        """
        servers = self._running.oamp.servers
        known = find_server(servers, server)
        changes = {"outcome": outcome} if duration is None else {"outcome": outcome, "duration": duration}
        with _value_errors():
            servers.change(type(known).model_validate(known.model_dump() | changes))

    def tenant(self, **settings: Unpack[ChangeableSettings]) -> "MockCVP":
        """Add a tenant: a mock server for the calls of another user, with a separate deployment, clock and journal.

        Args:
            settings: settings that differ from this mock server's; ``username`` and ``password`` are random by default

        Raises:
            ValueError: the name is in use, or a setting is not valid
        """
        if self._root is not None:
            raise ValueError("a tenant has no tenants: call tenant() of the mock server")
        check_names(settings, ChangeableSettings.__annotations__, Settings.at_start())
        with _value_errors():
            state = new_tenant(self._running, **settings)
        tenant = MockCVP()
        tenant._root, tenant._tls_errors = self, self._tls_errors
        tenant._server, tenant._state, tenant._settings = self._server, state, state.settings
        tenant._resources = ExitStack()
        tenant._resources.callback(self._remove, state)
        return tenant

    def _remove(self, tenant: MockState) -> None:
        # After a reset, another tenant may have the same name.
        if self._state.tenants.get(tenant.settings.username) is tenant:
            del self._state.tenants[tenant.settings.username]

    @property
    def clock(self) -> Clock:
        """The clock of the sync-ups: ``freeze``, ``advance``, ``set``, ``resume``."""
        return self._running.clock

    def reset(self, **settings: Unpack[ChangeableSettings]) -> None:
        """Restore the state of the start without tenants, and override some settings until the next reset.

        Raises:
            ValueError: a setting is not valid, or cannot change while the mock server runs
        """
        fixed = Settings.at_start() | ({"username"} if self._root else set())
        check_names(settings, ChangeableSettings.__annotations__, fixed)
        state = self._running
        self._tls_errors.clear()
        changed = {**self._settings.model_dump(exclude_unset=True), **settings}
        state.reset(self._checked(changed) if settings else self._settings)
        state.tenants.clear()


@contextmanager
def _value_errors(given: object = None, model: type[BaseModel] | None = None) -> Iterator[None]:
    """Convert validation errors of some input to ``ValueError``."""
    try:
        yield
    except ValidationError as exc:
        raise ValueError("; ".join(error_lines(exc, given, model))) from None
