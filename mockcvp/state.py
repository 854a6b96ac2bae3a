"""The state of one running mock server, all of it: two mock servers in one process share nothing."""

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
"""How much memory the journals of a mock server and its tenants may take together, in bytes."""

_TENANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class TooManyTenants(ValueError):
    """A tenant for which a mock server has no room."""


class Generation:
    """The time from one reset of a mock server to the next.

    Attributes:
        in_flight: how many requests are in process that came in this time
    """

    def __init__(self) -> None:
        self.in_flight = 0


class MockState:
    """One mock server: its settings, the OAMP that it stands in for, its clock, what goes wrong, and what it remembers.

    Its tenants are mock servers of their own, by their user names: their users' calls meet them, and not this one.

    Raises:
        FileError: the deployment's file or one of stub mappings cannot be used
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
        self._read_deployment = self._read(settings)
        servers, version = self._servers(self._read_deployment), self._version(self._read_deployment)
        accounts, limits = _accounts(settings), _limits(settings)
        self.oamp = OAMP(accounts, servers, version, settings.max_in_flight, limits, settings.release)

    def add_tenant(self, settings: Settings) -> "MockState":
        """Return a mock server of its own for the calls of another user.

        Args:
            settings: of that mock server; its user name is the tenant's name

        Raises:
            ValueError: a name that is taken, or that cannot stand in a path
            TooManyTenants: there are too many, or their journals may take too much memory
        """
        name = settings.username
        if not _TENANT_NAME.fullmatch(name):
            wanted = "begins with a letter or digit and has at most 64 of these, '.', '-' and '_'"
            # the name is not quoted, since a client may have sent its password there
            raise ValueError(f"a tenant's name {wanted}")
        if name in self.tenants or name in self.oamp.accounts:
            raise ValueError(f"the name {name!r} is taken")
        self._check_room(settings)
        self.tenants[name] = MockState(settings)
        return self.tenants[name]

    def _check_room(self, tenant: Settings) -> None:
        """Raise ``TooManyTenants`` where there is no room for one tenant more."""
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
        """The deployment as it is now, with what was changed and added."""
        return Deployment.model_construct(version=self.oamp.version, servers=tuple(self.oamp.servers))

    def deploy(self, deployment: Deployment) -> None:
        """Replace the deployment; no sync-up of its servers has been started yet."""
        self.oamp.version = self._version(deployment)
        self.oamp.servers = self._servers(deployment)

    def reset(self, settings: Settings | None = None) -> None:
        """Bring everything back as it was at the start: the deployment, the clock, no fault, an empty journal.

        Args:
            settings: to go on with, instead of those until now
        """
        if settings is not None and settings != self.settings:
            self._read_deployment = self._read(settings)
            self.settings = settings
            self.oamp.accounts = _accounts(settings)
            self.oamp.limits = _limits(settings)
            self.oamp.release = RELEASES[settings.release]
            self.journal.bound(settings.journal_max_calls, settings.journal_max_bytes)
        self.oamp.max_in_flight = self.settings.max_in_flight
        self.generation = Generation()
        self.stubs.reset()
        self.clock.reset()
        self.deploy(self._read_deployment)
        self.journal.clear()

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
        state: the mock server, whose settings the tenant shares
        settings: the settings that differ; the user name and the password are random by default

    Raises:
        ValueError: a name that is taken or that no tenant can have
        pydantic.ValidationError: a setting that is not valid
    """
    credentials = {"username": f"tenant-{token_hex(6)}", "password": token_urlsafe(12)}
    shared = state.settings.model_dump(exclude_unset=True)
    return state.add_tenant(type(state.settings).model_validate(shared | credentials | settings))


def _mappings(directory: Path) -> tuple[StubMapping, ...]:
    # only where there are some, since what reads them takes time to load
    from mockcvp.stubs.mapping_files import load as load_mappings

    return load_mappings(directory)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.max_depth, settings.max_elements, settings.max_servers)


def _accounts(settings: Settings) -> dict[str, Account]:
    password = settings.password.get_secret_value()
    return {CONSOLE_USER: Account(password, has_role=False), settings.username: Account(password)}
