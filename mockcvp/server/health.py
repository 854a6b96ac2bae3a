"""The health check of the container: ``python -m mockcvp.server.health``.

It runs every few seconds, so it imports only the standard library. It finds the address of the mock server in the
``MOCKCVP_…`` variables and in the arguments of the container's first process.
"""

import http.client
import os
import ssl
import sys
from pathlib import Path

_TIMEOUT = 1.5
_FIRST_PROCESS = Path("/proc/1/cmdline")
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the process only connects


def main() -> None:
    """Exit with 0 if the mock server is healthy, else with 1 and a line on stderr."""
    host, port = address(dict(os.environ), _arguments())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The connection stays within the container, and a custom certificate may have other names.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection = http.client.HTTPSConnection(host, int(port), timeout=_TIMEOUT, context=context)
        connection.request("GET", "/__admin/health")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as exc:
        sys.exit(f"mockcvp: no response from {host} port {port}: {exc}")
    if status != http.HTTPStatus.OK:
        sys.exit(f"mockcvp: status {status} from {host} port {port}")


def address(environment: dict[str, str], arguments: list[str]) -> tuple[str, str]:
    """Return the host and port of the control API.

    Args:
        environment: the environment variables of the mock server
        arguments: the arguments of the mock server, which override the variables
    """

    def given(name: str) -> str:
        option = f"--{name.replace('_', '-')}"
        for index, argument in enumerate(arguments):
            if argument == option and index + 1 < len(arguments):
                return arguments[index + 1]
            if argument.startswith(f"{option}="):
                return argument.partition("=")[2]
        return environment.get(f"MOCKCVP_{name.upper()}", "")

    host, port = given("admin_host") or given("host"), given("admin_port") or given("port") or "8111"
    return _LOOPBACK.get(host, host), port


def _arguments() -> list[str]:
    try:
        return [os.fsdecode(one) for one in _FIRST_PROCESS.read_bytes().split(b"\0")]
    except OSError:
        return []


if __name__ == "__main__":
    main()
