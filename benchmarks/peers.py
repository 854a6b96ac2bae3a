"""The servers in the benchmarks: mockcvp, other mock servers and FastAPI apps. Each responds to a sync-up with 202."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clients.wiremock_jar import JAR

PATH = "/cvp-config/command/synchronize"
CREDENTIALS = "Basic d3NtYWRtaW46d3NtYWRtaW4="
BODIES = {
    "json": b'{"synchronize": {"servers": {"server": {"refURL": "ref-url of server", "sincetime": "0"}}}}',
    "xml": b"<synchronize><servers><server><refURL>ref-url of server</refURL><sincetime>0</sincetime></server>"
    b"</servers></synchronize>",
}
HERE = Path(__file__).parent
_MODULES = HERE.parent / ".cache" / "peers" / "node_modules"
_PRISM = _MODULES / "@stoplight" / "prism-cli" / "dist" / "index.js"
_MOUNTEBANK = _MODULES / "mountebank" / "bin" / "mb"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Place:
    """The port and files of a server.

    Attributes:
        port: the port to listen on
        directory: a temporary directory
        certificate: the PEM file of the certificate
        key: the PEM file of its key
    """

    port: int
    directory: Path
    certificate: Path
    key: Path

    def write(self, name: str, content: object) -> str:
        """Write a JSON file, and return its path."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
        return str(path)


@dataclass(frozen=True)
class Peer:
    """A server in the benchmarks.

    Attributes:
        name: the name in the tables
        command: returns the command line
        tls: whether the server supports TLS
        directory: the working directory of the process
        why_not: the reason why the server cannot run on this machine; empty if it can
    """

    name: str
    command: Callable[[Place], Sequence[str]]
    tls: bool = True
    why_not: str = ""
    directory: Path = HERE.parent


def commit(name: str, directory: Path, *options: str) -> Peer:
    """Return the mockcvp of a directory, which has another commit checked out."""
    # Python imports from the working directory first.
    return Peer(name, _mockcvp("--log-level", "warning", *options), directory=directory)


def _mockcvp(*options: str) -> Callable[[Place], Sequence[str]]:
    # mockcvp has generated the certificate of the place.
    return lambda place: [
        *(sys.executable, "-m", "mockcvp", "serve", "--port", str(place.port)),
        *("--cert-dir", str(place.certificate.parent), *options),
    ]


def _wiremock(place: Place) -> Sequence[str]:
    accepted = {
        "request": {
            "method": "POST",
            "urlPath": PATH,
            "basicAuthCredentials": {"username": "wsmadmin", "password": "wsmadmin"},
        },
        "response": {"status": 202},
    }
    place.write("mappings/synchronize.json", accepted)
    ports = ("--https-port", str(place.port), "--port", "0")
    return ["java", "-jar", str(JAR), *ports, "--root-dir", str(place.directory), "--disable-banner"]


def _prism(place: Place) -> Sequence[str]:
    text, entry = {"type": "string"}, {"type": "object"}
    schema = {"type": "object", "required": ["synchronize"], "properties": {"synchronize": entry, "refURL": text}}
    operation = {
        "security": [{"basic": []}],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"202": {"description": "accepted"}},
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "OAMP", "version": "1"},
        "components": {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
        "paths": {PATH: {"post": operation}},
    }
    spec = place.write("openapi.json", document)
    return ["node", str(_PRISM), "mock", spec, "--port", str(place.port), "--verboseLevel", "silent"]


def _mountebank(place: Place) -> Sequence[str]:
    wanted = {"method": "POST", "path": PATH, "headers": {"Authorization": CREDENTIALS}}
    imposter = {
        "port": place.port,
        "protocol": "https",
        "key": place.key.read_text(),
        "cert": place.certificate.read_text(),
        "stubs": [{"predicates": [{"equals": wanted}], "responses": [{"is": {"statusCode": 202}}]}],
    }
    config = place.write("imposters.json", {"imposters": [imposter]})
    files = ("--configfile", config, "--pidfile", str(place.directory / "pid"), "--nologfile")
    return ["node", str(_MOUNTEBANK), "--port", str(free_port()), *files, "--loglevel", "error"]


def _python(module: str, *arguments: str) -> Callable[[Place], Sequence[str]]:
    return lambda place: [
        *(sys.executable, "-m", f"benchmarks.{module}", *arguments),
        *(str(place.port), str(place.certificate), str(place.key)),
    ]


def _without(program: str, file: Path, how: str) -> str:
    if not shutil.which(program):
        return f"there is no {program} on this machine"
    return "" if file.exists() else how


MOCKCVP = Peer("mockcvp", _mockcvp("--log-level", "warning"))
LOGGING = Peer("mockcvp, with a log line for each call", _mockcvp())
WIREMOCK = Peer("WireMock 3.13", _wiremock, why_not=_without("java", JAR, ".ci/wiremock gets it"))
PRISM = Peer(
    "Prism 5.16 (HTTP only)", _prism, tls=False, why_not=_without("node", _PRISM, "benchmarks/install gets it")
)
MOUNTEBANK = Peer("mountebank 2.9", _mountebank, why_not=_without("node", _MOUNTEBANK, "benchmarks/install gets it"))
HTTPSERVER = Peer("pytest-httpserver", _python("httpserver"))
TEXTBOOK = Peer("FastAPI, model as parameter, `HTTPBasic`", _python("bare", "textbook"))
ON_REQUEST = Peer("FastAPI, handler with only a `Request`", _python("bare", "request"))
ROUTE = Peer("a Starlette `Route` in FastAPI's router", _python("bare", "route"))
BARE = Peer("a bare FastAPI app that accepts every request", _python("bare", "bare"))
UVICORN = Peer("uvicorn with an ASGI callable that accepts every request", _python("bare", "callable"))


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def request(kind: str = "json") -> bytes:
    """Return the raw request of a sync-up, in JSON or XML."""
    body = BODIES[kind]
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAccept: application/{kind}\r\nContent-Type: application/{kind}\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: {CREDENTIALS}\r\n\r\n"
    ).encode() + body


class Started:
    """Runs a peer in a separate process until the end of the ``with``.

    Attributes:
        url: the URL of the sync-up
        seconds: the time from the command to the first 202
    """

    def __init__(self, peer: Peer, place: Place) -> None:
        self._peer, self._place = peer, place
        self.url = f"{'https' if peer.tls else 'http'}://localhost:{place.port}{PATH}"

    def __enter__(self) -> Self:
        command = self._peer.command(self._place)
        began = time.perf_counter()
        # Nothing reads the output of the process.
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._peer.directory, env=_environment()
        )
        try:
            while not self._is_ready():
                if time.perf_counter() - began > 60 or self._process.poll() is not None:
                    raise SystemExit(f"no 202 from {self._peer.name}: {' '.join(command)}")
                time.sleep(0.001)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.seconds = time.perf_counter() - began
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def connected(self) -> socket.socket:
        """Open a connection to the server, with TLS if it supports TLS."""
        plain = socket.create_connection(("localhost", self._place.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._peer.tls:
            return plain
        # WireMock does not export its certificate.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        return tls.wrap_socket(plain, server_hostname="localhost")

    def _is_ready(self) -> bool:
        try:
            with self.connected() as connection:
                connection.sendall(request())
                return connection.recv(65536).split(b" ", 2)[1:2] == [b"202"]
        except OSError:
            return False

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def megabytes(self) -> float:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MOCKCVP_")}
