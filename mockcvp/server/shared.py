"""The state that all connections of one server share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from starlette.types import Receive, Scope, Send

from mockcvp.oamp.releases import Release
from mockcvp.server.batch import Batch
from mockcvp.server.unused import UnusedConnections
from mockcvp.settings import Settings


class Application(Protocol):
    """The ASGI app that is served."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""

    def controls(self, scope: Scope) -> bool:
        """Return whether the control API serves a request."""

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""


@dataclass
class Service:
    """The state that all connections of one server share.

    Attributes:
        app: the ASGI app
        settings: the settings of the mock server
        certificate: the path of the certificate
        port: the port of the OAMP
        admin_port: the port of the control API; None if it is the port of the OAMP
        date: the value of the ``Date`` header
        is_stopping: whether the server stops
        batch: the requests of the current event-loop iteration
        unused: the log of connections without a request
    """

    app: Application
    settings: Settings
    certificate: Path | None = None
    port: int = 0
    admin_port: int | None = None
    date: bytes = b""
    is_stopping: bool = False
    batch: Batch = field(default_factory=Batch)
    unused: UnusedConnections = field(default_factory=UnusedConnections)
