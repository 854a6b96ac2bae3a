import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockcvp.settings import Settings
from tests.server_process import ServerProcess

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def example(language: str, server: ServerProcess, marker: str = "localhost:8111/cvp-config/command") -> str:
    """Return a code block of the README, with the port and certificate of a test server."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (code,) = (block for block in found if marker in block and "docker" not in block)
    code = code.replace("localhost:8111", f"localhost:{server.port}")
    return str(code.replace("certs/mockcvp.pem", str(server.certificate)))


def test_the_readmes_curl_gets_202(server: ServerProcess) -> None:
    result = subprocess.run(["sh", "-c", example("sh", server)], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("HTTP/1.1 202 Accepted\n"), result.stderr
    server.line("202 POST /cvp-config/command/synchronize wsmadmin full sync-up of ref-url of server")


@pytest.fixture(scope="module")
def three_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    deployment = ROOT / "fixtures" / "deployments" / "three-servers.yaml"
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--deployment", str(deployment), env={"TZ": "UTC"}) as server:
        yield server


@pytest.mark.parametrize("body_format", ["json", "xml"])
def test_the_readmes_walk_through_shows_a_sync_up(
    tmp_path: Path, three_servers: ServerProcess, body_format: str
) -> None:
    server = three_servers
    code = example("sh", server, "FORM=json").replace("FORM=json", f"FORM={body_format}")
    reported = subprocess.run(["sh", "-ec", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    listed = (tmp_path / "listed").read_text()
    server.line("wsmadmin full sync-up of https://localhost")
    _, _, _, running, _, ended = reported.splitlines()
    assert ("vxml-1" in listed, "media-1" in listed) == (True, False)
    assert (running.count("In Progress"), running.count("Not Started")) == (1, 2)
    assert "FullSyncTime" not in running
    assert (ended.count("Success"), ended.count("2040-01-31T12:00:30+00:00"), ended.count("Not Started")) == (1, 1, 2)
    if body_format == "json":
        shown = re.search(r'^\{"hostname": "vxml-1".*$', README, re.MULTILINE)
        assert shown
        assert shown[0].replace("localhost:8111", f"localhost:{server.port}") in ended


def test_the_readmes_python_works(server: ServerProcess) -> None:
    subprocess.run([sys.executable, "-c", example("python", server)], check=True)


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not on this machine: apt-get install nodejs")
def test_the_readmes_javascript_works(server: ServerProcess, tmp_path: Path) -> None:
    script = tmp_path / "example.mjs"
    script.write_text(example("js", server) + "process.exitCode = answer.status - 202;\n")
    env = os.environ | {"NODE_EXTRA_CA_CERTS": str(server.certificate)}
    result = subprocess.run(["node", str(script)], env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_readme_lists_every_option_variable_and_default() -> None:
    rows = [line.split("|")[1:4] for line in README.splitlines() if line.startswith("| `--")]
    table = {
        variable: (option, default.strip("` "))
        for options, variables, default in rows
        for option, variable in zip(re.findall("`(.*?)`", options), re.findall("`(.*?)`", variables), strict=True)
    }
    assert set(table) == {f"MOCKCVP_{name.upper()}" for name in Settings.model_fields}
    for name in Settings.model_fields:
        option, default = table[f"MOCKCVP_{name.upper()}"]
        assert option == ("--tls-name" if name == "tls_names" else f"--{name.replace('_', '-')}")
        given = Settings.model_validate({name: default} if default else {})
        assert getattr(given, name) == getattr(Settings(), name)
