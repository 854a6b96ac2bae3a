"""pytest-httpserver in a separate process, which accepts a sync-up."""

import signal
import ssl
import sys

from pytest_httpserver import HTTPServer

if __name__ == "__main__":
    port, cert, key = sys.argv[1:]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    with HTTPServer(host="localhost", port=int(port), ssl_context=tls) as server:
        wanted = {"Authorization": "Basic d3NtYWRtaW46d3NtYWRtaW4="}
        server.expect_request("/cvp-config/command/synchronize", method="POST", headers=wanted).respond_with_data(
            status=202
        )
        signal.pause()
