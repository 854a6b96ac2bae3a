"""The health check of the container image. The tests in tests/container run the check in a container."""

import subprocess
import sys
from pathlib import Path

import pytest

from mockcvp.server.health import address
from tests.server_process import PATIENCE, ServerProcess


@pytest.mark.parametrize(
    ("environment", "arguments", "found"),
    [
        ({}, [], ("127.0.0.1", "8111")),
        ({"MOCKCVP_HOST": "0.0.0.0", "MOCKCVP_PORT": "9"}, [], ("127.0.0.1", "9")),
        ({"MOCKCVP_HOST": "::"}, [], ("::1", "8111")),
        ({"MOCKCVP_HOST": "oamp", "MOCKCVP_PORT": ""}, [], ("oamp", "8111")),
        ({"MOCKCVP_ADMIN_PORT": "7"}, ["mockcvp", "serve"], ("127.0.0.1", "7")),
        ({"MOCKCVP_ADMIN_PORT": "7", "MOCKCVP_ADMIN_HOST": "::1"}, [], ("::1", "7")),
        ({"MOCKCVP_PORT": "9"}, ["mockcvp", "serve", "--port", "10"], ("127.0.0.1", "10")),
        ({"MOCKCVP_PORT": "9"}, ["mockcvp", "serve", "--port=10", "--admin-port=11", "--host=a"], ("a", "11")),
        ({}, ["mockcvp", "serve", "--port"], ("127.0.0.1", "8111")),
    ],
)
def test_the_address_comes_from_variables_and_arguments(
    environment: dict[str, str], arguments: list[str], found: tuple[str, str]
) -> None:
    assert address(environment, arguments) == found


def run_health_check(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockcvp.server.health"]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_the_exit_code_is_0_only_if_the_server_is_healthy(server: ServerProcess) -> None:
    healthy = run_health_check(MOCKCVP_PORT=str(server.port))
    assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, "", "")
    unhealthy = run_health_check(MOCKCVP_PORT="1")
    assert (unhealthy.returncode, unhealthy.stderr.count("\n")) == (1, 1)
    assert unhealthy.stderr.startswith("mockcvp: no response from 127.0.0.1 port 1: ")


def test_the_health_check_imports_only_the_standard_library() -> None:
    script = (
        "import sys, mockcvp.server.health; "
        "print({'pydantic', 'fastapi', 'uvicorn', 'click', 'httpx'} & sys.modules.keys())"
    )
    reported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert reported == "set()\n"
