import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

from mockcvp.cli import main
from tests.admin_client import NOON, SERVERS, Admin
from tests.server_process import JSON, ServerProcess, only_line

# a slow machine is no failure: Hypothesis would stop a test for a time that one example, or drawing it, takes
settings.register_profile("mockcvp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mockcvp")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for which tests were skipped, with their number."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    for reason, tests in reasons.most_common():
        terminalreporter.write_line(f"{tests} skipped: {reason}")


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("certs")) as running:
        yield running


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One mock server with the default settings, for all tests that need no other; its journal is the caller's to clear."""
    shared_server.forget_lines()
    return shared_server


@pytest.fixture(scope="session")
def client(shared_server: ServerProcess) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    # a time zone with an offset of its own, so that a time in the wrong one is seen
    with ServerProcess(tmp_path_factory.mktemp("certs"), env={"TZ": "America/Phoenix"}) as server:
        yield server


@pytest.fixture(scope="session")
def _connected(deployed: ServerProcess) -> Iterator[tuple[Admin, httpx.Client]]:
    admin = Admin(deployed)
    with admin.client, deployed.client(headers={"Accept": JSON}) as client:
        yield admin, client


@pytest.fixture
def admin(_connected: tuple[Admin, httpx.Client]) -> Admin:
    """The control API of a mock server with servers of each kind, whose clock stands still at noon."""
    admin, _ = _connected
    admin("POST", "reset")
    admin("PUT", "cvp/deployment", {"servers": SERVERS})
    admin("PUT", "cvp/clock", {"frozen": True, "now": NOON})
    return admin


@pytest.fixture
def cvp(admin: Admin, _connected: tuple[Admin, httpx.Client]) -> httpx.Client:
    """A client of that mock server's OAMP."""
    assert admin
    return _connected[1]


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """What the command refuses with, asked in this process, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    level = logging.getLogger("mockcvp").level

    def ask(*arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 2
        return only_line(capsys.readouterr().err)

    yield ask
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.getLogger("mockcvp").setLevel(level)
