"""From the command to the first 202, beside the same for a bare FastAPI app on uvicorn with TLS."""

import base64
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mockcvp.certificates import certificate
from mockcvp.settings import Settings

RUNS = 5
CALL = (
    b"POST /cvp-config/command/synchronize HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    b"Content-Length: 0\r\nAuthorization: Basic " + base64.b64encode(b"wsmadmin:wsmadmin") + b"\r\n\r\n"
)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def seconds_to_first_202(command: Sequence[str], port: int, trusted: Path) -> float:
    """Start a server, call it until it answers, stop it; return the seconds from start to answer."""
    tls = ssl.create_default_context(cafile=trusted)
    began = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 30:
            try:
                connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            except ConnectionRefusedError:
                time.sleep(0.001)
                continue
            with tls.wrap_socket(connection, server_hostname="localhost") as encrypted:
                encrypted.sendall(CALL)
                if encrypted.recv(65536).startswith(b"HTTP/1.1 202 "):
                    return time.perf_counter() - began
                break
        raise SystemExit(f"no 202 from {' '.join(command)}")
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Print the medians and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        kept = certificate(Settings(cert_dir=Path(directory))).path
        key = kept.with_name("mockcvp-key.pem")
        ours, peers = [], []
        # the first run of each, which fills the file system's cache, is not counted
        for run in range(RUNS + 1):
            port = str(free_port())
            command = [sys.executable, "-m", "mockcvp", "serve", "--port", port, "--cert-dir", directory]
            mockcvp = seconds_to_first_202(command, int(port), kept)
            port = str(free_port())
            command = [sys.executable, "-m", "benchmarks.bare", port, str(kept), str(key)]
            bare = seconds_to_first_202(command, int(port), kept)
            if run:
                ours.append(mockcvp)
                peers.append(bare)
    ratio = statistics.median(ours) / statistics.median(peers)
    print(f"from start to the first 202, median of {RUNS} runs")
    print(f"| mockcvp serve | {statistics.median(ours):.3f} s |")
    print(f"| bare FastAPI on uvicorn, TLS | {statistics.median(peers):.3f} s |")
    print(f"| ratio | {ratio:.2f} |")


if __name__ == "__main__":
    main()
