"""The compose file and the examples, run with the commands of their READMEs."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.test_clients import JARS
from tests.container.engine import ROOT, Project

pytestmark = pytest.mark.container
Projects = Callable[..., Project]


def test_project_becomes_healthy_and_curl_gets_202(project: Projects, tmp_path: Path) -> None:
    oamp = project(".")
    oamp("build", "-q")
    oamp("up", "-d")
    oamp.container("oamp").wait_until("healthy")
    certificate = tmp_path / "oamp.pem"
    certificate.write_text(oamp("exec", "-T", "oamp", "cat", "/certs/mockcvp.pem"))
    command = ["curl", "-sS", "-w", " %{http_code}", "--cacert", str(certificate), "-u", "wsmadmin:wsmadmin"]
    command += ["-H", "Accept: application/xml"]
    url = "https://localhost:8111/cvp-config"

    def curl(*arguments: str) -> str:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=True).stdout

    assert curl("-X", "POST", f"{url}/command/synchronize") == " 202"
    # The compose file mounts the deployment and the mapping file of the fixtures.
    assert "<hostname>vxml-1</hostname>" in curl(f"{url}/server?q=type:VXML")
    assert curl("-H", "X-Maintenance: true", f"{url}/version") == " 503"


def commands_of(example: str) -> list[list[str]]:
    """Return the commands in the README of an example, except `down`, which the fixture runs."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "examples" / example / "README.md").read_text(), re.DOTALL)
    return [
        line.split()[2:]
        for block in blocks
        for line in block.splitlines()
        if line.startswith("docker compose") and " down" not in line
    ]


def test_the_python_example_passes_with_its_readme(project: Projects) -> None:
    example = project("examples/compose-python")
    reported = [example(*command) for command in commands_of("compose-python")]
    assert "2 passed" in reported[-1]


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine: apt-get install default-jdk-headless")
@pytest.mark.skipif(
    not all(jar.exists() for jar in JARS),
    reason="Jersey 1 is not on this machine: apt-get install libjersey1-client-java",
)
def test_the_java_example_trusts_only_the_volumes_certificate(project: Projects, tmp_path: Path) -> None:
    port = "18111"
    example = project("examples/compose-java", OAMP_PORT=port)
    example("up", "-d", "oamp")
    server = example.container("oamp")
    server.wait_until("healthy")
    sources = ROOT / "examples" / "compose-java"
    class_path = os.pathsep.join(map(str, JARS))
    source = sources / "src" / "main" / "java" / "Consumer.java"
    subprocess.run(["javac", "-d", str(tmp_path), "-cp", class_path, str(source)], check=True)
    env = {
        "OAMP_URL": f"https://localhost:{port}/cvp-config",
        "OAMP_USER": "wsmadmin",
        "OAMP_PASSWORD": "wsmadmin",
        "OAMP_CERTIFICATE": str(server.certificate(tmp_path)),
        "CLASSES": str(tmp_path),
        "CLASS_PATH": class_path,
    }

    def run(**changed: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(sources / "run.sh")]
        return subprocess.run(command, env=os.environ | env | changed, capture_output=True, text=True, check=False)

    assert run().stdout == "start of a sync-up: 202\n"
    # The client checks the host name, and the certificate does not have this address.
    wrong_name = run(OAMP_URL=f"https://127.0.0.2:{port}/cvp-config")
    assert wrong_name.returncode != 0
    with server.client(tmp_path) as client:
        pattern = {"urlPath": "/cvp-config/command/synchronize"}
        counted = client.post(f"https://localhost:{port}/__admin/requests/count", json=pattern)
    assert counted.json()["count"] == 1


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not on this machine: apt-get install nodejs")
def test_the_node_example_trusts_only_the_volumes_certificate(project: Projects, tmp_path: Path) -> None:
    port = "18112"
    example = project("examples/node", OAMP_PORT=port)
    example("up", "-d", "oamp")
    server = example.container("oamp")
    server.wait_until("healthy")
    env = os.environ | {
        "OAMP_URL": f"https://localhost:{port}/cvp-config",
        "OAMP_CONTROL": f"https://localhost:{port}/__admin",
        "OAMP_USER": "wsmadmin",
        "OAMP_PASSWORD": "wsmadmin",
        "NODE_EXTRA_CA_CERTS": str(server.certificate(tmp_path)),
    }

    def run(**changed: str) -> subprocess.CompletedProcess[str]:
        directory = ROOT / "examples" / "node"
        return subprocess.run(
            ["node", "--test"], cwd=directory, env=env | changed, capture_output=True, text=True, check=False
        )

    result = run()
    assert result.returncode == 0, result.stdout
    assert re.search(r"pass 2\b", result.stdout)
    assert run(OAMP_CONTROL=f"https://127.0.0.2:{port}/__admin").returncode != 0
    assert run(NODE_EXTRA_CA_CERTS="").returncode != 0
