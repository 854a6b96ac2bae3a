"""Serving a request: the checks, the path operation, the encoded response (contract, sections 2 and 9)."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mockcvp.oamp import errors
from mockcvp.oamp.codecs import Codec, Listing, encode, encode_list
from mockcvp.oamp.errors import ApiError, OampError
from mockcvp.oamp.http import CHUNKED, EMPTY, Headers, Request, Response, explained
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.negotiation import body_codec, error_codec, negotiate
from mockcvp.oamp.service import OAMP
from mockcvp.oamp.sync_ups import SyncUp

_log = logging.getLogger(__name__)

# RFC 7617 requires a realm. No source documents the realm of the OAMP.
CHALLENGE = ((b"www-authenticate", b'Basic realm="cvp-config"'),)
# A list of more entries is encoded in slices, so that other requests are served in between.
_LONG_LIST = 50

Reader = Callable[[bytes, Codec | None, str | None, Limits], Any]
"""Reads a body. Its arguments are the body, its format (None without a body), its charset or None, and the limits."""


class Dispatched:
    """A request that has passed the checks.

    Attributes:
        oamp: the OAMP
        request: the request
        codec: the format of the response
        parameters: the path parameters
        document: the decoded body, if the operation reads one
    """

    __slots__ = ("codec", "document", "oamp", "parameters", "request")

    def __init__(self, oamp: OAMP, request: Request, codec: Codec, parameters: Mapping[str, str]) -> None:
        self.oamp = oamp
        self.request = request
        self.codec = codec
        self.parameters = parameters
        self.document: Any = None


class Operation(NamedTuple):
    """A path operation.

    Attributes:
        call: calls the path operation function
        status: the status of a successful response
        read: reads the body; None if the operation has no body
    """

    call: Callable[[Dispatched], Any]
    status: int = 200
    read: Reader | None = None


class Routes:
    """The path operations of the OAMP, by path and method."""

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, Operation]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Operation]]] = []

    def add(self, path: re.Pattern[str] | str, method: str, operation: Operation) -> None:
        """Add an operation; a pattern has a named group for each parameter."""
        if isinstance(path, str):
            methods = self._fixed.setdefault(path, {})
        else:
            methods = next((methods for pattern, methods in self._patterns if pattern == path), {})
            if not methods:
                self._patterns.append((path, methods))
        methods[method] = operation
        if method == "GET":
            methods["HEAD"] = operation

    def find(self, path: str) -> tuple[Mapping[str, Operation], Mapping[str, str]] | None:
        """Return the operations of a path by method, and the path parameters; None for an unknown path."""
        path = path.removesuffix("/")
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        for pattern, operations in self._patterns:
            if found := pattern.fullmatch(path):
                return operations, found.groupdict()
        return None


class NotAllowed(Exception):
    """A resource lacks the method of a request; the arguments are the methods of the resource."""


class Dispatcher:
    """Serves requests without FastAPI.

    Args:
        routes: the path operations
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def has(self, path: str, method: str) -> bool:
        """Return whether a path has an operation with a method."""
        found = self._routes.find(path)
        return found is not None and method in found[0]

    def respond(self, oamp: OAMP, request: Request) -> Response:
        """Return the response to a request; an exception leads to an error response."""
        try:
            operation, dispatched = self._dispatch(oamp, request)
            if operation.read:
                read_document(dispatched, operation.read)
            return success(dispatched, operation.status, operation.call(dispatched))
        except Exception as exc:
            return error_response(oamp, request, exc)

    def reject(self, oamp: OAMP, request: Request, length: int | None) -> Response | None:
        """Return the error response that the headers alone determine; None if the body is needed.

        Args:
            oamp: the OAMP
            request: the request without its body
            length: the Content-Length of a large body; None for a chunked body; 0 for a small body or none
        """
        try:
            operation, _ = self._dispatch(oamp, request)
            if operation.read and length is not None:
                _check_body(request)
        except Exception as exc:
            return error_response(oamp, request, exc)
        return None

    def _dispatch(self, oamp: OAMP, request: Request) -> tuple[Operation, Dispatched]:
        """Make all checks of the headers (contract, section 2).

        Raises:
            OampError: a check fails
            NotAllowed: the resource lacks the method
        """
        check_client(oamp, request)
        found = self._routes.find(request.path)
        if found is None:
            raise OampError(errors.NOT_FOUND.error())
        methods, parameters = found
        operation = methods.get(request.method)
        if operation is None:
            raise NotAllowed(*methods)
        return operation, negotiated(oamp, request, parameters)


def negotiated(oamp: OAMP, request: Request, parameters: Mapping[str, str]) -> Dispatched:
    """Return a request with the format of its response.

    Raises:
        OampError: ``Accept`` is missing, or matches no format
    """
    return Dispatched(oamp, request, negotiate(request.header(b"accept")), parameters)


def check_client(oamp: OAMP, request: Request) -> None:
    """Make the checks that precede the route.

    Raises:
        OampError: ``processing.throttled``, or an error of the credentials
    """
    if request.throttled:
        raise OampError(errors.THROTTLED.error(request.throttled))
    oamp.accounts.authenticate(request.header(b"authorization"))


def read_document(dispatched: Dispatched, read: Reader) -> None:
    """Read the body of a request.

    Raises:
        OampError: the body cannot be read
    """
    request, limits = dispatched.request, dispatched.oamp.limits
    if request.body or request.exceeded:
        codec, charset = _check_body(request)
        dispatched.document = read(request.body, codec, charset, limits)
    else:
        dispatched.document = read(b"", None, None, limits)


def _check_body(request: Request) -> tuple[Codec, str | None]:
    """Return the format and the charset of a body, which the headers of the request name.

    Raises:
        OampError: ``invalid.contentType`` or ``invalid.requestSize``
    """
    codec, charset = body_codec(request.header(b"content-type"))
    encoding = request.header(b"content-encoding")
    if encoding and encoding.strip().lower() != "identity":
        raise OampError(errors.UNSUPPORTED_TYPE.error(f"the body must have no Content-Encoding, not {encoding[:40]!r}"))
    if request.exceeded:
        raise OampError(errors.TOO_LARGE.error(f"the body is larger than {request.exceeded} bytes"))
    return codec, charset


def success(dispatched: Dispatched, status: int, result: Any) -> Response:
    """Return the response with the result of a path operation: a model, a list, a sync-up, or None."""
    oamp, request, codec = dispatched.oamp, dispatched.request, dispatched.codec
    if isinstance(result, OampModel | Listing):
        return _written(oamp, request, codec, Response(status, ()), result)
    if not (result is None or isinstance(result, SyncUp)):
        raise TypeError(f"the result of a path operation is a {type(result).__name__}, and not a document")
    if request.method == "POST":
        return Response(status, oamp.empty_headers[codec], b"", result)
    release = oamp.release
    headers = (*release.headers, *release.no_cache_headers, (b"content-type", codec.empty_content_type), EMPTY)
    return Response(status, headers, b"", result)


def error_response(oamp: OAMP, request: Request, exc: Exception) -> Response:
    """Return the response that reports an error, in the negotiated format, or in XML if there is none."""
    if isinstance(exc, NotAllowed):
        allowed = ", ".join(exc.args)
        reason = f"the methods here: {allowed}"
        return _written(oamp, request, None, Response(405, ((b"allow", allowed.encode()),), reason=reason))
    if not isinstance(exc, OampError):
        _log.error("error in the response to %s %r", request.method, request.path, exc_info=exc)
        exc = OampError(errors.FAILED.error("an error of the mock server; see its log"))
    headers = CHALLENGE if exc.status == 401 else ()
    response = Response(exc.status, headers, reason=str(exc), errors=exc.errors)
    return _written(oamp, request, error_codec(request.header(b"accept")), response, exc.document)


def reject(oamp: OAMP, request: Request, error: ApiError) -> Response:
    """Return the response that reports a documented error."""
    return error_response(oamp, request, OampError(error))


def _written(
    oamp: OAMP, request: Request, codec: Codec | None, response: Response, document: OampModel | Listing | None = None
) -> Response:
    """Return a response with the headers of the release, and with a document as its body."""
    release = oamp.release
    uncached = () if request.method == "POST" else release.no_cache_headers
    headers: Headers = (*release.headers, *uncached, *response.headers)
    if response.reason is not None:
        headers = (*headers, *explained(response.reason))
    if document is None or codec is None:
        return response._replace(headers=(*headers, EMPTY))
    is_long = isinstance(document, Listing) and len(document.items) > _LONG_LIST and request.version == "1.1"
    parts = encode_list(document, codec) if isinstance(document, Listing) else iter((encode(document, codec),))
    body = b"" if is_long else b"".join(parts)
    # Tomcat sends Transfer-Encoding: chunked if it does not know the length
    framing = CHUNKED if request.version == "1.1" else (b"content-length", b"%d" % len(body))
    response = response._replace(headers=(*headers, (b"content-type", codec.content_type), framing))
    if request.method == "HEAD":
        return response
    return response._replace(body=body, parts=parts if is_long else None)
