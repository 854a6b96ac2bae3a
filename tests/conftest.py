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

# Hypothesis fails a test for a slow example, which happens on a loaded machine.
settings.register_profile("mockcvp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mockcvp")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of skipped tests for each reason."""
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
    """A shared mock server with the default settings. Its journal is not cleared."""
    shared_server.forget_lines()
    return shared_server


@pytest.fixture(scope="session")
def client(shared_server: ServerProcess) -> Iterator[httpx.Client]:
    with shared_server.client() as client:
        yield client


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    # The time zone has an unusual offset, so that a time in another zone fails a test.
    with ServerProcess(tmp_path_factory.mktemp("certs"), env={"TZ": "America/Phoenix"}) as server:
        yield server


@pytest.fixture(scope="session")
def _connected(deployed: ServerProcess) -> Iterator[tuple[Admin, httpx.Client]]:
    admin = Admin(deployed)
    with admin.client, deployed.client(headers={"Accept": JSON}) as client:
        yield admin, client


@pytest.fixture
def admin(_connected: tuple[Admin, httpx.Client]) -> Admin:
    """The control API of a mock server with a server of each type and a clock frozen at noon."""
    admin, _ = _connected
    admin("POST", "reset")
    admin("PUT", "cvp/deployment", {"servers": SERVERS})
    admin("PUT", "cvp/clock", {"frozen": True, "now": NOON})
    return admin


@pytest.fixture
def cvp(admin: Admin, _connected: tuple[Admin, httpx.Client]) -> httpx.Client:
    """A client of the OAMP of the same mock server."""
    assert admin
    return _connected[1]


@pytest.fixture
def command_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """A function that runs the command with arguments in this process, and returns the error line."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    level = logging.getLogger("mockcvp").level

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as exc:
            main(arguments)
        assert exc.value.code == 2
        return only_line(capsys.readouterr().err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.getLogger("mockcvp").setLevel(level)
