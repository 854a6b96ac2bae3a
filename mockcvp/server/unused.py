"""The log of connections without a request, which may come from clients that reject the certificate."""

import logging
from contextvars import ContextVar

# A client that checks only whether the server listens may connect every second.
_REPORT_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Handshake:
    """A TLS handshake.

    Attributes:
        client: the address of the client
        has_certificate: whether the server has sent its certificate
    """

    def __init__(self) -> None:
        self.client = "-"
        self.has_certificate = False


HANDSHAKE: ContextVar[Handshake | None] = ContextVar("HANDSHAKE", default=None)
"""The TLS handshake of the current connection; None in an app on another server."""


class UnusedConnections:
    """Logs clients that close a connection without a request, in at most one line every ten seconds.

    Many clients reject a certificate without a TLS alert, and the server cannot distinguish them from others.
    """

    def __init__(self) -> None:
        self._reported: float | None = None

    def report(self, client: str, now: float) -> None:
        """Log a closed connection.

        Args:
            client: the address of the client
            now: the time of the event loop, in seconds
        """
        if self._reported is None or now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            _log.info(
                "%s closed the connection after it received the certificate, without a request: does the client trust "
                "the certificate, and is the host's name in it? (--tls-name)",
                client,
            )
