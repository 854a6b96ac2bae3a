"""``python -m mockcvp.health``: whether the mock server of this container answers, for its health check.

It imports the standard library alone, since it runs every few seconds. The ``MOCKCVP_…`` variables and the arguments of
the container's first process, say where the mock server listens.
"""

import http.client
import os
import ssl
import sys
from pathlib import Path

_SECONDS = 1.5
_FIRST_PROCESS = Path("/proc/1/cmdline")
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on


def main() -> None:
    """Exit with 0 where it answers that it is healthy, and with 1 and a line on stderr where it does not."""
    host, port = address(dict(os.environ), _arguments())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # whom this talks to is known by the address: a certificate of the user's own need not name it
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection = http.client.HTTPSConnection(host, int(port), timeout=_SECONDS, context=context)
        connection.request("GET", "/__admin/health")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as exc:
        sys.exit(f"mockcvp: no answer from {host} port {port}: {exc}")
    if status != http.HTTPStatus.OK:
        sys.exit(f"mockcvp: status {status} from {host} port {port}")


def address(environment: dict[str, str], arguments: list[str]) -> tuple[str, str]:
    """Return host and port of the control API.

    Args:
        environment: of the mock server
        arguments: of its command line, which win
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
    return _ANY.get(host, host), port


def _arguments() -> list[str]:
    try:
        return [os.fsdecode(one) for one in _FIRST_PROCESS.read_bytes().split(b"\0")]
    except OSError:
        return []


if __name__ == "__main__":
    main()
