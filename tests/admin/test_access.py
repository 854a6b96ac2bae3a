"""The access control and the addresses of the control API."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mockcvp import MockCVP
from tests.server_process import PATIENCE, XML, ServerProcess

GUARD = ("--admin-username", "tester", "--admin-password", "päss:word")


def test_a_guarded_control_api_rejects_wrong_credentials(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, *GUARD) as server, server.client(auth=None) as client:
        control = f"https://localhost:{server.port}/__admin"

        def status(method: str, path: str, auth: tuple[str, str] | None = None) -> int:
            return client.request(method, f"{control}/{path}", auth=auth).status_code

        assert status("GET", "health") == status("HEAD", "health") == 200
        for method, path in (("GET", "requests"), ("DELETE", "requests"), ("POST", "reset"), ("GET", "cvp/tenants/x")):
            assert status(method, path) == 401
            assert status(method, path, ("tester", "wrong")) == 401
            assert status(method, path, ("wsmadmin", "wsmadmin")) == 401
        rejected = client.get(f"{control}/requests")
        assert rejected.headers["www-authenticate"] == 'Basic realm="mockcvp"'
        assert rejected.json()["errors"][0]["title"].endswith("those of --admin-username and --admin-password")
        assert "no user name and password were sent" in server.line("401 GET /__admin/requests")
        assert status("GET", "mappings", ("tester", "wrong\n")) == 401
        assert ": user name or password are wrong: the control API requires" in server.line("401 GET /__admin/mappings")
        client.post(f"{control}/mappings", json={"naem": 1}, auth=("tester", "päss:word"))
        server.line("422 POST /__admin/mappings tester from 127.0.0.1: naem is not known here: is name meant?")
        assert status("GET", "requests", ("tester", "päss:word")) == 200
        assert status("GET", "cvp/tenants/x", ("tester", "päss:word")) == 404
        # the credentials of the OAMP are unchanged
        with server.client() as oamp:
            assert oamp.get("version", headers={"Accept": XML}).status_code == 200


def test_the_control_api_can_have_a_separate_port(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-port", "0", "--admin-host", "127.0.0.1") as server:
        admin = server.admin
        assert admin.startswith("https://127.0.0.1:")
        assert f":{server.port}/" not in admin
        with server.client(headers={"Accept": XML}) as client:
            assert client.get(f"{admin}/health", auth=None).status_code == 200
            # the OAMP's port has no control API, and the journal records the call
            assert client.get(f"https://localhost:{server.port}/__admin/health").status_code == 404
            # the control port has no OAMP
            elsewhere = client.get(admin.replace("/__admin", "/cvp-config/version"))
            assert (elsewhere.status_code, elsewhere.headers["content-type"]) == (404, "application/json")
            served = client.get(f"{admin}/requests", auth=None).json()["requests"]
        assert [one["request"]["url"] for one in served] == ["/__admin/health"]


def test_mock_cvp_can_guard_a_separate_control_port() -> None:
    with MockCVP(admin_port=0, admin_username="a", admin_password="b") as cvp, cvp.client(timeout=PATIENCE) as client:
        assert client.get(f"{cvp.admin_url}/requests").status_code == 401
        assert client.get(f"{cvp.admin_url}/requests", auth=("a", "b")).status_code == 200
        assert f":{client.base_url.port}/" not in cvp.admin_url


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["--admin-username", "a"], "--admin-username and --admin-password go together: --admin-password is missing"),
        (["--admin-password", "a"], "--admin-username and --admin-password go together: --admin-username is missing"),
        (["--admin-username", "a:b", "--admin-password", "c"], "--admin-username: a user name of HTTP basic"),
        (["--admin-host", "127.0.0.1"], "--admin-host needs --admin-port"),
        (["--admin-port", "8111"], "--admin-port must not be --port, and both are 8111"),
        (["--admin-port", "x"], "--admin-port: must be a whole number, not 'x'"),
        (
            ["--port", "0", "--admin-port", "0", "--admin-host", "192.0.2.1"],
            "cannot listen on 192.0.2.1 port 0: this machine has no such address; choose another with --admin-host",
        ),
    ],
)
def test_conflicting_options_are_reported_in_one_line(
    command_error: Callable[..., str], options: list[str], reported: str
) -> None:
    assert command_error("serve", *options).startswith(reported)


def test_wiremock_clients_reach_the_control_api_of_a_tenant() -> None:
    with MockCVP() as cvp, cvp.tenant() as tenant, tenant.client(timeout=PATIENCE) as client:
        assert client.get("version", headers={"Accept": XML}).status_code == 200
        for path in ("requests/count", "__admin/requests/count"):
            assert client.post(f"{tenant.admin_url}/{path}", json={}).json()["count"] == 1
