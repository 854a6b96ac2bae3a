"""The table of documented errors, and their document (contract, section 8)."""

import difflib
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, JsonValue

from mockcvp.oamp.model import OampModel

# A log line has at most this many errors. The response has all.
_ERRORS_LOGGED = 3


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One row of the table of documented errors (contract, section 8).

    Attributes:
        status: the status of the response
        name: the ``errorType``
        message: the ``errorMessage``, which does not depend on the cause
        data: the ``errorData``, if the error has it
        detail: the type of the ``errorDetail``, if the error has it
        valid: the valid values in an ``invalidValueErrorDetail``
    """

    status: int
    name: str
    message: str
    data: str | None = None
    detail: str | None = None
    valid: str | None = None

    def with_data(self, data: str) -> "ErrorType":
        """Return this row with other ``errorData``: the name of a field."""
        return replace(self, data=data)

    def error(self, reason: str | None = None, *, actual: str | None = None, valid: str | None = None) -> "ApiError":
        """Return an occurrence of this error.

        Args:
            reason: the cause, which the real server does not report; it is not part of the response body
            actual: the value that was sent
            valid: the valid values, if they differ from those of the row
        """
        return ApiError(self, reason or self.message, actual, valid or self.valid)


@dataclass(frozen=True, slots=True)
class ApiError:
    """One ``apiError`` of a response.

    Attributes:
        type: the row of the table
        reason: the cause, for the log, the journal and the header ``X-Mockcvp-Reason``
        actual: the value that was sent
        valid: the valid values
    """

    type: ErrorType
    reason: str
    actual: str | None
    valid: str | None

    def __str__(self) -> str:
        sent = "" if self.actual is None else f" (sent: {_shortened(self.actual)})"
        return f"{self.type.name}: {self.reason}{sent}"


_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE_ENUM: dict[str, JsonValue] = {"enum": ["invalidValueErrorDetail", "requiredFieldErrorDetail"]}
_NAMESPACE_CONST: dict[str, JsonValue] = {"const": _NAMESPACE}
_EITHER_DETAIL: dict[str, JsonValue] = {
    "oneOf": [
        {
            "properties": {"-xsi:type": {"const": "invalidValueErrorDetail"}},
            "required": ["actual", "valid"],
        },
        {
            "properties": {"-xsi:type": {"const": "requiredFieldErrorDetail"}},
            "not": {"anyOf": [{"required": ["actual"]}, {"required": ["valid"]}]},
        },
    ]
}


class ErrorDetail(OampModel):
    """The detail of an error. Only `invalidValueErrorDetail` has `actual` and `valid`."""

    model_config = ConfigDict(json_schema_extra=_EITHER_DETAIL)

    type: Annotated[str, Field(alias="-xsi:type", json_schema_extra=_TYPE_ENUM)]
    namespace: Annotated[str, Field(alias="-xmlns:xsi", json_schema_extra=_NAMESPACE_CONST)] = _NAMESPACE
    name: Annotated[str, Field(description="The `errorType`.")]
    actual: Annotated[str | None, Field(description="The value that the client sent.")] = None
    valid: Annotated[str | None, Field(description="The valid values.")] = None


class ApiErrorEntry(OampModel):
    """One error of a response."""

    error_type: Annotated[str, Field(alias="errorType")]
    error_data: Annotated[str | None, Field(alias="errorData", description="The field that is not valid.")] = None
    error_message: Annotated[
        str, Field(alias="errorMessage", description="A fixed text. `X-Mockcvp-Reason` has the cause.")
    ]
    error_detail: Annotated[ErrorDetail | None, Field(alias="errorDetail")] = None


class ApiErrors(OampModel):
    """The errors of a response."""

    root: ClassVar[str] = "apiErrors"

    api_error: Annotated[tuple[ApiErrorEntry, ...], Field(alias="apiError")]


class OampError(Exception):
    """An error response of the OAMP, with one or more errors of the same status."""

    def __init__(self, *errors: ApiError) -> None:
        super().__init__(*errors)
        self.errors = errors

    @property
    def status(self) -> int:
        """The status of the response."""
        return self.errors[0].type.status

    def __str__(self) -> str:
        logged = [str(error) for error in self.errors[:_ERRORS_LOGGED]]
        others = len(self.errors) - len(logged)
        return "; ".join([*logged, f"and {others} more"] if others else logged)

    @property
    def document(self) -> ApiErrors:
        """The body of the response."""
        return ApiErrors.model_construct(api_error=tuple([_entry(error) for error in self.errors]))


def _entry(error: ApiError) -> ApiErrorEntry:
    row, detail = error.type, None
    if row.detail is not None:
        detail = ErrorDetail(type=row.detail, name=row.name)
        if row.detail == "invalidValueErrorDetail":
            detail = detail.model_copy(update={"actual": error.actual or "", "valid": error.valid or ""})
    return ApiErrorEntry(error_type=row.name, error_data=row.data, error_message=row.message, error_detail=detail)


def by_status(status: int) -> ErrorType:
    """Return the first error of the table with a status; an internal error with that status if there is none."""
    return next((row for row in TABLE if row.status == status), None) or ErrorType(status, FAILED.name, FAILED.message)


def of_status(status: int, name: str) -> ErrorType:
    """Return the error with a status and an ``errorType``. The table need not have the ``errorType``.

    Raises:
        ValueError: the table has another status for the ``errorType``, or has one with almost the same name
    """
    found = [row for row in TABLE if row.name == name]
    if found:
        for row in found:
            if row.status == status:
                return row
        raise ValueError(f"the OAMP sends {name} with status {found[0].status}, not {status}")
    near = difflib.get_close_matches(name, [row.name for row in TABLE], n=1, cutoff=0.85)
    if near:
        raise ValueError(f"the OAMP has no {name!r}: is {near[0]} meant?")
    return replace(by_status(status), name=name)


def _shortened(text: str, limit: int = 100) -> str:
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}… of {len(text)} characters"


# Messages of the guide (contract, section 8) are verbatim; the other messages are ours.
UNAUTHORIZED = ErrorType(401, "authorization.unathorized", "Unauthorized request")
NOT_AUTHORIZED = ErrorType(
    401, "authentication.notAuthorized", "User is not authorized to access the requested resource"
)
NO_ACCESS = ErrorType(
    401, "authentication.noAccess", "User is not allowed to access the resource. Check the user roles"
)
MISSING_ACCEPT = ErrorType(400, "invalid.header", "Missing accept header")
NOT_ACCEPTABLE = ErrorType(406, "invalid.acceptHeader", "Invalid accept header, it should contain either xml or json")
UNSUPPORTED_TYPE = ErrorType(
    415, "invalid.contentType", "the Content-Type of the body must be application/xml, text/xml or application/json"
)
TOO_LARGE = ErrorType(413, "invalid.requestSize", "the body is larger than this server takes")
XML_SYNTAX = ErrorType(400, "processing.xmlSyntaxError", "XML Syntax error while processing the request attachment")
JSON_SYNTAX = ErrorType(400, "processing.jsonSyntaxError", "JSON syntax error while processing the request attachment")
INVALID_SINCETIME = ErrorType(
    400,
    "invalidInput.invalidSinceTime",
    "sincetime must be 0 or above",
    data="sincetime",
    detail="invalidValueErrorDetail",
    valid="0 and above",
)
MISSING_FIELD = ErrorType(
    400,
    "invalidInput.requiredInputfieldMissing",
    "Required Input field is missing",
    data="refURL",
    detail="requiredFieldErrorDetail",
)
INVALID_SERVER = ErrorType(
    400,
    "invalidInput.invalidServerRef",
    "Invalid Server Reference URL",
    data="serverRef",
    detail="invalidValueErrorDetail",
    valid="a server of the deployment",
)
DUPLICATE_SERVER = ErrorType(
    400,
    "invalidInput.duplicateServerRef",
    "There is a duplicate entry in the Server list sent in the request",
    data="serverList",
    detail="invalidValueErrorDetail",
    valid="each server once",
)
INVALID_QUERY = ErrorType(
    400,
    "invalidInput.invalidQueryParameter",
    "the query is not valid",
    data="q",
    detail="invalidValueErrorDetail",
)
NOT_FOUND = ErrorType(404, "Not found", "Requested Resource Not Found")
FAILED = ErrorType(500, "processing.failed", "Internal Error")
DATABASE_FAILED = ErrorType(500, "processing.databaseProcessingFailed", "Database Processing failed")
FILE_FAILED = ErrorType(500, "processing.fileProcessingFailed", "File processing failed")
THROTTLED = ErrorType(503, "processing.throttled", "too many requests are in process")

TABLE = (
    UNAUTHORIZED,
    NOT_AUTHORIZED,
    NO_ACCESS,
    MISSING_ACCEPT,
    NOT_ACCEPTABLE,
    UNSUPPORTED_TYPE,
    TOO_LARGE,
    XML_SYNTAX,
    JSON_SYNTAX,
    INVALID_SINCETIME,
    MISSING_FIELD,
    INVALID_SERVER,
    DUPLICATE_SERVER,
    INVALID_QUERY,
    NOT_FOUND,
    FAILED,
    DATABASE_FAILED,
    FILE_FAILED,
    THROTTLED,
)
"""Every documented error. A test or a stub mapping that names a status alone gets the first one of that status."""
