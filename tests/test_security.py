"""Access control, masked secrets, delivery to slow clients, and errors that are logged in one line."""

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
PATHS = ("requests", "mappings", "docs", "openapi.json", "health", "version", "settings", "nothing", "cvp/deployment")


def build_url(server: ServerProcess, path: str) -> str:
    return f"https://localhost:{server.port}/__admin/{path}"


@pytest.mark.parametrize(
    ("host", "options", "expected"),
    [
        ("127.0.0.1", {}, None),
        ("localhost", {}, None),
        ("::1", {}, None),
        ("0.0.0.0", {}, "OAMP user"),
        ("::", {}, "OAMP user"),
        ("some.name", {}, "OAMP user"),
        ("0.0.0.0", {"admin_access": "open"}, None),
        ("127.0.0.1", {"admin_access": "guarded"}, "OAMP user"),
        ("0.0.0.0", {"admin_host": "127.0.0.1", "admin_port": 1}, None),
        ("127.0.0.1", {"admin_host": "0.0.0.0", "admin_port": 1}, "OAMP user"),
        ("0.0.0.0", {"admin_username": "tester", "admin_password": "p"}, "admin user"),
        ("127.0.0.1", {"admin_username": "tester", "admin_password": "p"}, "admin user"),
        # The container image opens the control API only if it has no separate user.
        ("0.0.0.0", {"admin_access": "open", "admin_username": "tester", "admin_password": "p"}, "admin user"),
    ],
)
def test_a_reachable_control_api_requires_credentials(host: str, options: dict[str, Any], expected: str | None) -> None:
    settings = Settings(host=host, **options)
    credentials = {None: None, "OAMP user": ("wsmadmin", "wsmadmin"), "admin user": ("tester", "p")}
    assert settings.admin_credentials == credentials[expected]


def test_a_public_control_api_warns_and_requires_credentials(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--host", "0.0.0.0") as server, server.client(auth=None) as client:
        assert "with the user name and password of the OAMP's user" in server.line("other machines can reach")
        assert client.get(build_url(server, "requests")).status_code == 401
        assert client.get(build_url(server, "health")).status_code == 200
        assert client.get(build_url(server, "requests"), auth=(USER, "wsmadmin")).status_code == 200
    with (
        ServerProcess(tmp_path, "--host", "0.0.0.0", "--admin-access", "open") as server,
        server.client(auth=None) as client,
    ):
        assert "use --admin-access guarded" in server.line("other machines can reach")
        assert client.get(build_url(server, "requests")).status_code == 200


def test_a_request_from_another_origin_is_rejected(server: ServerProcess) -> None:
    with server.client() as client:
        client.get("version", headers={"Accept": JSON})
        before = server.journal()["meta"]["total"]
        for origin in ("https://evil.example", "null", f"http://localhost:{server.port + 1}", "https://[", ""):
            rejected = client.delete(build_url(server, "requests"), headers={"Origin": origin})
            assert (rejected.status_code, list(rejected.json())) == (403, ["errors"])
        assert server.journal()["meta"]["total"] == before
        same_origin = {"Origin": f"https://localhost:{server.port}"}
        assert client.delete(build_url(server, "requests"), headers=same_origin).status_code == 200


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
def test_an_origin_with_a_rebound_dns_name_is_rejected(
    tmp_path: Path, host: str, options: list[str], status: int
) -> None:
    with ServerProcess(tmp_path, *options) as server, server.client() as client:
        authority = f"{host}:{server.port}"
        headers = {"Host": authority, "Origin": f"https://{authority}"}
        response = client.delete(build_url(server, "requests"), headers=headers)
        assert response.status_code == status
        assert status == 200 or "--tls-name" in response.json()["errors"][0]["title"]


def test_an_origin_in_the_users_certificate_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(generate(["oamp.example", "10.0.0.1"], "ecdsa", timedelta(days=1)))
    both = str(tmp_path / "both.pem")
    with ServerProcess(tmp_path, "--cert", both, "--key", both) as server:
        client = httpx.Client(verify=False, trust_env=False)  # noqa: S501 - the certificate has a different name
        with client:
            for host, status in (("oamp.example", 200), ("10.0.0.1", 200), ("evil.example", 403), ("localhost", 200)):
                headers = {"Host": host, "Origin": f"https://{host}"}
                assert client.delete(build_url(server, "requests"), headers=headers).status_code == status


def test_a_recreated_certificate_accepts_its_new_names(tmp_path: Path) -> None:
    for names in ("a.example", "a.example b.example"):
        with MockCVP(cert_dir=tmp_path, tls_names=names) as cvp, cvp.client() as client:
            for name in names.split():
                headers = {"Host": name, "Origin": f"https://{name}"}
                assert client.get(f"{cvp.admin_url}/requests", headers=headers).status_code == 200


def test_several_origins_are_rejected_if_one_is_foreign(server: ServerProcess) -> None:
    same_origin = f"https://localhost:{server.port}"
    with server.client() as client:
        for origins in ((same_origin, "https://evil.example"), ("https://evil.example", same_origin)):
            response = client.get(build_url(server, "requests"), headers=[("Origin", origin) for origin in origins])
            assert response.status_code == 403


def test_two_authorization_headers_are_rejected(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-access", "guarded") as server, server.client(auth=None) as client:
        right = f"Basic {base64.b64encode(b'wsmadmin:wsmadmin').decode()}"
        for second in (right, "Basic eDp5"):
            headers = [("Authorization", right), ("Authorization", second)]
            response = client.get(build_url(server, "requests"), headers=headers)
            assert response.status_code == 401
            assert response.json()["errors"][0]["title"].startswith("more than one Authorization header was sent")
            assert client.get("version", headers=[*headers, ("Accept", XML)]).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_control_responses_forbid_framing_and_sniffing(server: ServerProcess, path: str) -> None:
    with server.client() as client:
        for headers in ({}, {"Origin": "https://evil.example"}):
            response = client.get(build_url(server, path), headers=headers)
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["cache-control"] == "no-store"


def test_no_password_is_in_the_log_an_error_or_the_journal(tmp_path: Path) -> None:
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
        assert client.post(build_url(server, "mappings"), json={"request": pattern, "response": {}}).status_code == 201
        pages = ("requests", "requests/unmatched", "requests/unmatched/near-misses")
        reported += [client.get(build_url(server, page)).text for page in pages]
        reported.append(client.post(build_url(server, "requests/find"), json={}).text)
        reported.append(client.post(build_url(server, "near-misses/request-pattern"), json=pattern).text)
        assert "header Authorization had another value" in reported[-1]
        found = json.loads(reported[-2])["requests"]
        assert found[0]["headers"]["authorization"] == "Basic ***"
        assert found[0]["mockcvp"]["user"] == USER
        reported.append(client.post(build_url(server, "requests/remove"), json={}).text)
        server.stop()
        while (line := server.lines.get(timeout=PATIENCE)) is not None:
            reported.append(line)
    shown = "\n".join(reported)
    assert len(shown) > 5000
    assert SECRET not in shown
    assert encoded not in shown


def test_cookie_values_are_masked_in_the_journal(server: ServerProcess) -> None:
    server.forget()
    mapping = {"request": {"urlPath": "/cookies"}, "response": {"headers": {"Set-Cookie": f"sid={SECRET}; Path=/"}}}
    with server.client() as client:
        identity = client.post(build_url(server, "mappings"), json=mapping).json()["id"]
        got = client.get(f"https://localhost:{server.port}/cookies", headers={"Cookie": f"a={SECRET}; b={SECRET}"})
        client.delete(build_url(server, f"mappings/{identity}"))
    assert got.headers["set-cookie"] == f"sid={SECRET}; Path=/"
    (served,) = server.journal()["requests"]
    assert (served["request"]["headers"]["cookie"], served["response"]["headers"]["Set-Cookie"]) == ("***", "***")


def test_a_host_header_affects_only_its_own_response(server: ServerProcess) -> None:
    with server.client(headers={"Accept": JSON}) as client:
        usual = client.get("server").text
        other = client.get("server", headers={"Host": "evil.example:1"}).text
        assert "https://evil.example:1/cvp-config/server/" in other
        assert client.get("server").text == usual
        usual_host = f"127.0.0.1:{server.port}" if "127.0.0.1" in usual else f"localhost:{server.port}"
        assert other.replace("evil.example:1", usual_host) == usual


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full: run it on Linux")
def test_a_full_disk_for_the_log_is_reported_in_one_line(tmp_path: Path) -> None:
    port = find_free_port()
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", str(port), "--cert-dir", str(tmp_path)]
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(3):
            assert request_status(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        _, reported = process.communicate(timeout=PATIENCE)
    assert reported.count("the log cannot be written: [Errno 28] No space left on device") == 1
    assert len(reported.splitlines()) == 1
    assert process.returncode == 0


def test_a_closed_log_pipe_is_reported_in_one_line(tmp_path: Path) -> None:
    port = find_free_port()
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", str(port), "--cert-dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    try:
        for _ in range(3):
            assert request_status(port) == 401
    finally:
        process.send_signal(signal.SIGTERM)
        reported = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=PATIENCE)
    assert reported.count("the log cannot be written") == 1
    assert len(reported.splitlines()) == 1
    assert process.returncode == 0


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def request_status(port: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx.get(
                f"https://localhost:{port}/cvp-config/version",
                verify=False,  # noqa: S501 - nothing is sent that matters
                trust_env=False,
                timeout=PATIENCE,
            ).status_code
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("is_dribbled", [False, True])
def test_an_early_disconnect_is_recorded_as_undelivered(server: ServerProcess, is_dribbled: bool) -> None:
    server.forget()
    slow: dict[str, Any] = {"fixedDelayMilliseconds": 2000}
    if is_dribbled:
        slow = {"chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 2000}}
    mapping = {"request": {"urlPath": "/slow"}, "response": {"body": "x" * 50, **slow}}
    with server.client() as client:
        identity = client.post(build_url(server, "mappings"), json=mapping).json()["id"]
        try:
            with server.connection() as connection:
                connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                server.line("200 GET /slow")
            server.line("--- /slow: the client disconnected before it received the whole response")
            client.get(f"https://localhost:{server.port}/slow")
        finally:
            client.delete(build_url(server, f"mappings/{identity}"))
    later, first = server.journal()["requests"]
    assert (first["request"]["mockcvp"]["delivered"], first["response"]["status"]) == (False, 200)
    assert later["request"]["mockcvp"]["delivered"] is True


LARGE = {"request": {"urlPath": "/large"}, "response": {"body": "x" * 16_000_000}}


@pytest.mark.parametrize("is_closing", [False, True])
@pytest.mark.parametrize("behavior", ["reads a part", "reads nothing", "reads all"])
@pytest.mark.parametrize("is_stubbed", [False, True])
def test_delivery_of_a_large_response_is_recorded(
    tmp_path: Path, behavior: str, is_closing: bool, is_stubbed: bool
) -> None:
    servers = [
        {"id": f"s{one}", "type": "MEDIA", "hostname": "h" * 200, "ipaddr": "192.0.2.1"} for one in range(20_000)
    ]
    # The timeout must not close the connection of a client that reads.
    options = ["--body-timeout", "2" if behavior == "reads nothing" else "600"]
    if is_stubbed:
        (tmp_path / "large.json").write_text(json.dumps(LARGE))
        options += ["--mappings", str(tmp_path)]
    else:
        deployment = tmp_path / "deployment.json"
        deployment.write_text(json.dumps({"servers": servers}))
        options += ["--deployment", str(deployment)]
    with ServerProcess(tmp_path, *options) as server:
        path, close = "/large" if is_stubbed else "/cvp-config/server", "Connection: close\r\n" if is_closing else ""
        with server.connection() as connection:
            credentials = base64.b64encode(b"wsmadmin:wsmadmin").decode()
            rest = f"Host: localhost\r\nAccept: {XML}\r\nAuthorization: Basic {credentials}\r\n{close}"
            connection.sendall(f"GET {path} HTTP/1.1\r\n{rest}\r\n".encode())
            head, _, body = connection.recv(16_000).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            if behavior == "reads all":
                # The response of the stub mapping is not chunked, so its length shows where it ends.
                while len(body) < 16_000_000 if is_stubbed else not body.endswith(b"\r\n0\r\n\r\n"):
                    more = connection.recv(1_000_000)
                    assert more
                    body += more
            elif behavior == "reads nothing":
                server.line("closed the connection of 127.0.0.1: the client did not read the response within 2 s")
        if behavior != "reads all":
            server.line(f"--- {path}: the client disconnected before it received the whole response")
        (served,) = server.journal()["requests"]
        assert served["request"]["mockcvp"]["delivered"] is (behavior == "reads all")
        assert served["request"]["mockcvp"]["complete"] is True


def test_calls_that_a_stop_aborts_are_logged(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.client() as client, server.connection() as connection:
        mapping = {"request": {"urlPath": "/slow"}, "response": {"fixedDelayMilliseconds": 60_000}}
        client.post(build_url(server, "mappings"), json=mapping)
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.line("200 GET /slow")
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_it_stops_listening()
        server.process.send_signal(signal.SIGINT)
        server.line("--- /slow: the client disconnected before it received the whole response")
        assert server.process.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize("path", ["mappings", "reset"])
def test_a_malformed_control_request_has_no_effect(server: ServerProcess, path: str) -> None:
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


def test_a_malformed_unauthorized_request_gets_one_response(tmp_path: Path) -> None:
    head = "POST /__admin/mappings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ServerProcess(tmp_path, "--admin-access", "guarded") as server:
        for is_separate in (False, True):
            with server.connection() as connection:
                connection.sendall(head.encode())
                if is_separate:
                    server.wait_until_all_is_read()
                connection.sendall(b"ZZ\r\n")
                response = b""
                while more := connection.recv(10_000):
                    response += more
            assert response.startswith(b"HTTP/1.1 401 ")
            assert response.count(b"HTTP/1.1") == 1


def test_a_stop_during_a_control_request_logs_no_traceback(tmp_path: Path) -> None:
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
def test_an_aborted_control_request_is_logged_in_one_line(server: ServerProcess, path: str) -> None:
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
    # The next line shows that the log has no traceback.
    assert "GET /cvp-config/version" in (server.lines.get(timeout=PATIENCE) or "")


def test_a_control_request_body_is_limited_to_64_mib(server: ServerProcess) -> None:
    with server.client() as client:
        fits = client.post(build_url(server, "mappings"), content=b" " * 64 * 1024**2)
        assert (fits.status_code, "not JSON" in fits.text) == (422, True)
        rejected = client.post(build_url(server, "mappings"), content=b" " * (64 * 1024**2 + 1))
        assert rejected.status_code == 413
        assert rejected.json()["errors"][0]["title"] == "the body is larger than 67108864 bytes"
        assert client.get(build_url(server, "health")).status_code == 200


def test_oamp_connections_do_not_block_a_separate_control_port(tmp_path: Path) -> None:
    options = ["--max-connections", "2", "--admin-port", "0"]
    with ServerProcess(tmp_path, *options) as server, server.connection(), server.connection():
        port = httpx.URL(server.admin).port
        with server.client() as client:
            assert client.get(f"https://localhost:{port}/__admin/health").status_code == 200
            with pytest.raises(httpx.TransportError):
                client.get("version")


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_body_with_too_many_servers_gets_413(tmp_path: Path, kind: str) -> None:
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
def test_the_limit_of_open_files_is_raised(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ServerProcess(tmp_path) as server:
        limits = Path(f"/proc/{server.process.pid}/limits")
        if not limits.exists():
            pytest.skip("the limits of a process are read from /proc: run it on Linux")
        line = next(line for line in limits.read_text().splitlines() if line.startswith("Max open files"))
        allowed = line.split()[3]
        assert allowed == "unlimited" or int(allowed) >= min(65_536, hard if hard > 0 else 65_536)
