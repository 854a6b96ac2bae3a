"""The state of one running double, all of it: two doubles in one process share nothing."""

from mockcvp.clock import Clock
from mockcvp.deployment_file import load
from mockcvp.journal import Journal
from mockcvp.oamp.api import OAMP
from mockcvp.oamp.authentication import CONSOLE_USER, Account
from mockcvp.oamp.deployment import BUILT_IN, Deployment
from mockcvp.oamp.sync_ups import Servers
from mockcvp.settings import Settings


class Double:
    """One double: its settings, the OAMP that it stands in for, its clock, and what it remembers.

    Raises:
        DeploymentError: the deployment's file cannot be used
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.journal = Journal(settings.journal_calls, settings.journal_bytes)
        self.clock = Clock()
        self._deployment = load(settings.deployment) if settings.deployment else BUILT_IN
        password = settings.password.get_secret_value()
        accounts = {CONSOLE_USER: Account(password, has_role=False), settings.username: Account(password)}
        servers, version = self._servers(self._deployment), self._deployment.version
        self.oamp = OAMP(accounts, servers, version, settings.max_in_process)

    @property
    def deployment(self) -> Deployment:
        """The deployment as it is now, with what was changed and added."""
        return Deployment.model_construct(version=self.oamp.version, servers=tuple(self.oamp.servers))

    def deploy(self, deployment: Deployment) -> None:
        """Replace the deployment; no sync-up of its servers has been started yet."""
        self.oamp.version = deployment.version
        self.oamp.servers = self._servers(deployment)

    def reset(self) -> None:
        """Bring everything back as it was at the start: the deployment, the clock, an empty journal."""
        self.clock.reset()
        self.deploy(self._deployment)
        self.journal.clear()

    def _servers(self, deployment: Deployment) -> Servers:
        return Servers(deployment, self.clock, accepts_unknown=self.settings.unknown_servers == "accept")
