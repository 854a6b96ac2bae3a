"""A real WireMock, for tests that compare the mock server with it."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

JAR = Path(__file__).parents[2] / ".cache" / "wiremock" / "wiremock-standalone-3.13.2.jar"
_SHA256 = "d097b19bd483c5038479b13a5c71e9faf8f2f5106584f0c120a7770ab0bdb367"
WHY_NOT = (
    "there is no JDK on this machine: apt-get install default-jdk-headless"
    if not shutil.which("javac")
    else ""
    if JAR.exists()
    else f"WireMock is not in {JAR.parent}: .ci/wiremock downloads it"
)


class WireMock:
    """A process of WireMock on a free port, until the end of the ``with``."""

    def __enter__(self) -> Self:
        assert hashlib.sha256(JAR.read_bytes()).hexdigest() == _SHA256, f"{JAR} is not the expected WireMock"
        command = ["java", "-jar", str(JAR), "--port", "0", "--disable-banner", "--disable-gzip"]
        # A full pipe of unread errors would block WireMock.
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout
        ports = (re.match(r"port:\s+(\d+)", line) for line in self._process.stdout)
        port = next(match[1] for match in ports if match)
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def client(self) -> httpx.Client:
        """Return a client of WireMock."""
        return httpx.Client(base_url=self.url, trust_env=False)
