from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_skipped_tests_are_counted_by_their_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.skipif(True, reason="Go is not on this machine: apt-get install golang-go")
        @pytest.mark.parametrize("time", range(3))
        def test_of_go(time):
            pass

        @pytest.fixture
        def curl():
            pytest.skip("curl is not on this machine: apt-get install curl")

        def test_of_curl(curl):
            pass

        @pytest.mark.xfail
        def test_that_fails():
            assert False

        def test_that_runs():
            pass
        """
    )
    result = pytester.runpytest_subprocess("-q", "-n", workers)
    result.assert_outcomes(skipped=4, passed=1, xfailed=1)
    lines = [line for line in result.outlines if " skipped: " in line]
    assert lines == [
        "3 skipped: Go is not on this machine: apt-get install golang-go",
        "1 skipped: curl is not on this machine: apt-get install curl",
    ]


def test_nothing_is_reported_if_no_test_is_skipped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile("def test_that_runs(): pass")
    assert "skipped" not in pytester.runpytest_subprocess("-q").stdout.str()


def test_hypothesis_has_no_deadline() -> None:
    assert settings.default
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
