"""The pytest fixtures, which import the mock server when a test first uses one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from mockcvp.testing.mock_cvp import MockCVP
    from mockcvp.testing.typed_settings import MockCVPSettings

_used: pytest.StashKey["MockCVP"] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "mock_cvp(**settings): settings of the `mock_cvp` mock server for this test only"
    )


@pytest.fixture(scope="session")
def mock_cvp_settings() -> "MockCVPSettings":
    """Return the settings of the mock server; override it to change them."""
    return {}


@pytest.fixture(scope="session")
def mock_cvp_server(mock_cvp_settings: "MockCVPSettings") -> "Iterator[MockCVP]":
    """Run one mock server for the session; each worker of pytest-xdist has its own session."""
    from mockcvp.testing.mock_cvp import MockCVP

    try:
        running = MockCVP(**mock_cvp_settings).start()
    except Exception as exc:
        raise _failure("mock_cvp_settings", exc) from None
    with running:
        yield running


@pytest.fixture
def mock_cvp(mock_cvp_server: "MockCVP", request: pytest.FixtureRequest) -> "MockCVP":
    """Reset the session's mock server and return it; ``@pytest.mark.mock_cvp(…)`` changes settings."""
    settings: dict[str, Any] = {}
    # The closest marker comes last, so that it wins.
    for marker in reversed(list(request.node.iter_markers("mock_cvp"))):
        if marker.args:
            raise pytest.fail.Exception(
                f"mock_cvp: use keyword arguments, as mock_cvp(unknown_servers=…), not {marker.args}", pytrace=False
            )
        settings |= marker.kwargs
    try:
        mock_cvp_server.reset(**settings)
    except Exception as exc:
        raise _failure("mock_cvp", exc) from None
    request.node.stash[_used] = mock_cvp_server
    return mock_cvp_server


def _failure(where: str, exc: Exception) -> BaseException:
    """Return the failure of a test with one line instead of a traceback, if the settings are the cause of an error."""
    from mockcvp.files import FileError
    from mockcvp.server.listener import StartError

    if isinstance(exc, FileError):
        start = f" (relative paths start at {Path.cwd()})" if str(exc).startswith("cannot read") else ""
        return pytest.fail.Exception(f"{where}: {exc.setting}: {exc}{start}", pytrace=False)
    if isinstance(exc, ValueError | TypeError | StartError):
        return pytest.fail.Exception(f"{where}: {exc}", pytrace=False)
    return exc


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
    """Add the calls of a failed test to its report."""
    report = yield
    used = item.stash.get(_used, None)
    if used is not None and report.failed:
        # A later teardown of the session can fail after the mock server has stopped.
        calls = (used.report() or "none") if used.is_running else "the mock server has stopped"
        report.sections.append(("mockcvp: the calls of this test", calls))
    return report
