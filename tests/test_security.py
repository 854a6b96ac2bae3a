"""Nobody gets in, nothing secret gets out, and what goes wrong around the mock server is one line."""

import base64
import json
import resource
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP, Settings
from mockcvp.server.self_signed import generate
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, USER, XML, ServerProcess

SECRET = "the secret of this test"
PAGES = ("requests", "mappings", "docs", "openapi.json", "health", "version", "settings", "nothing", "cvp/deployment")


def control(server: ServerProcess, path: str) -> str:
    return f"https://localhost:{server.port}/__admin/{path}"


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
    with ServerProcess(tmp_path, "--host", "0.0.0.0") as server, server.client(auth=None) as client:
        assert "with the user name and password of the OAMP's user" in server.line("other machines can reach")
        assert client.get(control(server, "requests")).status_code == 401
        assert client.get(control(server, "health")).status_code == 200
        assert client.get(control(server, "requests"), auth=(USER, "wsmadmin")).status_code == 200
    with (
        ServerProcess(tmp_path, "--host", "0.0.0.0", "--admin-access", "open") as server,
        server.client(auth=None) as client,
    ):
        assert "use --admin-access guarded" in server.line("other machines can reach")
        assert client.get(control(server, "requests")).status_code == 200


def test_a_page_of_another_site_changes_nothing(server: ServerProcess) -> None:
    with server.client() as client:
        client.get("version", headers={"Accept": JSON})
        before = server.journal()["meta"]["total"]
        for origin in ("https://evil.example", "null", f"http://localhost:{server.port + 1}", "https://[", ""):
            rejected = client.delete(control(server, "requests"), headers={"Origin": origin})
            assert (rejected.status_code, list(rejected.json())) == (403, ["errors"])
        assert server.journal()["meta"]["total"] == before
        own = {"Origin": f"https://localhost:{server.port}"}
        assert client.delete(control(server, "requests"), headers=own).status_code == 200


REBOUND = [
    ("evil.example", [], 403),
    ("evil.example.localhost", [], 403),
    ("oamp.example", ["--tls-name", "oamp.example"], 200),
    ("oamp.example", ["--tls-name", "*.example"], 200),
    ("a.b.example", ["--tls-name", "*.example"], 403),
    ("127.0.0.1", [], 200),
    ("[::1]", [], 200),
]


@pytest.mark.parametrize(("host", "options", "status"), REBOUND)
def test_a_page_of_a_rebound_dns_name_is_rejected(tmp_path: Path, host: str, options: list[str], status: int) -> None:
    with ServerProcess(tmp_path, *options) as server, server.client() as client:
        authority = f"{host}:{server.port}"
        headers = {"Host": authority, "Origin": f"https://{authority}"}
        response = client.delete(control(server, "requests"), headers=headers)
        assert response.status_code == status
        assert status == 200 or "--tls-name" in response.json()["errors"][0]["title"]


def test_a_page_of_a_host_of_the_users_certificate_is_admitted(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(generate(["oamp.example", "10.0.0.1"], "ecdsa", timedelta(days=1)))
    both = str(tmp_path / "both.pem")
    with ServerProcess(tmp_path, "--cert", both, "--key", both) as server:
        client = httpx.Client(verify=False, trust_env=False)  # noqa: S501 - the certificate has another name
        with client:
            for host, status in (("oamp.example", 200), ("10.0.0.1", 200), ("evil.example", 403), ("localhost", 200)):
                headers = {"Host": host, "Origin": f"https://{host}"}
                assert client.delete(control(server, "requests"), headers=headers).status_code == status


def test_a_recreated_certificate_admits_its_new_names(tmp_path: Path) -> None:
    for names in ("a.example", "a.example b.example"):
        with MockCVP(cert_dir=tmp_path, tls_names=names) as cvp, cvp.client() as client:
            for name in names.split():
                headers = {"Host": name, "Origin": f"https://{name}"}
                assert client.get(f"{cvp.admin_url}/requests", headers=headers).status_code == 200


def test_of_several_origins_each_must_be_the_mocks(server: ServerProcess) -> None:
    own = f"https://localhost:{server.port}"
    with server.client() as client:
        for origins in ((own, "https://evil.example"), ("https://evil.example", own)):
            response = client.get(control(server, "requests"), headers=[("Origin", origin) for origin in origins])
            assert response.status_code == 403


def test_two_authorization_headers_are_rejected(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-access", "guarded") as server, server.client(auth=None) as client:
        right = f"Basic {base64.b64encode(b'wsmadmin:wsmadmin').decode()}"
        for second in (right, "Basic eDp5"):
            headers = [("Authorization", right), ("Authorization", second)]
            response = client.get(control(server, "requests"), headers=headers)
            assert response.status_code == 401
            assert response.json()["errors"][0]["title"].startswith("more than one Authorization header was sent")
            assert client.get("version", headers=[*headers, ("Accept", XML)]).status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_no_browser_frames_or_guesses_at_a_page_of_the_control_api(server: ServerProcess, page: str) -> None:
    with server.client() as client:
        for headers in ({}, {"Origin": "https://evil.example"}):
            response = client.get(control(server, page), headers=headers)
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["cache-control"] == "no-store"


def test_no_password_is_in_the_log_in_an_error_or_in_what_the_journal_shows(tmp_path: Path) -> None:
    encoded = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    cookie = f"session={SECRET}; other={SECRET}"
    env = {"MOCKCVP_PASSWORD": SECRET, "MOCKCVP_LOG_LEVEL": "debug"}
    with ServerProcess(tmp_path, env=env) as server, server.client(auth=None) as client:
        command = Path(f"/proc/{server.process.pid}/cmdline")
        reported = [command.read_text() if command.exists() else ""]
        headers = {"Accept": JSON, "Authorization": f"Basic {encoded}", "Cookie": cookie, "Proxy-Authorization": SECRET}
        for path, kind in ((SYNCHRONIZE, XML), ("nothing", JSON), (SYNCHRONIZE, "text/plain")):
            reported.append(client.post(path, content=b"<", headers={**headers, "Content-Type": kind}).text)
        wrong = {**headers, "Authorization": f"Basic {base64.b64encode(f'x:{SECRET}'.encode()).decode()}"}
        assert client.get("version", headers=wrong).status_code == 401
        pattern: dict[str, Any] = {"headers": {"Authorization": {"equalTo": "Basic eDp5"}}}
        assert client.post(control(server, "mappings"), json={"request": pattern, "response": {}}).status_code == 201
        pages = ("requests", "requests/unmatched", "requests/unmatched/near-misses")
        reported += [client.get(control(server, page)).text for page in pages]
        reported.append(client.post(control(server, "requests/find"), json={}).text)
        reported.append(client.post(control(server, "near-misses/request-pattern"), json=pattern).text)
        assert "header Authorization had another value" in reported[-1]
        found = json.loads(reported[-2])["requests"]
        assert found[0]["headers"]["authorization"] == "Basic ***"
        assert found[0]["mockcvp"]["user"] == USER
        reported.append(client.post(control(server, "requests/remove"), json={}).text)
        server.stop()
        while (line := server.lines.get(timeout=PATIENCE)) is not None:
            reported.append(line)
    shown = "\n".join(reported)
    assert len(shown) > 5000
    assert SECRET not in shown
    assert encoded not in shown


def test_what_a_cookie_holds_is_not_in_the_journals_view(server: ServerProcess) -> None:
    server.forget()
    mapping = {"request": {"urlPath": "/cookies"}, "response": {"headers": {"Set-Cookie": f"sid={SECRET}; Path=/"}}}
    with server.client() as client:
        identity = client.post(control(server, "mappings"), json=mapping).json()["id"]
        got = client.get(f"https://localhost:{server.port}/cookies", headers={"Cookie": f"a={SECRET}; b={SECRET}"})
        client.delete(control(server, f"mappings/{identity}"))
    assert got.headers["set-cookie"] == f"sid={SECRET}; Path=/"
    (served,) = server.journal()["requests"]
    assert (served["request"]["headers"]["cookie"], served["response"]["headers"]["Set-Cookie"]) == ("***", "***")


def test_a_host_header_changes_no_more_than_the_references_of_its_own_answer(server: ServerProcess) -> None:
    with server.client(headers={"Accept": JSON}) as client:
        usual = client.get("server").text
        other = client.get("server", headers={"Host": "evil.example:1"}).text
        assert "https://evil.example:1/cvp-config/server/" in other
        assert client.get("server").text == usual
        usual_host = f"127.0.0.1:{server.port}" if "127.0.0.1" in usual else f"localhost:{server.port}"
        assert other.replace("evil.example:1", usual_host) == usual


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full: run it on Linux")
def test_a_full_disk_under_the_log_is_one_line_and_calls_are_answered(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", str(port), "--cert-dir", str(tmp_path)]
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(3):
            assert responded(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        _, reported = process.communicate(timeout=PATIENCE)
    assert reported.count("the log cannot be written: [Errno 28] No space left on device") == 1
    assert len(reported.splitlines()) == 1
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
            assert responded(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        reported = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=PATIENCE)
    assert reported.count("the log cannot be written") == 1
    assert len(reported.splitlines()) == 1
    assert process.returncode == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def responded(port: int) -> int:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx.get(
                f"https://localhost:{port}/cvp-config/version",
                verify=False,  # noqa: S501 - nothing is sent that matters
                trust_env=False,
                timeout=PATIENCE,
            ).status_code
        except httpx.ConnectError:
            assert time.monotonic() < ends
            time.sleep(0.02)


@pytest.mark.parametrize("dribbled", [False, True])
def test_a_client_that_goes_before_its_answer_was_sent_is_recorded_as_gone(
    server: ServerProcess, dribbled: bool
) -> None:
    server.forget()
    slow: dict[str, Any] = {"fixedDelayMilliseconds": 2000}
    if dribbled:
        slow = {"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 2000}}
    mapping = {"request": {"urlPath": "/slow"}, "response": {"body": "x" * 50, **slow}}
    with server.client() as client:
        identity = client.post(control(server, "mappings"), json=mapping).json()["id"]
        try:
            with server.connection() as connection:
                connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                server.line("200 GET /slow")
            server.line("--- /slow: the client disconnected before it received the whole response")
            client.get(f"https://localhost:{server.port}/slow")
        finally:
            client.delete(control(server, f"mappings/{identity}"))
    later, first = server.journal()["requests"]
    assert (first["request"]["mockcvp"]["delivered"], first["response"]["status"]) == (False, 200)
    assert later["request"]["mockcvp"]["delivered"] is True


LARGE = {"request": {"urlPath": "/large"}, "response": {"body": "x" * 16_000_000}}


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("goes", ["in the middle", "never reads", "reads all"])
@pytest.mark.parametrize("mapped", [False, True])
def test_whether_a_client_has_taken_a_large_answer_is_recorded(
    tmp_path: Path, goes: str, closes: bool, mapped: bool
) -> None:
    servers = [
        {"id": f"s{one}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for one in range(20_000)
    ]
    # no client that reads may be closed for being slow
    options = ["--body-timeout", "2" if goes == "never reads" else "600"]
    if mapped:
        (tmp_path / "large.json").write_text(json.dumps(LARGE))
        options += ["--mappings", str(tmp_path)]
    else:
        deployment = tmp_path / "deployment.json"
        deployment.write_text(json.dumps({"servers": servers}))
        options += ["--deployment", str(deployment)]
    with ServerProcess(tmp_path, *options) as server:
        path, close = "/large" if mapped else "/cvp-config/server", "Connection: close\r\n" if closes else ""
        with server.connection() as connection:
            credentials = base64.b64encode(b"wsmadmin:wsmadmin").decode()
            rest = f"Host: localhost\r\nAccept: {XML}\r\nAuthorization: Basic {credentials}\r\n{close}"
            connection.sendall(f"GET {path} HTTP/1.1\r\n{rest}\r\n".encode())
            head, _, body = connection.recv(16_000).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            if goes == "reads all":
                # a stub mapping's length is as it is given, and this one gives none
                while len(body) < 16_000_000 if mapped else not body.endswith(b"\r\n0\r\n\r\n"):
                    more = connection.recv(1_000_000)
                    assert more
                    body += more
            elif goes == "never reads":
                server.line("closed the connection of 127.0.0.1: the client did not read the response within 2 s")
        if goes != "reads all":
            server.line(f"--- {path}: the client disconnected before it received the whole response")
        (served,) = server.journal()["requests"]
        assert served["request"]["mockcvp"]["delivered"] is (goes == "reads all")
        assert served["request"]["mockcvp"]["complete"] is True


def test_calls_that_a_stop_hangs_up_on_are_told_in_the_log(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.client() as client, server.connection() as connection:
        mapping = {"request": {"urlPath": "/slow"}, "response": {"fixedDelayMilliseconds": 60_000}}
        client.post(control(server, "mappings"), json=mapping)
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.line("200 GET /slow")
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_stops_listening()
        server.process.send_signal(signal.SIGINT)
        server.line("--- /slow: the client disconnected before it received the whole response")
        assert server.process.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize("path", ["mappings", "reset"])
def test_a_control_request_whose_body_is_malformed_http_does_nothing(server: ServerProcess, path: str) -> None:
    chunk = b'{"request": {"url": "/evil"}, "response": {"status": 200}}'
    head = f"POST /__admin/{path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with server.client() as client:
        client.get("version")
        with server.connection() as connection:
            connection.sendall(head + b"%x\r\n%s\r\nZZ\r\n" % (len(chunk), chunk))
            response = b""
            while more := connection.recv(10_000):
                response += more
        assert response.startswith(b"HTTP/1.1 400 Bad Request")
        assert response.count(b"HTTP/1.1") == 1
        assert client.get(f"https://localhost:{server.port}/evil").status_code == 404
        assert len(server.journal()["requests"]) >= 2


def test_a_control_request_that_is_refused_and_malformed_gets_one_answer(tmp_path: Path) -> None:
    head = "POST /__admin/mappings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ServerProcess(tmp_path, "--admin-access", "guarded") as server:
        for apart in (False, True):
            with server.connection() as connection:
                connection.sendall(head.encode())
                if apart:
                    server.wait_until_all_is_read()
                connection.sendall(b"ZZ\r\n")
                response = b""
                while more := connection.recv(10_000):
                    response += more
            assert response.startswith(b"HTTP/1.1 401 ")
            assert response.count(b"HTTP/1.1") == 1


def test_a_stop_with_half_of_a_control_request_is_no_traceback(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.connection() as connection:
        connection.sendall(b"POST /__admin/mappings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        server.wait_until_all_is_read()
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_stops_listening()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
        lines = list(iter(server.lines.get, None))
        assert not any("Traceback" in line or "Exception" in line for line in lines)


@pytest.mark.parametrize("path", ["mappings", "requests/count", "cvp/tenants", "settings", "cvp/deployment"])
def test_a_control_request_that_its_client_gives_up_is_one_line(server: ServerProcess, path: str) -> None:
    server.forget_lines()
    method = "PUT" if path == "cvp/deployment" else "POST"
    with server.connection() as connection:
        connection.sendall(
            f"{method} /__admin/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        server.wait_until_all_is_read()
    assert (server.lines.get(timeout=PATIENCE) or "").endswith(
        f"--- {method} /__admin/{path} - from 127.0.0.1: the connection was closed before the request was complete"
    )
    with server.client() as client:
        client.get("version")
    # and nothing of a traceback
    assert "GET /cvp-config/version" in (server.lines.get(timeout=PATIENCE) or "")


def test_a_control_request_is_read_no_further_than_64_mib(server: ServerProcess) -> None:
    with server.client() as client:
        fits = client.post(control(server, "mappings"), content=b" " * 64 * 1024**2)
        assert (fits.status_code, "not JSON" in fits.text) == (422, True)
        rejected = client.post(control(server, "mappings"), content=b" " * (64 * 1024**2 + 1))
        assert rejected.status_code == 413
        assert rejected.json()["errors"][0]["title"] == "the body is larger than 67108864 bytes"
        assert client.get(control(server, "health")).status_code == 200


def test_connections_to_the_oamp_leave_room_for_those_to_a_control_api_apart(tmp_path: Path) -> None:
    options = ["--max-connections", "2", "--admin-port", "0"]
    with ServerProcess(tmp_path, *options) as server, server.connection(), server.connection():
        port = server.ready.partition("control https://")[2].split(":")[1].partition("/")[0]
        with server.client() as client:
            assert client.get(f"https://localhost:{port}/__admin/health").status_code == 200
            with pytest.raises(httpx.TransportError):
                client.get("version")


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_body_that_names_too_many_servers_gets_413_before_anything_is_made_of_them(tmp_path: Path, kind: str) -> None:
    with ServerProcess(tmp_path, "--max-servers", "3") as server, server.client(headers={"Accept": JSON}) as client:

        def status(servers: int) -> int:
            if kind == "json":
                body = {"synchronize": {"servers": {"server": [{"refURL": f"a{one}"} for one in range(servers)]}}}
                return client.post(SYNCHRONIZE, json=body).status_code
            entries = "".join(f"<server><refURL>a{one}</refURL></server>" for one in range(servers))
            content = f"<synchronize><servers>{entries}</servers></synchronize>"
            return client.post(SYNCHRONIZE, content=content, headers={"Content-Type": XML}).status_code

        assert (status(3), status(4)) == (202, 413)
        assert "413 POST" in server.line("the body names more than 3 servers")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files: run it on Linux")
def test_a_double_may_have_as_many_files_as_its_limits_let_it(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ServerProcess(tmp_path) as server:
        limits = Path(f"/proc/{server.process.pid}/limits")
        if not limits.exists():
            pytest.skip("the limits of a process are read from /proc: run it on Linux")
        line = next(line for line in limits.read_text().splitlines() if line.startswith("Max open files"))
        allowed = line.split()[3]
        assert allowed == "unlimited" or int(allowed) >= min(65_536, hard if hard > 0 else 65_536)
