"""Resource use: imports, reference cycles, and delays by long work."""

import asyncio
import gc
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx
import pytest

from mockcvp import MockCVP
from mockcvp.pipeline.slices import each
from tests.costs import iterations_during
from tests.server_process import PATIENCE, SYNCHRONIZE, read_response

SAMPLE = {"synchronize": {"servers": {"server": {"refURL": "a", "sincetime": "0"}}}}


LAZY = ["lxml", "cryptography", "regex", "jsonpath"]


@pytest.mark.parametrize("module", LAZY)
def test_a_start_does_not_import_optional_modules(module: str) -> None:
    code = (
        "import sys; from mockcvp.cli import main; from mockcvp.app import create_app; create_app()\n"
        f"from mockcvp.server.listener import Server; sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["fastapi", "anyio", *LAZY])
def test_mock_cvp_does_not_import_optional_modules(module: str) -> None:
    code = f"import sys; import mockcvp.testing.mock_cvp; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_call_creates_no_reference_cycles() -> None:
    call = (
        f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        "Content-Length: 0\r\nAuthorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\n\r\n"
    ).encode()
    with (
        MockCVP() as cvp,
        socket.create_connection(("127.0.0.1", urlsplit(cvp.url).port or 0)) as plain,
        cvp.ssl_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        gc.collect()
        gc.disable()
        try:
            for _ in range(200):
                connection.sendall(call)
                assert read_response(connection).startswith(b"HTTP/1.1 202 ")
            assert gc.collect() < 200
        finally:
            gc.enable()


@pytest.mark.parametrize("path", ["/cvp-config/version", "/__admin/health"])
@pytest.mark.parametrize("ends", ["client", "server"])
def test_a_connection_creates_no_reference_cycles(ends: str, path: str) -> None:
    close = "Connection: close\r\n" if ends == "server" else ""
    with MockCVP() as cvp:
        context, address = cvp.ssl_context(), ("127.0.0.1", urlsplit(cvp.url).port or 0)

        def call() -> None:
            with context.wrap_socket(socket.create_connection(address), server_hostname="localhost") as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode())
                assert read_response(connection).startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 200 "))

        call()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                call()
            time.sleep(0.5)
            assert gc.collect() < 100
        finally:
            gc.enable()


def test_equal_headers_and_bodies_are_stored_once() -> None:
    with (
        MockCVP() as cvp,
        httpx.Client(base_url=cvp.url, auth=cvp.auth, verify=cvp.ssl_context(), timeout=PATIENCE) as client,
    ):
        for _ in range(2):
            client.post(SYNCHRONIZE, json=SAMPLE, headers={"Accept": "application/json"})
        first, second = cvp.calls
        assert first.request.headers is second.request.headers
        assert first.synchronization
        assert second.synchronization
        assert first.synchronization.requested is second.synchronization.requested


def test_a_repeated_invalid_body_gets_the_same_errors() -> None:
    faulty = {"synchronize": {"servers": {"server": [{"refURL": "a", "sincetime": "-1"}, {"refURL": ""}]}}}
    with (
        MockCVP(unknown_servers="reject") as cvp,
        httpx.Client(base_url=cvp.url, auth=cvp.auth, verify=cvp.ssl_context(), timeout=PATIENCE) as client,
    ):
        reported = [client.post(SYNCHRONIZE, json=faulty, headers={"Accept": "application/json"}) for _ in range(2)]
    assert [response.status_code for response in reported] == [400, 400]
    assert reported[0].json() == reported[1].json()
    assert len(reported[0].json()["apiErrors"]["apiError"]) == 3


def long_work(number: int) -> int:
    time.sleep(0.0005)
    return number


def test_the_event_loop_runs_between_slices_of_work() -> None:
    async def work() -> None:
        assert await each(long_work, range(100)) == list(range(100))

    assert asyncio.run(iterations_during(work())) >= 50


def test_a_journal_search_does_not_delay_other_calls() -> None:
    with (
        MockCVP(journal_max_calls=3000) as cvp,
        httpx.Client(base_url=cvp.url, verify=cvp.ssl_context(), timeout=PATIENCE) as client,
    ):
        for _ in range(3000):
            client.get("version")

        async def main() -> None:
            async with httpx.AsyncClient(verify=cvp.ssl_context(), trust_env=False, timeout=PATIENCE) as beside:
                # Both connections are open before the search.
                await asyncio.gather(*(beside.get(f"{cvp.admin_url}/health") for _ in range(2)))
                search = asyncio.create_task(beside.get(f"{cvp.admin_url}/requests?limit=3000"))
                await asyncio.sleep(0)
                await beside.get(f"{cvp.url}/version")
                assert not search.done()
                found = await search
                assert len(found.json()["requests"]) >= 3000

        asyncio.run(main())
