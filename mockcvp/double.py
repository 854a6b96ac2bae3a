"""The state of one running double, all of it: two doubles in one process share nothing."""

from mockcvp.journal import Journal
from mockcvp.oamp.api import OAMP
from mockcvp.oamp.authentication import CONSOLE_USER, Account
from mockcvp.settings import Settings


class Double:
    """One double: its settings, the OAMP that it stands in for, and what it remembers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.journal = Journal(settings.journal_calls, settings.journal_bytes)
        password = settings.password.get_secret_value()
        accounts = {CONSOLE_USER: Account(password, has_role=False), settings.username: Account(password)}
        self.oamp = OAMP(accounts, settings.max_in_process)
