"""The calls of the journal as short rows, and the search in them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mockcvp.journal import Call
from mockcvp.pipeline.log_line import outcome

_FORMS = ("json", "xml")


class Search(BaseModel):
    """The query parameters of a search for calls."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        Field(description="Part of the method, path, user, error type, reason or request body, in any case."),
    ] = ""
    status: Annotated[
        str, Field(pattern=r"^(|none|[1-5]xx|[1-5]\d\d)$", description="`404`, `4xx`, or `none` for no response.")
    ] = ""
    form: Annotated[Literal["", "json", "xml"], Field(description="The format of the request.")] = ""
    user: Annotated[str, Field(description="The user name.")] = ""
    error: Annotated[str, Field(description="Part of the error type.")] = ""
    before: Annotated[int | None, Field(ge=1, description="List only calls with a smaller number.")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="The most calls to list.")] = 100

    @property
    def matches(self) -> Callable[[Call], bool]:
        """Whether a call matches every parameter but ``before`` and ``limit``."""
        text, error = self.text.lower(), self.error.lower()
        in_body = text.encode(errors="replace")

        def matching(call: Call) -> bool:
            if self.user and call.user != self.user:
                return False
            if self.status and not _has_status(call, self.status):
                return False
            if self.form and _form(call) != self.form:
                return False
            if error and error not in (_error_type(call) or "").lower():
                return False
            return not text or text in _words(call) or in_body in call.body.lower()

        return matching


def row(call: Call, call_id: str) -> dict[str, Any]:
    """Return a call as a row."""
    return {
        "number": call.number,
        "id": call_id,
        "time": datetime.fromtimestamp(call.time, UTC).isoformat(timespec="milliseconds"),
        "duration": call.duration,
        "client": call.client,
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "user": call.user,
        "status": call.status,
        "errorType": _error_type(call),
        "reason": call.response.reason if call.response else None,
        "effect": outcome(call),
        "form": _form(call),
        "stub": call.mapping and (call.mapping.name or call.mapping.id),
        "fault": call.fault,
        "syncUp": call.synchronization is not None,
        "delivered": call.delivered,
    }


def _error_type(call: Call) -> str | None:
    errors = call.response.errors if call.response else ()
    return errors[0].type.name if errors else None


def _form(call: Call) -> str | None:
    """Return the format of a request: that of its body, or else that of the response that it accepts."""
    for name in (b"content-type", b"accept"):
        media_type = (call.request.header(name) or "").lower()
        if found := next((form for form in _FORMS if form in media_type), None):
            return found
    return None


def _has_status(call: Call, wanted: str) -> bool:
    if wanted == "none":
        return call.status is None
    return call.status is not None and (str(call.status) == wanted or f"{call.status // 100}xx" == wanted)


def _words(call: Call) -> str:
    words = (call.method, call.request.target, call.path, call.user or "", _error_type(call) or "", outcome(call))
    return "\n".join(words).lower()
