"""Containers and compose projects of a container engine."""

import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.server_process import PATIENCE

ROOT = Path(__file__).parents[2]
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def docker(*arguments: str, check: bool = True, **options: Any) -> str:
    """Run docker, and return its output."""
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=300, **options)
    assert result.returncode == 0 or not check, f"docker {' '.join(arguments)}: {result.stdout}{result.stderr}"
    return f"{result.stdout}{result.stderr}".strip()


def compose_command() -> list[str] | None:
    """Return the command of Compose, None without one."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def why_no_engine() -> str:
    """Return why the machine cannot run containers and Compose, '' if it can."""
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "no container engine responds to docker info: apt-get install docker.io, and start it"
    if compose_command() is None:
        return "there is neither docker compose nor docker-compose: apt-get install docker-compose"
    return ""


class Container:
    """A container of the mock server, with its port published on a free port of 127.0.0.1."""

    def __init__(self, name: str) -> None:
        self.name = name

    def inspect(self, what: str) -> str:
        """Inspect the container with a Go template."""
        return docker("inspect", "-f", f"{{{{{what}}}}}", self.name)

    def wait_until(self, health: str) -> None:
        """Wait for a health status."""
        ends = time.monotonic() + PATIENCE
        while self.inspect(".State.Health.Status") != health:
            assert time.monotonic() < ends, f"not {health}: {docker('logs', self.name)}"
            time.sleep(0.05)

    def exec(self, *command: str) -> str:
        """Run a command in the container."""
        return docker("exec", self.name, *command)

    @property
    def port(self) -> int:
        """The published port."""
        return int(docker("port", self.name, "8111/tcp").splitlines()[0].rpartition(":")[2])

    def certificate(self, directory: Path) -> Path:
        """Copy the certificate to a directory, and return the file."""
        copy = directory / f"{self.name}.pem"
        copy.write_text(self.exec("cat", "/certs/mockcvp.pem"))
        return copy

    def client(self, directory: Path) -> httpx.Client:
        """Return a client that trusts only the container's certificate."""
        tls = ssl.create_default_context(cafile=self.certificate(directory))
        url = f"https://localhost:{self.port}/cvp-config"
        headers = {"Accept": "application/json"}
        return httpx.Client(
            base_url=url, verify=tls, auth=("wsmadmin", "wsmadmin"), trust_env=False, headers=headers, timeout=PATIENCE
        )


@contextmanager
def running(image: str, name: str, *options: str) -> Iterator[Container]:
    """Run a container until the end of the ``with``."""
    docker("run", "-d", "--name", name, "-p", "127.0.0.1::8111", *options, image)
    try:
        yield Container(name)
    finally:
        docker("rm", "-f", "-v", name)


class Project:
    """A compose project in a directory."""

    def __init__(self, directory: Path, name: str, env: Mapping[str, str]) -> None:
        command = compose_command()
        assert command
        self._command = [*command, "-p", name]
        self._directory, self._env = directory, os.environ | env

    def __call__(self, *arguments: str) -> str:
        """Run Compose, and return its output."""
        result = subprocess.run(
            [*self._command, *arguments],
            cwd=self._directory,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result.stdout

    def container(self, service: str) -> Container:
        """Return the container of a service."""
        return Container(self("ps", "-q", service).strip())


def state_of(container: Container) -> dict[str, Any]:
    """Return the state of a container."""
    state: dict[str, Any] = json.loads(container.inspect("json .State"))
    return state
