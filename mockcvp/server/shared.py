"""What all connections of one server share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from starlette.types import Receive, Scope, Send

from mockcvp.oamp.releases import Release
from mockcvp.server.batch import Batch
from mockcvp.settings import Settings


class Application(Protocol):
    """The ASGI app that is served."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""

    def controls(self, scope: Scope) -> bool:
        """Return whether a request is one to the admin API."""

    @property
    def release(self) -> Release:
        """The release whose headers responses have."""


@dataclass
class Service:
    """What all connections of one server share.

    Attributes:
        app: what is served
        settings: of the server
        certificate: its path
        admin_port: of the admin API; None where it shares the OAMP's
        date: the value of the ``Date`` header
        is_stopping: whether the server stops
        batch: of the requests that are responded to together
    """

    app: Application
    settings: Settings
    certificate: Path | None = None
    admin_port: int | None = None
    date: bytes = b""
    is_stopping: bool = False
    batch: Batch = field(default_factory=Batch)
