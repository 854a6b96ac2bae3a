import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mockcvp.settings import Settings
from tests.server_process import PATIENCE, SYNCHRONIZE, XML, ServerProcess, error_line, mockcvp

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--port", "x"], "--port: must be a whole number, not 'x'"),
        (["--port", "65536"], "--port: must be 65535 or below, not '65536'"),
        (["--port", "-1"], "--port: must be 0 or above, not '-1'"),
        (["--host", ""], "--host: must not be empty"),
        (
            ["--host", "no.such.host.invalid"],
            "give --host a name or an address alone, without scheme, port or brackets",
        ),
        (["--host", "192.0.2.1", "--port", "0"], "this machine has no such address"),
        (["--admin-username", "", "--admin-password", "p"], "--admin-username: must not be empty"),
        (["--username", "a\nb"], "--username: a user name of HTTP basic authentication has no"),
        (["--username", "a:b"], "--username: a user name of HTTP basic authentication has no colon"),
        (
            ["--max-body-bytes", "many"],
            "--max-body-bytes: must be a number of bytes, or as 512KiB, 2MiB, 1GiB, not 'many'",
        ),
        (["--max-body-bytes", "-1"], "--max-body-bytes: "),
        (["--max-body-bytes", "0"], "--max-body-bytes: must be 1 or above, not '0'"),
        (["--max-in-flight", "0"], "--max-in-flight: must be 1 or above, not '0'"),
        (["--journal-max-calls", "-1"], "--journal-max-calls: must be 0 or above"),
        (["--journal-max-bytes", "1 parsec"], "--journal-max-bytes: must be a number of bytes"),
        (["--log-level", "loud"], "--log-level: must be 'debug', 'info', 'warning' or 'error', not 'loud'"),
        (["--key-type", "dsa"], "--key-type: must be 'ecdsa' or 'rsa', not 'dsa'"),
        (["--tls-name", "a_b!"], "--tls-name: 'a_b!' is neither a DNS name nor an IP address"),
        (["--cert", "x.pem"], "--cert and --key go together: --cert is given, --key is not"),
        (["--cert", "", "--key", ""], "--cert: must not be empty; --key: must not be empty"),
        (
            ["--cert", "x", "--key", "y", "--tls-name", "z"],
            "configure the generated certificate, not a custom one (--cert)",
        ),
        (["--cert-dir", ""], "--cert-dir: must not be empty"),
        (["--key", "x.pem"], "--cert and --key go together: --key is given, --cert is not"),
        (["--port", "x", "--journal-max-calls", "y"], "; --journal-max-calls: must be a whole number, not 'y'"),
        (["--prot", "8111"], "See mockcvp serve --help."),
        (["now"], "Got unexpected extra argument (now)"),
        (["--port"], "Option '--port' requires an argument"),
    ],
)
def test_an_invalid_option_is_reported_in_one_line(
    command_error: Callable[..., str], tmp_path: Path, arguments: list[str], reported: str
) -> None:
    assert reported in command_error("serve", *arguments)
    assert not (tmp_path / "certs").exists()


@pytest.mark.parametrize("option", ["--username", "--host", "--cert-dir"])
def test_an_empty_value_is_not_quoted(command_error: Callable[..., str], option: str) -> None:
    assert command_error("serve", option, "") == f"{option}: must not be empty"


def test_a_missing_or_unknown_command_is_reported_in_one_line() -> None:
    assert error_line(mockcvp()) == "Missing command. See mockcvp --help."
    assert "No such command 'server'" in error_line(mockcvp("server"))


def test_an_option_before_its_command_gets_a_hint() -> None:
    assert error_line(mockcvp("--port", "9000")).startswith(
        "No such option '--port'. It belongs after the command: mockcvp serve --port."
    )


def test_an_invalid_variable_is_reported_by_its_name(tmp_path: Path) -> None:
    reported = error_line(mockcvp("serve", cwd=tmp_path, MOCKCVP_PORT="tcp://10.0.0.1:8111"))
    assert reported.startswith("MOCKCVP_PORT: ")
    assert "'tcp://10.0.0.1:8111'" in reported


def test_an_invalid_password_is_not_shown(tmp_path: Path) -> None:
    env = os.environb | {b"MOCKCVP_PASSWORD": b"secret\xff"}
    command = [sys.executable, "-m", "mockcvp", "serve"]
    result = subprocess.run(
        command, capture_output=True, env=env, cwd=tmp_path, text=True, check=False, timeout=PATIENCE
    )
    assert error_line(result) == "MOCKCVP_PASSWORD: must be UTF-8"


def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        reported = error_line(mockcvp("serve", "--port", port, cwd=tmp_path))
    assert reported.startswith(f"cannot listen on 127.0.0.1 port {port}: the port is in use")


def test_help_lists_every_option_its_variable_and_its_default() -> None:
    result = mockcvp("serve", "--help")
    reported = re.sub(r"\s+", " ", result.stdout)
    assert result.returncode == 0
    for name in Settings.model_fields:
        option = "--tls-name" if name == "tls_names" else f"--{name.replace('_', '-')}"
        assert option in reported
        assert f"MOCKCVP_{name.upper()}" in reported
    defaults = [
        *("127.0.0.1", "8111", "wsmadmin", "certs", "2MiB", "10000", "64MiB", "info"),
        *("ecdsa", "1000"),
    ]
    for default in defaults:
        assert f"default: {default}]" in reported
    for bounds in (
        "deeper body gets 400. 4 to 500. [",
        "more gets 400. At least 8. [",
        "idle connection, in seconds. At most 3600. [",
    ):
        assert bounds in reported
    assert "--header-timeout NUMBER" in reported


def test_help_groups_the_options() -> None:
    shown = mockcvp("serve", "--help", COLUMNS="200").stdout
    titles = re.findall(r"^(\w[\w ]*):$", shown, re.MULTILINE)
    groups = [
        "Address and user",
        "Certificate",
        "OAMP",
        "Control API",
        "Limits",
        "Timeouts and load",
        "Journal and log",
    ]
    assert titles[:7] == groups
    options = [f"--{name.replace('_', '-').replace('tls-names', 'tls-name')}" for name in Settings.model_fields]
    listed = re.findall(r"^  (?:-h, )?(--[\w-]+) ", shown, re.MULTILINE)
    assert sorted(listed) == sorted([*options, "--help"])
    options_of = dict(zip(titles, re.split(r"^\w[\w ]*:$", shown, flags=re.MULTILINE)[1:], strict=True))
    for option in ("--port NUMBER", "--username TEXT"):
        assert f"\n  {option} " in options_of["Address and user"]
    for option in ("--cert FILE", "--key FILE", "--cert-dir DIRECTORY"):
        assert f"\n  {option} " in options_of["Certificate"]
    for option in ("--deployment FILE", "--mappings DIRECTORY"):
        assert f"\n  {option} " in options_of["OAMP"]
    assert options_of["Other"].split()[:2] == ["-h,", "--help"]
    assert options_of["Other"].count("--") == 1
    assert "https://HOST:PORT/__admin/docs" in shown
    assert re.findall(r"^  (\d)  ", options_of["Exit codes"], re.MULTILINE) == ["0", "2"]


def test_the_example_of_the_help_is_valid(command_error: Callable[..., str]) -> None:
    example = re.search(r"^  mockcvp (serve .*)$", mockcvp("serve", "--help").stdout, re.MULTILINE)
    assert example
    # The file is missing, and the rest is valid.
    assert command_error(*example[1].split()) == "--deployment: cannot read servers.yaml: No such file or directory"


def test_the_version_option_prints_the_package_version() -> None:
    assert re.fullmatch(r"mockcvp \d+\.\d+\.\d+\n", mockcvp("--version").stdout)


def test_options_override_environment_variables(tmp_path: Path) -> None:
    env = {
        "MOCKCVP_USERNAME": "from-environment",
        "MOCKCVP_PASSWORD": "pass:word é",
        "MOCKCVP_TLS_NAMES": "oamp.example, cvp.example",
        "MOCKCVP_JOURNAL_MAX_CALLS": "1",
        "MOCKCVP_LOG_LEVEL": "",
    }
    with ServerProcess(tmp_path, "--journal-max-calls", "2", env=env) as server:
        assert server.user == "from-environment"
        with server.client(auth=("from-environment", "pass:word é")) as client:
            for _ in range(3):
                assert client.post(SYNCHRONIZE, headers={"Accept": XML}).status_code == 202
            extensions = {"sni_hostname": "cvp.example"}
            assert client.post(SYNCHRONIZE, headers={"Accept": XML}, extensions=extensions).status_code == 202
        assert server.journal()["meta"] == {"total": 4, "dropped": 2}


def test_every_setting_has_an_option_and_a_variable(tmp_path: Path) -> None:
    given = {
        "host": "localhost",
        "port": "0",
        "username": "u",
        "password": "p",
        "cert_dir": str(tmp_path / "own"),
        "key_type": "RSA",
        "tls_names": "x.example",
        "deployment": str(FIXTURES / "deployments" / "three-servers.yaml"),
        "mappings": str(FIXTURES / "mappings"),
        "admin_host": "127.0.0.1",
        "admin_port": "0",
        "admin_username": "tester",
        "admin_password": "secret",
        "admin_access": "GUARDED",
        "console": "READ",
        "max_servers": "7",
        "max_depth": "7",
        "max_elements": "70",
        "max_header_bytes": "4KiB",
        "max_headers": "20",
        "max_connections": "7",
        "header_timeout": "1.5",
        "body_timeout": "2.5",
        "keep_alive_timeout": "3",
        "release": "12.6",
        "unknown_servers": "REJECT",
        "max_body_bytes": "100",
        "max_in_flight": "5",
        "journal_max_calls": "7",
        "journal_max_bytes": "1MB",
        "log_level": "ERROR",
    }
    assert set(given) == set(Settings.model_fields) - {"cert", "key"}
    with ServerProcess(tmp_path, env={f"MOCKCVP_{name.upper()}": value for name, value in given.items()}) as server:
        assert server.user == "u"
        assert server.url.startswith("https://localhost:")
    options = [f"--{name.replace('_', '-').replace('names', 'name')}={value}" for name, value in given.items()]
    with ServerProcess(tmp_path, *options) as server:
        assert server.certificate == tmp_path / "own" / "mockcvp.pem"


def test_a_misspelt_variable_is_reported_at_the_start(tmp_path: Path) -> None:
    kubernetes = {"MOCKCVP_SERVICE_HOST": "10.0.0.1", "MOCKCVP_PORT_8111_TCP_ADDR": "10.0.0.1"}
    result = mockcvp("serve", "--host", "192.0.2.1", MOCKCVP_PASWORD="x", **kubernetes, cwd=tmp_path)
    lines = result.stdout.splitlines()
    assert any(
        "MOCKCVP_PASWORD in the environment is not a setting: is MOCKCVP_PASSWORD meant?" in line for line in lines
    )
    assert "MOCKCVP_SERVICE_HOST" not in result.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "::"])
def test_the_server_listens_on_the_host_option(tmp_path: Path, host: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6: enable it in the kernel")
    with ServerProcess(tmp_path, "--host", host) as server, server.client() as client:
        assert client.post(f"{server.url}/{SYNCHRONIZE}", headers={"Accept": XML}).status_code == 202


def test_the_log_level_filters_log_lines(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--log-level", "warning") as server, server.client() as client:
        client.post(SYNCHRONIZE, headers={"Accept": XML})
        server.stop()
        assert server.lines.get(timeout=PATIENCE) is None
