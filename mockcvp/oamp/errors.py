"""The documented errors: one table, and the one document that they are written in (contract, section 8)."""

import difflib
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement

# in a line of the log; the answer has them all
_ERRORS_LOGGED = 3
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One row of the table of documented errors (contract, section 8).

    Attributes:
        status: of the response
        name: the ``errorType``
        message: the ``errorMessage``, which is the same whatever the cause
        data: the ``errorData``, where the error has it
        detail: the type of the ``errorDetail``, where the error has it
        valid: the valid values that an ``invalidValueErrorDetail`` names
    """

    status: int
    name: str
    message: str
    data: str | None = None
    detail: str | None = None
    valid: str | None = None

    def error(self, reason: str | None = None, *, actual: str | None = None, valid: str | None = None) -> "ApiError":
        """Return an occurrence of this error.

        Args:
            reason: an explanation that the real server does not give; it is not part of the response body
            actual: the value that was sent
            valid: the valid values, where they differ from the row's
        """
        return ApiError(self, reason or self.message, actual, valid or self.valid)


@dataclass(frozen=True, slots=True)
class ApiError:
    """One ``apiError`` of a response.

    Attributes:
        type: the row of the table
        reason: why it occurred, for the log, the journal and the header ``X-Mockcvp-Reason``
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


class OampError(Exception):
    """A request that the OAMP refuses, with one or more errors of the same status."""

    def __init__(self, *errors: ApiError) -> None:
        super().__init__(*errors)
        self.errors = errors

    @property
    def status(self) -> int:
        """The status to answer with."""
        return self.errors[0].type.status

    def __str__(self) -> str:
        described = [str(error) for error in self.errors[:_ERRORS_LOGGED]]
        others = len(self.errors) - len(described)
        return "; ".join([*described, f"and {others} more"] if others else described)

    def tree(self) -> Element:
        """Return the ``apiErrors`` document."""
        root = Element("apiErrors")
        for error in self.errors:
            element = SubElement(root, "apiError")
            _add(element, "errorType", error.type.name)
            if error.type.data is not None:
                _add(element, "errorData", error.type.data)
            _add(element, "errorMessage", error.type.message)
            if error.type.detail is not None:
                detail = SubElement(element, "errorDetail", {"xsi:type": error.type.detail, "xmlns:xsi": _XSI})
                _add(detail, "name", error.type.name)
                if error.type.detail == "invalidValueErrorDetail":
                    _add(detail, "actual", error.actual or "")
                    _add(detail, "valid", error.valid or "")
        return root


def by_status(status: int) -> ErrorType:
    """Return the first error that the table has for a status; a fault of the server itself where it has none."""
    found = [row for row in globals().values() if isinstance(row, ErrorType) and row.status == status]
    return found[0] if found else ErrorType(status, FAILED.name, FAILED.message)


def of_status(status: int, name: str) -> ErrorType:
    """Return the error with a status and an ``errorType``, which may be one that the table does not have.

    Raises:
        ValueError: the table has it for another status, or has one that is almost the same
    """
    rows = [row for row in globals().values() if isinstance(row, ErrorType)]
    found = [row for row in rows if row.name == name]
    if found:
        for row in found:
            if row.status == status:
                return row
        raise ValueError(f"the product answers {name} with {found[0].status}, not {status}")
    near = difflib.get_close_matches(name, [row.name for row in rows], n=1, cutoff=0.85)
    if near:
        raise ValueError(f"the product has no {name!r}: is {near[0]} meant?")
    return replace(by_status(status), name=name)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _shortened(text: str, limit: int = 100) -> str:
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}… of {len(text)} characters"


# Where section 8 has a message from the guide, it stands here to the letter; the other messages are ours.
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
