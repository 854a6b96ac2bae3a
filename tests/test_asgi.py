"""The app in other ASGI servers and test clients."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from mockcvp.app import MockApp, create_app
from mockcvp.oamp.deployment import Deployment, Server, ServerType
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.server_process import JSON, PASSWORD, PATIENCE, SYNCHRONIZE, USER, XML

PATH = f"/cvp-config/{SYNCHRONIZE}"
BASE_URL = "https://oamp.example"
Send = Callable[..., httpx.Response]


@contextmanager
def starlette_client() -> Iterator[Send]:
    with TestClient(create_app(), base_url=BASE_URL) as client:
        del client.headers["accept"]
        yield client.request


@contextmanager
def asgi_transport() -> Iterator[Send]:
    app = create_app()

    def send(method: str, path: str, **options: Any) -> httpx.Response:
        async def exchange() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url=BASE_URL, timeout=PATIENCE
            ) as client:
                del client.headers["accept"]
                return await client.request(method, path, **options)

        return asyncio.run(exchange())

    yield send


@contextmanager
def plain_uvicorn() -> Iterator[Send]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "mockcvp.app:create_app", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = next(line for line in process.stderr if "running on" in line)
        url = line.split("running on ")[1].split()[0]
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
                del client.headers["accept"]
                yield client.request
        finally:
            process.terminate()
            process.stderr.read()


@pytest.mark.parametrize("server", [starlette_client, asgi_transport, plain_uvicorn])
def test_any_asgi_server_gives_the_same_responses(server: Callable[[], Any]) -> None:
    auth = (USER, PASSWORD)
    with server() as send:
        responses = [
            send("POST", PATH, auth=auth, headers={"Accept": XML}),
            send("POST", PATH, headers={"Accept": JSON}),
            send("POST", PATH, auth=auth),
            send("POST", PATH, auth=auth, headers={"Accept": "text/html"}),
            send("GET", "/cvp-config/version", auth=auth, headers={"Accept": JSON}),
        ]
        journal = send("GET", "/__admin/requests").json()
    assert [response.status_code for response in responses] == [202, 401, 400, 406, 200]
    assert responses[0].headers["content-type"] == XML
    assert responses[1].json()["apiErrors"]["apiError"]["errorType"] == "authorization.unathorized"
    assert responses[1].headers["x-mockcvp-reason"] == "authorization.unathorized: no credentials were sent"
    assert responses[4].json()["version"]["majorVersion"] == "10"
    assert [call["response"]["status"] for call in journal["requests"]] == [200, 406, 400, 401, 202]


FAULTS = ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("server", [starlette_client, asgi_transport])
def test_a_socket_fault_raises_connection_reset_error(server: Callable[[], Any], fault: str) -> None:
    with server() as send:
        stub = {"request": {"urlPath": PATH}, "response": {"fault": fault}}
        assert send("POST", "/__admin/mappings", json=stub).status_code == 201
        with pytest.raises(ConnectionResetError, match=fault):
            send("POST", PATH, auth=(USER, PASSWORD), headers={"Accept": XML})
        (call,) = send("GET", "/__admin/requests").json()["requests"]
    assert call["request"]["mockcvp"]["fault"] == fault


def test_a_reset_aborts_a_request_in_flight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    server = MockState(Settings())
    app = create_app(state=server)

    async def exchange() -> None:
        reset = asyncio.Event()

        async def receive() -> Message:
            reset.set()
            await asyncio.sleep(0)
            server.reset()
            return {"type": "http.request", "body": b"", "more_body": False}

        await app(make_scope(query_string=b"x" * 5000), receive, reject_message)

    with pytest.raises(ConnectionResetError):
        asyncio.run(exchange())
    (logged,) = [message for message in caplog.messages if "in flight when the mock server was reset" in message]
    assert len(logged) < 400


async def reject_message(message: Message) -> None:
    raise AssertionError(f"{message} was sent")


def make_scope(**changes: Any) -> Scope:
    headers = [
        (b"host", b"oamp"),
        (b"accept", b"application/xml"),
        (b"authorization", b"Basic d3NtYWRtaW46d3NtYWRtaW4="),
    ]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/cvp-config/server/a b",
        "query_string": b"",
        "headers": headers,
    }
    scope.update(changes)
    return scope


def call_app(app: MockApp, scope: Scope) -> list[Message]:
    """Call an app, and return the messages that it sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"raw_path": None},
        {"server": None, "client": None},
        {"server": ["oamp.example", 8111], "client": ["10.0.0.1", 1]},
        {"server": ("/run/oamp.sock", None)},
        {"headers": [[name, value] for name, value in make_scope()["headers"]]},
        {"state": {}},
    ],
)
def test_optional_members_of_the_scope_may_be_absent(changes: dict[str, Any]) -> None:
    server = MockState(Settings())
    start, body = call_app(create_app(state=server), make_scope(**changes))
    assert start["status"] == 404
    assert b"Requested Resource Not Found" in body["body"]
    (call,) = server.journal.page().calls
    assert (call.path, call.request.target) == ("/cvp-config/server/a b", "/cvp-config/server/a%20b")


def test_the_app_does_not_bind_the_port() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(Settings(port=listener.getsockname()[1]))
        assert call_app(app, make_scope())[0]["status"] == 404


@pytest.mark.parametrize(
    ("client", "settings", "status"),
    [
        ("192.0.2.7", {}, 401),
        ("2001:db8::7", {}, 401),
        ("::ffff:192.0.2.7", {}, 401),
        ("127.0.0.2", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("testclient", {}, 200),
        ("192.0.2.7", {"admin_access": "open"}, 200),
        ("127.0.0.1", {"admin_access": "guarded"}, 401),
        ("192.0.2.7", {"admin_username": "tester", "admin_password": "p"}, 401),
    ],
)
def test_another_machine_needs_credentials_in_any_server(client: str, settings: dict[str, Any], status: int) -> None:
    app = create_app(Settings(**settings))
    with TestClient(app, base_url=BASE_URL, client=(client, 1)) as http:
        assert http.get("/__admin/requests").status_code == status
        assert http.get("/__admin/health").status_code == 200
        auth = ("tester", "p") if "admin_username" in settings else (USER, PASSWORD)
        assert http.get("/__admin/requests", auth=auth).status_code == 200


def test_environment_variables_configure_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKCVP_USERNAME", "other")
    monkeypatch.setenv("MOCKCVP_PASSWORD", "")
    monkeypatch.setenv("MOCKCVP_TLS_NAMES", "oamp.example 192.0.2.1")
    settings = create_app().state.mock.settings
    assert (settings.username, settings.password.get_secret_value()) == ("other", "wsmadmin")
    assert settings.tls_names == ("oamp.example", "192.0.2.1")


def test_an_invalid_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKCVP_RELEASE", "11")
    with pytest.raises(ValueError, match=r"^MOCKCVP_RELEASE: must be '10.0' or '12.6'"):
        create_app()


def test_a_cancelled_long_list_is_recorded_as_not_delivered() -> None:
    servers = [
        Server(id=f"s{n}", hostname="h", ipaddr=IPv4Address("192.0.2.1"), type=ServerType.MEDIA) for n in range(2000)
    ]
    state = MockState(Settings(deployment=Deployment(servers=tuple(servers))))
    app = create_app(state=state)

    async def serve() -> None:
        scope = make_scope(method="GET", path="/cvp-config/server", raw_path=b"/cvp-config/server")
        task = asyncio.create_task(app(scope, receive_empty_body, reject_message))
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await task

    asyncio.run(serve())
    (call,) = state.journal.page().calls
    assert (call.path, call.status, call.delivered) == ("/cvp-config/server", None, False)


async def receive_empty_body() -> Message:
    return {"type": "http.request", "body": b""}
