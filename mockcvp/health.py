"""``python -m mockcvp.health``: whether the double beside this process answers, for a container's health check.

It loads nothing but what Python has of its own, since it is run every few seconds. The double is looked for on
127.0.0.1, on the port of ``MOCKCVP_ADMIN_PORT``, or else of ``MOCKCVP_PORT``.
"""

import http.client
import os
import ssl
import sys

_SECONDS = 1.5


def main() -> None:
    """Exit with 0 where it answers that it is healthy, and with 1 and a line on stderr where it does not."""
    port = os.environ.get("MOCKCVP_ADMIN_PORT") or os.environ.get("MOCKCVP_PORT") or "8111"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # whom this talks to is known by the address: a certificate of the user's own need not name it
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=_SECONDS, context=context)
        connection.request("GET", "/__admin/health")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as fault:
        sys.exit(f"mockcvp: no answer on port {port}: {fault}")
    if status != http.HTTPStatus.OK:
        sys.exit(f"mockcvp: status {status} on port {port}")


if __name__ == "__main__":
    main()
