"""The state of one mock server. Two mock servers in one process share nothing."""

import re
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

from mockcvp.clock import Clock
from mockcvp.files import load_deployment
from mockcvp.journal import Journal
from mockcvp.oamp.authentication import CONSOLE_USER, Account
from mockcvp.oamp.deployment import BUILT_IN, Deployment, Version
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.releases import RELEASES
from mockcvp.oamp.service import OAMP
from mockcvp.oamp.sync_ups import Servers
from mockcvp.pipeline.request_body import UnfinishedBodies
from mockcvp.settings import Settings
from mockcvp.stubs.mapping import StubMapping, Stubs

MOST_TENANTS = 100
MOST_JOURNAL_BYTES = 2 * 1024**3
"""The maximum memory of the journals of a mock server and its tenants, in bytes."""

_TENANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class TooManyTenants(ValueError):
    """A further tenant would exceed a limit."""


class Generation:
    """The time between two resets of a mock server. Requests of an earlier generation have no effect.

    Attributes:
        in_flight: the number of requests of this generation without a response
    """

    def __init__(self) -> None:
        self.in_flight = 0


class MockState:
    """The state of one mock server: its settings, OAMP, clock, stubs, journal and tenants.

    A tenant is a separate state for the requests of one user.

    Attributes:
        streams: the number of open streams of events

    Raises:
        FileError: the deployment file or a mapping file is not valid
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        mappings = _mappings(settings.mappings) if settings.mappings else ()
        self.journal = Journal(settings.journal_max_calls, settings.journal_max_bytes)
        self.clock = Clock()
        self.stubs = Stubs(mappings)
        self.generation = Generation()
        self.unfinished = UnfinishedBodies()
        self.tenants: dict[str, MockState] = {}
        self.streams = 0
        self._initial_deployment = self._read(settings)
        self.oamp = self._new_oamp()

    def add_tenant(self, settings: Settings) -> "MockState":
        """Add a tenant and return its state.

        Args:
            settings: the settings of the tenant; the user name is the tenant's name

        Raises:
            ValueError: the name is in use or not valid
            TooManyTenants: the maximum number of tenants, or the maximum memory of all journals, is exceeded
        """
        name = settings.username
        if not _TENANT_NAME.fullmatch(name):
            # The message does not quote the name, since a client may have sent its password there.
            raise ValueError(
                "a tenant's name begins with a letter or digit and has at most 64 of these, '.', '-' and '_'"
            )
        if name in self.tenants or name in self.oamp.accounts.by_name:
            raise ValueError(f"the name {name!r} is in use")
        self._check_limits(settings)
        self.tenants[name] = MockState(settings)
        return self.tenants[name]

    def _check_limits(self, tenant: Settings) -> None:
        if len(self.tenants) >= MOST_TENANTS:
            raise TooManyTenants(f"there are {MOST_TENANTS} tenants already: remove one first")
        journals = [self.settings, *(state.settings for state in self.tenants.values()), tenant]
        together = sum(settings.journal_max_bytes for settings in journals)
        if together > MOST_JOURNAL_BYTES:
            raise TooManyTenants(
                f"the journals of the mock server and {len(journals) - 1} tenants may take {together} bytes, more than "
                f"{MOST_JOURNAL_BYTES}: remove a tenant, or give the mock server a smaller --journal-max-bytes"
            )

    @property
    def deployment(self) -> Deployment:
        """The current deployment, with all changes and added servers."""
        return Deployment.model_construct(version=self.oamp.version, servers=tuple(self.oamp.servers))

    def deploy(self, deployment: Deployment) -> None:
        """Replace the deployment, without any sync-ups."""
        self.oamp.version = self._version(deployment)
        self.oamp.servers = self._servers(deployment)

    def reset(self, settings: Settings | None = None) -> None:
        """Restore the deployment, the clock and the stubs of the start, and clear the journal.

        Args:
            settings: the new settings; None keeps the current ones
        """
        if settings is not None and settings != self.settings:
            self._initial_deployment = self._read(settings)
            self.settings = settings
            self.journal.set_limits(settings.journal_max_calls, settings.journal_max_bytes)
        self.generation = Generation()
        self.stubs.reset()
        self.clock.reset()
        self.oamp = self._new_oamp()
        self.journal.clear()

    def _new_oamp(self) -> OAMP:
        """Return an OAMP with the settings and the deployment of the start."""
        settings, deployment = self.settings, self._initial_deployment
        limits = Limits(settings.max_depth, settings.max_elements, settings.max_servers)
        servers, version = self._servers(deployment), self._version(deployment)
        return OAMP(_accounts(settings), servers, version, settings.max_in_flight, limits, settings.release)

    def _read(self, settings: Settings) -> Deployment:
        if isinstance(settings.deployment, Deployment):
            return settings.deployment
        return load_deployment(settings.deployment) if settings.deployment else BUILT_IN

    def _version(self, deployment: Deployment) -> Version:
        has_version = "version" in deployment.model_fields_set
        return deployment.version if has_version else RELEASES[self.settings.release].version

    def _servers(self, deployment: Deployment) -> Servers:
        return Servers(deployment, self.clock, accepts_unknown=self.settings.unknown_servers == "accept")


def new_tenant(state: MockState, **settings: Any) -> MockState:
    """Add a tenant to a mock server and return the tenant's state.

    Args:
        state: the state of the mock server
        settings: settings that differ from the mock server's; the user name and the password are random by default

    Raises:
        ValueError: the name is in use or not valid
        pydantic.ValidationError: a setting is not valid
    """
    credentials = {"username": f"tenant-{token_hex(6)}", "password": token_urlsafe(12)}
    shared = state.settings.model_dump(exclude_unset=True)
    return state.add_tenant(type(state.settings).model_validate(shared | credentials | settings))


def _mappings(directory: Path) -> tuple[StubMapping, ...]:
    # This import is slow, and a mock server without mapping files does not need it.
    from mockcvp.stubs.mapping_files import load as load_mappings

    return load_mappings(directory)


def _accounts(settings: Settings) -> dict[str, Account]:
    password = settings.password.get_secret_value()
    return {CONSOLE_USER: Account(password, has_role=False), settings.username: Account(password)}
