"""The ASGI extension ``mockcvp.connection``, through which the app controls the connection of a request."""

from pathlib import Path
from typing import Protocol

from starlette.types import Scope

from mockcvp.oamp.http import Response
from mockcvp.stubs.response import Fault

CONNECTION = "mockcvp.connection"
"""The name of the extension in ``scope["extensions"]``; its value is a ``ResponseWriter``."""


class ResponseWriter(Protocol):
    """One request on its connection."""

    @property
    def is_disconnected(self) -> bool:
        """Whether the client has closed the connection."""

    @property
    def malformed(self) -> str:
        """The reason why the body is malformed HTTP; empty for a valid body."""

    @property
    def port(self) -> int:
        """The port of the OAMP."""

    @property
    def admin_port(self) -> int | None:
        """The port of the control API; None if it is the port of the OAMP."""

    @property
    def is_stopping(self) -> bool:
        """Whether the server stops."""

    @property
    def certificate(self) -> Path | None:
        """The path of the server's certificate."""

    def respond(self, response: Response, *, close: bool, has_reason_phrase: bool) -> bool:
        """Write a whole response, and return whether the client was still connected."""

    async def wait_delivered(self) -> bool:
        """Wait until the response has left the write buffer, and return whether the connection was open until then."""

    def prepare(self, reason: str | None, *, dated: bool) -> None:
        """Set properties of the response that ``send`` starts.

        Args:
            reason: the reason phrase; None for the standard one
            dated: whether the response has a separate ``Date`` header
        """

    def apply_fault(self, fault: Fault) -> None:
        """Apply a fault to the connection instead of a response."""

    def abort(self) -> None:
        """Close the connection at once."""


def writer_of(scope: Scope) -> ResponseWriter | None:
    """Return the writer of a request; None if the app runs on another server."""
    writer: ResponseWriter | None = (scope.get("extensions") or {}).get(CONNECTION)
    return writer
