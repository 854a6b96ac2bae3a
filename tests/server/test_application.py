"""Responses and log lines of an app that violates the ASGI specification."""

import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from mockcvp.oamp.releases import RELEASES, Release
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from tests.server.test_protocol import read_to_end
from tests.server_process import read_response

START: dict[str, object] = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]}
PART: dict[str, object] = {"type": "http.response.body", "body": b"part", "more_body": True}


class BrokenApp:
    """An app that sends a part of its response, and then returns or raises an exception.

    Args:
        messages: the messages that the app sends
        has_error: whether the app raises an exception
        is_admin: whether the requests are admin requests, each of which has a task
    """

    def __init__(self, messages: list[dict[str, object]], has_error: bool, is_admin: bool) -> None:
        self._messages, self._has_error, self._is_admin = messages, has_error, is_admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        for message in self._messages:
            await send(message)
        if self._has_error:
            raise LookupError("in the app")

    def controls(self, scope: Scope) -> bool:  # noqa: ARG002 - the server's signature
        return self._is_admin

    @property
    def release(self) -> Release:
        return next(iter(RELEASES.values()))


@contextmanager
def connected(app: BrokenApp, cert_dir: Path) -> Iterator[ssl.SSLSocket]:
    server = Server(app, Settings(port=0, cert_dir=cert_dir))
    stop = server.serving()
    try:
        context = ssl.create_default_context(cafile=server.certificate)
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection
    finally:
        stop()


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("has_error", [False, True])
@pytest.mark.parametrize("messages", [[], [START], [START, PART]])
def test_an_incomplete_response_closes_the_connection(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    messages: list[dict[str, object]],
    has_error: bool,
    is_admin: bool,
) -> None:
    with connected(BrokenApp(messages, has_error, is_admin), tmp_path) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n" if messages else b"HTTP/1.1 500 Internal Server Error\r\n")
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.endswith(b"part") == (len(messages) == 2)
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    what = "raised an exception" if has_error else "returned without a whole response"
    assert errors == [f"the app has {what}"]


def test_an_error_after_the_response_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    end: dict[str, object] = {"type": "http.response.body", "body": b"0123456789"}
    with connected(BrokenApp([START, end], True, False), tmp_path) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_response(connection).endswith(b"\r\n\r\n0123456789")
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["the app has raised an exception"] * 2
