"""Clients in other languages, each trusting the double's certificate alone and checking the host's name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import PASSWORD, USER, Running

HERE = Path(__file__).parent
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("jersey1-client", "jersey1-core", "jsr311-api")]


def said_by(double: Running, *command: str) -> list[str]:
    url = f"https://localhost:{double.port}/cvp-config"
    result = subprocess.run(
        [*command, url, USER, PASSWORD, str(double.certificate)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine: apt-get install default-jdk-headless")
@pytest.mark.skipif(
    not all(jar.exists() for jar in JARS),
    reason="Jersey 1 is not on this machine: apt-get install libjersey1-client-java",
)
def test_the_guides_java_sample_gets_202_in_both_forms_and_401_with_a_wrong_password(
    double: Running, tmp_path: Path
) -> None:
    class_path = os.pathsep.join(map(str, JARS))
    subprocess.run(
        ["javac", "-d", str(tmp_path), "-cp", class_path, str(HERE / "jersey" / "StartSyncUp.java")],
        check=True,
        timeout=120,
    )
    said = said_by(double, "java", "-cp", f"{tmp_path}{os.pathsep}{class_path}", "StartSyncUp")
    assert said == ["xml 202 -", "json 202 -", "wrong-password 401 authorization.unathorized"]


@pytest.mark.skipif(not shutil.which("go"), reason="Go is not on this machine: apt-get install golang-go")
def test_a_go_client(double: Running) -> None:
    assert said_by(double, "go", "run", str(HERE / "go" / "main.go")) == ["json 202", "xml 202", "wrong-password 401"]


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not on this machine: apt-get install nodejs")
def test_a_node_client(double: Running) -> None:
    said = said_by(double, "node", str(HERE / "node" / "start-sync-up.mjs"))
    assert said == ["json 202", "xml 202", "wrong-password 401"]
