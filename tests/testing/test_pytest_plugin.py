import re
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def plugin_tester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return pytester


def test_the_fixture_resets_the_mock_server(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        import pytest

        seen = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(mock_cvp, mock_cvp_server, time):
            seen.append(mock_cvp.url)
            assert mock_cvp is mock_cvp_server
            assert mock_cvp.calls == []
            assert len(set(seen)) == 1
            with mock_cvp.client() as client:
                assert client.post("command/synchronize").status_code == 202
            mock_cvp.fail_next(times=100)
        """
    )
    plugin_tester.runpytest_subprocess().assert_outcomes(passed=2)


def test_settings_can_change_for_a_session_and_for_a_test(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def mock_cvp_settings():
            return {"username": "own", "unknown_servers": "reject"}

        def test_of_the_session(mock_cvp):
            assert (mock_cvp.username, mock_cvp.password) == ("own", "wsmadmin")

        @pytest.mark.mock_cvp(password="for one", deployment={"servers": []})
        def test_with_a_marker(mock_cvp):
            assert mock_cvp.auth == ("own", "for one")
            with mock_cvp.client(headers={"Accept": "application/json"}) as client:
                assert client.get("server").json() == {"results": {"servers": None}}

        def test_of_the_session_again(mock_cvp):
            assert mock_cvp.password == "wsmadmin"

        @pytest.mark.mock_cvp(unknown_servers="accept", password="p")
        class TestOfAClass:
            @pytest.mark.mock_cvp(password="nearer")
            def test_with_two_markers(self, mock_cvp):
                assert mock_cvp.password == "nearer"
                with mock_cvp.client() as client:
                    body = {"synchronize": {"servers": {"server": "nobody"}}}
                    assert client.post("command/synchronize", json=body).status_code == 202

        @pytest.mark.mock_cvp("reject")
        def test_of_a_positional_setting(mock_cvp):
            raise AssertionError("not reached")

        @pytest.mark.mock_cvp(port=1)
        def test_of_a_setting_that_cannot_change(mock_cvp):
            raise AssertionError("not reached")

        @pytest.mark.mock_cvp(unknown_server="reject")
        def test_of_an_unknown_setting(mock_cvp):
            raise AssertionError("not reached")
        """
    )
    result = plugin_tester.runpytest_subprocess("--strict-markers", "-rN")
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines(
        [
            "mock_cvp: use keyword arguments, as mock_cvp(unknown_servers=…), not ('reject',)",
            "mock_cvp: port can only be set at the start",
            "mock_cvp: unknown_server: is not known here: is unknown_servers meant?",
        ]
    )
    assert result.stdout.str().count("unknown_server: is not known here") == 1
    assert "During handling of the above exception" not in result.stdout.str()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"usernme": "x"}, "mock_cvp_settings: usernme: is not known here: is username meant?"),
        ({"host": "no.such.host.invalid"}, "mock_cvp_settings: cannot listen on no.such.host.invalid: "),
        (
            {"deployment": "none.yaml"},
            "mock_cvp_settings: deployment: cannot read none.yaml: No such file or directory",
        ),
    ],
)
def test_an_invalid_setting_of_all_tests_is_reported_in_one_line(
    plugin_tester: pytest.Pytester, settings: dict[str, str], message: str
) -> None:
    plugin_tester.makepyfile(
        f"""
        import pytest

        @pytest.fixture(scope="session")
        def mock_cvp_settings():
            return {settings!r}

        def test_it(mock_cvp):
            raise AssertionError("not reached")
        """
    )
    result = plugin_tester.runpytest_subprocess("-rN")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"{message}*"])
    assert "Traceback" not in result.stdout.str()
    assert "mock_cvp.py" not in result.stdout.str()


def test_a_missing_file_of_one_test_is_reported_with_the_directory(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        import pytest

        @pytest.mark.mock_cvp(deployment="none.yaml")
        def test_it(mock_cvp):
            raise AssertionError("not reached")
        """
    )
    result = plugin_tester.runpytest_subprocess("-rN")
    place = f"(relative paths start at {plugin_tester.path})"
    assert f"mock_cvp: deployment: cannot read none.yaml: No such file or directory {place}" in result.stdout.str()


def test_the_report_of_a_failed_test_lists_its_calls(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        def test_it(mock_cvp):
            with mock_cvp.client() as client:
                body = {"synchronize": {"servers": {"server": {"refURL": "media-1", "sincetime": -1}}}}
                client.post("command/synchronize", json=body)
            mock_cvp.assert_synchronized("media-1")

        def test_other(mock_cvp):
            assert False

        def test_without(tmp_path):
            assert False
        """
    )
    result = plugin_tester.runpytest_subprocess()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: wanted: a sync-up of media-1, at least once; there were none",
            "E         call 1: your client sent sincetime=-1 and got 400 invalidInput.invalidSinceTime*",
            "*- mockcvp: the calls of this test -*",
            "1: 400 POST /cvp-config/command/synchronize wsmadmin invalidInput.invalidSinceTime*",
            "*- mockcvp: the calls of this test -*",
            "none",
        ]
    )
    # The report shows the line of the test, not of the verification.
    assert "def _verify" not in result.stdout.str()
    assert result.stdout.str().count("the calls of this test") == 2


def test_the_report_lists_the_first_and_the_last_calls(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        def test_it(mock_cvp):
            tenant = mock_cvp.tenant(username="run")
            with mock_cvp.client() as client:
                for _ in range(30):
                    client.get("version")
                    client.get("server", auth=tenant.auth)
                assert len(mock_cvp.log().splitlines()) == 60
                assert False
        """
    )
    result = plugin_tester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    listed = result.stdout.str().partition("mockcvp: the calls of this test -")[2]
    numbers = [*range(1, 6), *range(11, 31)]
    assert re.findall(r"^(?:run )?(\d+): 200", listed, re.MULTILINE) == [*map(str, numbers + numbers)]
    for first, last in (("5: 200", "11: 200"), ("run 5: 200", "run 11: 200")):
        assert re.search(rf"^{first}.*\n… 5 more calls\n{last}", listed, re.MULTILINE)


def test_the_plugin_imports_nothing_until_a_fixture_is_used(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        import sys

        def test_it():
            loaded = [name for name in sys.modules if name.split(".")[0] in ("mockcvp", "fastapi", "uvicorn", "pydantic")]
            assert sorted(loaded) == ["mockcvp", "mockcvp.testing", "mockcvp.testing.pytest_plugin"]
        """
    )
    plugin_tester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_each_worker_of_xdist_has_a_separate_mock_server(plugin_tester: pytest.Pytester) -> None:
    plugin_tester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(20))
        def test_it(mock_cvp, number):
            with mock_cvp.client() as client:
                client.get("version")
            mock_cvp.assert_called(times=1)
        """
    )
    plugin_tester.runpytest_subprocess("-n", "2").assert_outcomes(passed=20)


def test_the_example_passes_in_a_new_environment(tmp_path: Path) -> None:
    import shutil
    import subprocess

    root = Path(__file__).parents[2]
    example = tmp_path / "pytest"
    shutil.copytree(root / "examples" / "pytest", example, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    subprocess.run([sys.executable, "-m", "venv", str(example / ".venv")], check=True)
    python = str(example / ".venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(root)]
    subprocess.run([*install, "-r", "requirements.txt"], check=True, cwd=example)
    for options in ([], ["-n", "4"]):
        result = subprocess.run(
            [python, "-m", "pytest", *options], cwd=example, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout
        assert "7 passed" in result.stdout


def test_a_failed_teardown_after_the_stop_is_reported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def own():
            yield
            raise ValueError("the error of the teardown")

        def test_it(mock_cvp):
            pass
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the error of the teardown*"])
    assert "INTERNALERROR" not in result.stdout.str()
