"""Clients in several languages, which trust only the mock server's certificate and check the host name."""

import base64
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPBasicAuth
from wiremock.client import (
    GlobalSetting,
    GlobalSettings,
    HttpMethods,
    Mapping,
    MappingRequest,
    MappingResponse,
    Mappings,
    NearMisses,
    NearMissMatchPatternRequest,
    Requests,
    Scenarios,
)
from wiremock.constants import Config

from mockcvp import MockCVP
from tests.clients.wiremock_jar import JAR, WHY_NOT
from tests.server_process import JSON, PASSWORD, SYNCHRONIZE, USER, ServerProcess

HERE = Path(__file__).parent
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("jersey1-client", "jersey1-core", "jsr311-api")]


@pytest.fixture(scope="module", params=["10.0", "12.6"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A mock server of each release; release 12.6 sends no reason phrase."""
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--release", request.param) as server:
        yield server


def run_client(server: ServerProcess, *command: str) -> list[str]:
    """Run a client with the address of the server, and return the lines of its output."""
    url = f"https://localhost:{server.port}/cvp-config"
    result = subprocess.run(
        [*command, url, USER, PASSWORD, str(server.certificate)],
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
def test_the_java_sample_of_the_guide_gets_202_and_401(server: ServerProcess, tmp_path: Path) -> None:
    class_path = os.pathsep.join(map(str, JARS))
    subprocess.run(
        ["javac", "-d", str(tmp_path), "-cp", class_path, str(HERE / "jersey" / "StartSyncUp.java")],
        check=True,
        timeout=300,
    )
    output = run_client(server, "java", "-cp", f"{tmp_path}{os.pathsep}{class_path}", "StartSyncUp")
    assert output == ["xml 202 -", "json 202 -", "wrong-password 401 authorization.unathorized"]


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine: apt-get install default-jdk-headless")
def test_both_http_clients_of_the_jdk_read_every_status(server: ServerProcess, tmp_path: Path) -> None:
    source = HERE / "java" / "JdkClients.java"
    subprocess.run(["javac", "-d", str(tmp_path), str(source)], check=True, timeout=300)
    output = run_client(server, "java", "-cp", str(tmp_path), "JdkClients")
    clients = [(client, method) for client in ("HttpURLConnection", "HttpClient") for method in ("POST", "GET")]
    statuses = {"POST": "202 -", "GET": "200 -"}
    right = [f"{client} {method} {statuses[method]}" for client, method in clients]
    wrong = [f"{client} {method} 401 authorization.unathorized" for client, method in clients]
    assert output == right + wrong


def test_pythons_http_client_reads_every_status(server: ServerProcess) -> None:
    connection = http.client.HTTPSConnection("localhost", server.port, context=server.tls(), timeout=60)
    for password, post, get in ((PASSWORD, 202, 200), ("wrong", 401, 401)):
        credentials = base64.b64encode(f"{USER}:{password}".encode()).decode()
        headers = {"Accept": JSON, "Authorization": f"Basic {credentials}"}
        for method, path, status in (("POST", SYNCHRONIZE, post), ("GET", "version", get)):
            connection.request(method, f"/cvp-config/{path}", headers=headers)
            response = connection.getresponse()
            body = response.read()
            assert response.status == status
            assert body.startswith(b"{") == (status != 202)
    connection.close()


def test_httpx_reads_every_status(server: ServerProcess) -> None:
    with server.client(headers={"Accept": JSON}) as client:
        assert client.post(SYNCHRONIZE).status_code == 202
        assert client.get("version").json()["version"]
        assert client.get("server/nobody").json()["apiErrors"]["apiError"]["errorType"] == "Not found"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine: apt-get install curl")
def test_curl_reads_every_status(server: ServerProcess) -> None:
    url = f"https://localhost:{server.port}/cvp-config"
    shared = ["curl", "-sS", "--cacert", str(server.certificate), "-u", f"{USER}:{PASSWORD}", "-H", f"Accept: {JSON}"]
    for arguments, status in (
        (["-X", "POST", f"{url}/{SYNCHRONIZE}"], "202"),
        ([f"{url}/version"], "200"),
        ([f"{url}/nothing"], "404"),
    ):
        command = [*shared, "-w", "\n%{http_code}", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert result.stdout.splitlines()[-1] == status


@pytest.mark.skipif(not shutil.which("go"), reason="Go is not on this machine: apt-get install golang-go")
def test_a_go_client_reads_every_status(server: ServerProcess) -> None:
    assert run_client(server, "go", "run", str(HERE / "go" / "main.go")) == [
        "json 202",
        "xml 202",
        "wrong-password 401",
    ]


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not on this machine: apt-get install nodejs")
def test_the_node_example_runs_without_a_container(server: ServerProcess) -> None:
    address = f"https://localhost:{server.port}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("OAMP_")} | {
        "OAMP_URL": f"{address}/cvp-config",
        "OAMP_CONTROL": f"{address}/__admin",
        "NODE_EXTRA_CA_CERTS": str(server.certificate),
    }
    example = HERE.parents[1] / "examples" / "node"
    result = subprocess.run(
        ["node", "--test"], cwd=example, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not on this machine: apt-get install nodejs")
def test_a_node_client_reads_every_status(server: ServerProcess) -> None:
    output = run_client(server, "node", str(HERE / "node" / "start-sync-up.mjs"))
    assert output == ["json 202", "xml 202", "wrong-password 401"]


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_wiremocks_java_client_can_use_the_control_api(server: ServerProcess, tmp_path: Path) -> None:
    source = HERE / "wiremock" / "Control.java"
    subprocess.run(["javac", "-d", str(tmp_path), "-cp", str(JAR), str(source)], check=True, timeout=120)
    output = run_client(server, "java", "-cp", f"{tmp_path}{os.pathsep}{JAR}", "Control")
    assert "\n".join(output) + "\n" == (HERE / "wiremock" / "said.txt").read_text()


def test_wiremocks_python_client_can_use_the_control_api(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockCVP() as cvp:
        monkeypatch.setattr(Config, "base_url", cvp.admin_url)
        monkeypatch.setattr(Config, "requests_verify", str(cvp.certificate))

        def get(path: str = "version") -> int:
            response = requests.get(
                f"{cvp.url}/{path}", auth=HTTPBasicAuth(*cvp.auth), verify=str(cvp.certificate), timeout=60
            )
            return response.status_code

        assert get() == 200
        assert get("nowhere") == 404
        wanted = NearMissMatchPatternRequest(url_path="/cvp-config/version", method=HttpMethods.GET)
        assert Requests.get_matching_request_count(wanted).count == 1
        assert Requests.get_matching_requests(wanted).requests[0].url == "/cvp-config/version"
        assert Requests.get_unmatched_requests().requests[0].url == "/cvp-config/nowhere"
        every = Requests.get_all_received_requests()
        assert [one.request.url for one in every.requests] == ["/cvp-config/nowhere", "/cvp-config/version"]
        assert Requests.get_request(every.requests[0].id).request.url == "/cvp-config/nowhere"
        near = NearMisses.find_nearest_misses_by_request_pattern(
            NearMissMatchPatternRequest(url="/cvp-config/versions", method=HttpMethods.GET)
        )
        assert near.near_misses[0].request.url == "/cvp-config/version"

        request = MappingRequest(method=HttpMethods.GET, url_path="/cvp-config/version")
        states = {"scenario_name": "restart", "required_scenario_state": "Started", "new_scenario_state": "up"}
        added = Mappings.create_mapping(Mapping(request=request, response=MappingResponse(status=503), **states))
        assert [get(), get()] == [503, 200]
        Scenarios.reset_all_scenarios()
        assert [get(), get()] == [503, 200]
        assert Mappings.retrieve_mapping(added.id).response.status == 503
        added.response.status = 504
        Mappings.update_mapping(added)
        Scenarios.reset_all_scenarios()
        assert get() == 504
        Mappings.delete_mapping(added.id)
        assert Mappings.retrieve_all_mappings().meta.total == 0
        Mappings.delete_all_mappings()
        Mappings.reset_mappings()
        GlobalSettings.update_global_settings(GlobalSetting(fixed_delay=150))
        began = time.monotonic()
        assert get() == 200
        assert time.monotonic() - began >= 0.15
        Requests.reset_request_journal()
        assert Requests.get_all_received_requests().requests == []
