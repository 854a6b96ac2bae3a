"""The four ways to serve the app, each with a client."""

import re
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

import httpx
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from mockcvp.app import MockApp, create_app
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from tests.server_process import PASSWORD, PATIENCE, USER

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class TransparentMiddleware:
    """Middleware without an effect; with any middleware, requests go through FastAPI's stack."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@contextmanager
def serve_with_own_server(cert_dir: Path, *, middleware: bool = False) -> Iterator[httpx.Client]:
    """Serve the app with mockcvp's server, over TLS."""
    app = create_app(Settings())
    if middleware:
        app.add_middleware(TransparentMiddleware)
    with serve_app(app, cert_dir) as client:
        yield client


@contextmanager
def serve_app(app: MockApp, cert_dir: Path) -> Iterator[httpx.Client]:
    """Serve an app with mockcvp's server, over TLS."""
    server, ready = Server(app, Settings(port=0, cert_dir=cert_dir)), Event()
    thread = Thread(target=server.run, args=(ready.set,))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        tls = ssl.create_default_context(cafile=server.certificate)
        with httpx.Client(base_url=server.url, auth=(USER, PASSWORD), verify=tls, timeout=PATIENCE) as client:
            yield client
    finally:
        server.stop()
        thread.join()


@contextmanager
def serve_with_test_client(cert_dir: Path) -> Iterator[httpx.Client]:
    """Serve the app with Starlette's test client."""
    del cert_dir
    with call_app(create_app()) as client:
        yield client


@contextmanager
def call_app(app: MockApp) -> Iterator[httpx.Client]:
    """Serve an app with Starlette's test client."""
    with TestClient(app, base_url="https://localhost/cvp-config/") as client:
        client.auth = (USER, PASSWORD)
        yield client


@contextmanager
def serve_with_uvicorn(cert_dir: Path) -> Iterator[httpx.Client]:
    """Serve the app with the command of uvicorn."""
    del cert_dir
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "mockcvp.app:create_app",
        "--port",
        "0",
        "--no-server-header",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = next(filter(None, (re.search(r"running on (http://\S+)", line) for line in process.stderr)))
            with httpx.Client(base_url=f"{found[1]}/cvp-config/", auth=(USER, PASSWORD), timeout=PATIENCE) as client:
                yield client
        finally:
            process.terminate()


WAYS: dict[str, Callable[[Path], AbstractContextManager[httpx.Client]]] = {
    "own server": serve_with_own_server,
    "own server with middleware": partial(serve_with_own_server, middleware=True),
    "TestClient": serve_with_test_client,
    "uvicorn": serve_with_uvicorn,
}
