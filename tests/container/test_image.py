"""The container image."""

import json
import os
import re
import signal
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.container.engine import HARDENED, ROOT, Container, docker, running, state_of
from tests.server_process import PATIENCE, wait_until

pytestmark = pytest.mark.container
SYNCHRONIZE = {"synchronize": {"servers": {"server": [{"refURL": "media-1", "sincetime": "0"}]}}}


@pytest.mark.parametrize("user", [None, "4242", "1000730000:0", "4242:4242"])
def test_the_image_serves_unprivileged_as_any_user(image: str, tmp_path: Path, user: str | None) -> None:
    options = [*HARDENED, *(("--user", user) if user else ())]
    with running(image, f"mockcvp-test-{os.getpid()}", *options) as container:
        container.wait_until("healthy")
        assert container.exec("id", "-u") == (user or "10001").partition(":")[0]
        with container.client(tmp_path) as client:
            assert client.post("command/synchronize", json=SYNCHRONIZE).status_code == 202
        line = "202 POST /cvp-config/command/synchronize wsmadmin full sync-up of media-1"
        # A thread writes the log shortly after the response.
        wait_until(lambda: line in docker("logs", container.name))


def test_the_image_needs_no_network(image: str) -> None:
    name = f"mockcvp-test-{os.getpid()}"
    docker("run", "-d", "--name", name, "--network", "none", *HARDENED, image)
    try:
        Container(name).wait_until("healthy")
    finally:
        docker("rm", "-f", "-v", name)


def test_a_hanging_server_is_unhealthy_until_it_continues(image: str) -> None:
    with running(image, f"mockcvp-test-{os.getpid()}", *HARDENED) as container:
        container.wait_until("healthy")
        docker("kill", "--signal", "STOP", container.name)
        container.wait_until("unhealthy")
        docker("kill", "--signal", "CONT", container.name)
        container.wait_until("healthy")


def test_the_health_check_uses_the_admin_port(image: str) -> None:
    options = ["-e", "MOCKCVP_ADMIN_PORT=9111", "-e", "MOCKCVP_ADMIN_USERNAME=a", "-e", "MOCKCVP_ADMIN_PASSWORD=b"]
    with running(image, f"mockcvp-test-{os.getpid()}", *HARDENED, *options) as container:
        container.wait_until("healthy")


def test_the_health_check_uses_the_arguments_of_the_command(image: str) -> None:
    name = f"mockcvp-test-{os.getpid()}"
    docker("run", "-d", "--name", name, *HARDENED, image, "serve", "--port", "9443")
    try:
        Container(name).wait_until("healthy")
    finally:
        docker("rm", "-f", "-v", name)


def test_an_idle_container_stops_on_sigterm(image: str) -> None:
    with running(image, f"mockcvp-test-{os.getpid()}", *HARDENED) as container:
        container.wait_until("healthy")
        # After the timeout the container is killed, with another exit code.
        docker("stop", "-t", "60", container.name)
        assert state_of(container)["ExitCode"] == 0


def test_sigterm_under_load_loses_no_response(image: str, tmp_path: Path) -> None:
    """Each complete request gets a response, and each response is in the log."""
    with running(image, f"mockcvp-test-{os.getpid()}", *HARDENED) as container:
        container.wait_until("healthy")
        tls = ssl.create_default_context(cafile=container.certificate(tmp_path))
        port, responded, lost = container.port, list[int](), list[Exception]()
        begun = threading.Barrier(9)

        def load() -> None:
            options = {"verify": tls, "auth": ("wsmadmin", "wsmadmin"), "trust_env": False, "timeout": PATIENCE}
            # The options have several types.
            with httpx.Client(headers={"Accept": "application/json"}, **options) as client:  # type: ignore[arg-type] # options have several types
                url = f"https://localhost:{port}/cvp-config/command/synchronize"
                client.post(url, json=SYNCHRONIZE)
                begun.wait()
                while True:
                    try:
                        responded.append(client.post(url, json=SYNCHRONIZE).status_code)
                    except httpx.ConnectError:
                        return
                    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as exc:
                        # The server closed the connection before this request arrived.
                        lost.append(exc)
                        return

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        begun.wait()
        wait_until(lambda: len(responded) > 20)
        docker("kill", "--signal", "TERM", container.name)
        for thread in threads:
            thread.join()
        docker("wait", container.name)
        assert state_of(container)["ExitCode"] == 0
        logged = docker("logs", container.name).count("202 POST")
        assert set(responded) == {202}
        # The log also has the first call of each of the 8 threads.
        assert logged == len(responded) + 8


def test_a_recreated_container_keeps_its_certificate(image: str, tmp_path: Path) -> None:
    name, volume = f"mockcvp-test-{os.getpid()}", f"mockcvp-test-{os.getpid()}"
    options = [*HARDENED, "-v", f"{volume}:/certs"]
    try:
        with running(image, name, *options) as container:
            container.wait_until("healthy")
            first = container.certificate(tmp_path).read_text()
            docker("restart", container.name)
            container.wait_until("healthy")
            assert container.certificate(tmp_path).read_text() == first
        with running(image, name, *options) as container:
            container.wait_until("healthy")
            assert container.certificate(tmp_path).read_text() == first
    finally:
        docker("volume", "rm", "-f", volume)


def test_an_invalid_variable_is_reported_in_one_line(image: str) -> None:
    result = subprocess.run(
        ["docker", "run", "--rm", *HARDENED, "-e", "MOCKCVP_PORT=x", image], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "mockcvp: MOCKCVP_PORT: must be a whole number, not 'x'\n"


def test_the_image_has_only_pinned_packages(image: str) -> None:
    script = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    )
    found = json.loads(docker("run", "--rm", "--entrypoint", "/opt/mockcvp/bin/python", image, "-I", "-c", script))
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE))
    inside = {name.replace("_", "-"): version for name, version in found.items()}
    assert inside.pop("mockcvp")
    assert inside.items() <= pinned.items()
    assert {"fastapi", "uvicorn", "lxml"} <= inside.keys()
    assert not {"pip", "setuptools", "hatchling", "pytest"} & inside.keys()
    labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.title"] == "mockcvp"
    assert docker("run", "--rm", image, "--version") == f"mockcvp {labels['org.opencontainers.image.version']}"


def test_the_image_adds_at_most_60_mb_to_its_base(image: str) -> None:
    sizes = [int(docker("inspect", "-f", "{{.Size}}", name)) for name in (image, "python:3.13-slim")]
    assert sizes[0] - sizes[1] <= 60_000_000


def test_the_stop_signal_is_sigterm(image: str) -> None:
    assert docker("inspect", "-f", "{{.Config.StopSignal}}", image) == signal.SIGTERM.name
