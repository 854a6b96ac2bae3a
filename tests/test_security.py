"""Nobody gets in, nothing secret gets out, and what goes wrong around the double is one line."""

import base64
import json
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockcvp import Settings
from tests.running import JSON, SYNCHRONIZE, USER, XML, Running

SECRET = "the secret of this test"
PAGES = ("requests", "mappings", "docs", "openapi.json", "health", "version", "settings", "nothing", "cvp/deployment")


def control(double: Running, path: str) -> str:
    return f"https://localhost:{double.port}/__admin/{path}"


@pytest.mark.parametrize(
    ("host", "options", "wanted"),
    [
        ("127.0.0.1", {}, None),
        ("localhost", {}, None),
        ("::1", {}, None),
        ("0.0.0.0", {}, "the OAMP's"),
        ("::", {}, "the OAMP's"),
        ("some.name", {}, "the OAMP's"),
        ("0.0.0.0", {"admin_access": "open"}, None),
        ("127.0.0.1", {"admin_access": "guarded"}, "the OAMP's"),
        ("0.0.0.0", {"admin_host": "127.0.0.1", "admin_port": 1}, None),
        ("127.0.0.1", {"admin_host": "0.0.0.0", "admin_port": 1}, "the OAMP's"),
        ("0.0.0.0", {"admin_username": "tester", "admin_password": "p"}, "its own"),
        ("127.0.0.1", {"admin_username": "tester", "admin_password": "p"}, "its own"),
        # as in the image, which opens what has no user of its own
        ("0.0.0.0", {"admin_access": "open", "admin_username": "tester", "admin_password": "p"}, "its own"),
    ],
)
def test_the_control_api_is_guarded_where_other_machines_reach_it(
    host: str, options: dict[str, Any], wanted: str | None
) -> None:
    settings = Settings(host=host, **options)
    credentials = {None: None, "the OAMP's": ("wsmadmin", "wsmadmin"), "its own": ("tester", "p")}
    assert settings.admin_credentials == credentials[wanted]


def test_on_all_addresses_it_wants_the_oamps_credentials_and_a_warning_says_so(tmp_path: Path) -> None:
    with Running(tmp_path, "--host", "0.0.0.0") as double, double.client(auth=None) as client:
        assert "which wants the user name and password of the OAMP's user" in double.line("other machines reach")
        assert client.get(control(double, "requests")).status_code == 401
        assert client.get(control(double, "health")).status_code == 200
        assert client.get(control(double, "requests"), auth=(USER, "wsmadmin")).status_code == 200
    with Running(tmp_path, "--host", "0.0.0.0", "--admin-access", "open") as double, double.client(auth=None) as client:
        assert "--admin-access guarded guards it" in double.line("other machines reach")
        assert client.get(control(double, "requests")).status_code == 200


def test_a_page_of_another_site_changes_nothing(double: Running) -> None:
    with double.client() as client:
        client.get("version", headers={"Accept": JSON})
        before = double.journal()["meta"]["total"]
        for origin in ("https://evil.example", "null", f"http://localhost:{double.port + 1}", "https://[", ""):
            refused = client.delete(control(double, "requests"), headers={"Origin": origin})
            assert (refused.status_code, list(refused.json())) == (403, ["errors"])
        assert double.journal()["meta"]["total"] == before
        own = {"Origin": f"https://localhost:{double.port}"}
        assert client.delete(control(double, "requests"), headers=own).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_no_browser_frames_or_guesses_at_a_page_of_the_control_api(double: Running, page: str) -> None:
    with double.client() as client:
        for headers in ({}, {"Origin": "https://evil.example"}):
            answer = client.get(control(double, page), headers=headers)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"


def test_no_password_is_in_the_log_in_an_error_or_in_what_the_journal_shows(tmp_path: Path) -> None:
    encoded = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    with Running(tmp_path, env={"MOCKCVP_PASSWORD": SECRET}) as double, double.client(auth=None) as client:
        command = Path(f"/proc/{double.process.pid}/cmdline")
        told = [command.read_text() if command.exists() else ""]
        headers = {"Accept": JSON, "Authorization": f"Basic {encoded}", "Cookie": SECRET, "Proxy-Authorization": SECRET}
        for path, kind in ((SYNCHRONIZE, XML), ("nothing", JSON), (SYNCHRONIZE, "text/plain")):
            told.append(client.post(path, content=b"<", headers={**headers, "Content-Type": kind}).text)
        wrong = {**headers, "Authorization": f"Basic {base64.b64encode(f'x:{SECRET}'.encode()).decode()}"}
        assert client.get("version", headers=wrong).status_code == 401
        pattern: dict[str, Any] = {"headers": {"Authorization": {"equalTo": "Basic eDp5"}}}
        assert client.post(control(double, "mappings"), json={"request": pattern, "response": {}}).status_code == 201
        pages = ("requests", "requests/unmatched", "requests/unmatched/near-misses")
        told += [client.get(control(double, page)).text for page in pages]
        told.append(client.post(control(double, "requests/find"), json={}).text)
        told.append(client.post(control(double, "near-misses/request-pattern"), json=pattern).text)
        assert "header Authorization was another" in told[-1]
        found = json.loads(told[-2])["requests"]
        assert found[0]["headers"]["authorization"] == "Basic ***"
        assert found[0]["mockcvp"]["user"] == USER
        told.append(client.post(control(double, "requests/remove"), json={}).text)
        double.stop()
        while (line := double.lines.get(timeout=20)) is not None:
            told.append(line)
    shown = "\n".join(told)
    assert len(shown) > 5000
    assert SECRET not in shown
    assert encoded not in shown


def test_a_host_header_changes_no_more_than_the_references_of_its_own_answer(double: Running) -> None:
    with double.client(headers={"Accept": JSON}) as client:
        usual = client.get("server").text
        other = client.get("server", headers={"Host": "evil.example:1"}).text
        assert "https://evil.example:1/cvp-config/server/" in other
        assert client.get("server").text == usual
        usual_host = f"127.0.0.1:{double.port}" if "127.0.0.1" in usual else f"localhost:{double.port}"
        assert other.replace("evil.example:1", usual_host) == usual


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_under_the_log_is_one_line_and_calls_are_answered(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", str(port), "--cert-dir", str(tmp_path)]
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(3):
            assert answered(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert told.count("the log cannot be written: [Errno 28] No space left on device") == 1
    assert len(told.splitlines()) == 1
    assert process.returncode == 0


def test_a_reader_of_the_log_that_goes_away_is_one_line_and_calls_are_answered(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", str(port), "--cert-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    try:
        for _ in range(3):
            assert answered(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=20)
    assert told.count("the log cannot be written") == 1
    assert len(told.splitlines()) == 1
    assert process.returncode == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answered(port: int) -> int:
    ends = time.monotonic() + 20
    while True:
        try:
            return httpx.get(
                f"https://localhost:{port}/cvp-config/version",
                verify=False,  # noqa: S501 - nothing is sent that matters
                trust_env=False,
            ).status_code
        except httpx.ConnectError:
            assert time.monotonic() < ends
            time.sleep(0.02)


@pytest.mark.parametrize("dribbled", [False, True])
def test_a_client_that_goes_before_its_answer_was_sent_is_recorded_as_gone(double: Running, dribbled: bool) -> None:
    double.forget()
    slow: dict[str, Any] = {"fixedDelayMilliseconds": 400}
    if dribbled:
        slow = {"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 400}}
    mapping = {"request": {"urlPath": "/slow"}, "response": {"body": "x" * 50, **slow}}
    with double.client() as client:
        identity = client.post(control(double, "mappings"), json=mapping).json()["id"]
        try:
            with double.connection() as connection:
                connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.15)
            double.line("--- /slow: its client was gone before its answer was sent")
            client.get(f"https://localhost:{double.port}/slow")
        finally:
            client.delete(control(double, f"mappings/{identity}"))
    later, first = double.journal()["requests"]
    assert (first["request"]["mockcvp"]["delivered"], first["response"]["status"]) == (False, 200)
    assert later["request"]["mockcvp"]["delivered"] is True


def test_calls_that_a_stop_hangs_up_on_are_told_in_the_log(tmp_path: Path) -> None:
    with Running(tmp_path) as double, double.client() as client, double.connection() as connection:
        mapping = {"request": {"urlPath": "/slow"}, "response": {"fixedDelayMilliseconds": 60_000}}
        client.post(control(double, "mappings"), json=mapping)
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        double.line("200 GET /slow")
        double.process.send_signal(signal.SIGTERM)
        double.process.send_signal(signal.SIGINT)
        double.line("--- /slow: its client was gone before its answer was sent")
        assert double.process.wait(timeout=20) == 0


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_body_that_names_too_many_servers_gets_413_before_anything_is_made_of_them(tmp_path: Path, kind: str) -> None:
    with Running(tmp_path, "--max-servers", "3") as double, double.client(headers={"Accept": JSON}) as client:

        def status(servers: int) -> int:
            if kind == "json":
                body = {"synchronize": {"servers": {"server": [{"refURL": f"a{one}"} for one in range(servers)]}}}
                return client.post(SYNCHRONIZE, json=body).status_code
            entries = "".join(f"<server><refURL>a{one}</refURL></server>" for one in range(servers))
            content = f"<synchronize><servers>{entries}</servers></synchronize>"
            return client.post(SYNCHRONIZE, content=content, headers={"Content-Type": XML}).status_code

        assert (status(3), status(4)) == (202, 413)
        assert "413 POST" in double.line("the body names more than 3 servers")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_double_may_have_as_many_files_as_its_limits_let_it(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Running(tmp_path) as double:
        limits = Path(f"/proc/{double.process.pid}/limits")
        if not limits.exists():
            pytest.skip("this system does not tell the limits of a process")
        line = next(line for line in limits.read_text().splitlines() if line.startswith("Max open files"))
        allowed = line.split()[3]
        assert allowed == "unlimited" or int(allowed) >= min(65_536, hard if hard > 0 else 65_536)
