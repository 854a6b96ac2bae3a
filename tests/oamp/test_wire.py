"""The bytes and the header order of responses, for both releases (contract, sections 8 and 9)."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from mockcvp import MockCVP
from mockcvp.oamp.releases import ReleaseName
from tests.server_process import JSON, PATIENCE, XML

SYNCHRONIZE = "/cvp-config/command/synchronize"
RIGHT, WRONG = (f"Basic {b64encode(user).decode()}" for user in (b"wsmadmin:wsmadmin", b"wsmadmin:wrong"))
BAD_SINCETIME = b"<synchronize><servers><server>a</server><sincetime>-1</sincetime></servers></synchronize>"
REALM = ("WWW-Authenticate", 'Basic realm="cvp-config"')
VALUE_DETAIL = (
    "invalidValueErrorDetail",
    (("name", "invalidInput.invalidSinceTime"), ("actual", "-1"), ("valid", "0 and above")),
)


class Response(NamedTuple):
    """A received response, split into status line, headers and body."""

    status_line: str
    headers: list[tuple[str, str]]
    body: bytes


@pytest.fixture(scope="module", params=["10.0", "12.6"])
def mock(request: pytest.FixtureRequest) -> Iterator[tuple[MockCVP, str]]:
    with MockCVP(release=request.param) as mock:
        yield mock, request.param


def exchange(mock: MockCVP, request: bytes) -> Response:
    """Send a request on a separate connection, and return the response when the mock server has closed it."""
    import socket

    port = int(mock.url.split(":")[2].split("/")[0])
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    with mock.ssl_context().wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(request)
        received = b""
        while data := connection.recv(65536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    return Response(status_line, headers, body)


def build_request(
    method: str, path: str, accept: str | None, body: bytes = b"", *, auth: str | None = RIGHT, version: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", "Connection: close"]
    lines += [f"Accept: {accept}"] if accept else []
    lines += [f"Authorization: {auth}"] if auth else []
    lines += [f"Content-Type: {XML}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


STATUS_LINES = {
    "10.0": {
        200: "HTTP/1.1 200 OK",
        202: "HTTP/1.1 202 Accepted",
        400: "HTTP/1.1 400 Bad Request",
        401: "HTTP/1.1 401 Unauthorized",
        404: "HTTP/1.1 404 Not Found",
        405: "HTTP/1.1 405 Method Not Allowed",
        406: "HTTP/1.1 406 Not Acceptable",
    },
    "12.6": {status: f"HTTP/1.1 {status} " for status in (200, 202, 400, 401, 404, 405, 406)},
}
SERVER: dict[str, list[tuple[str, str]]] = {"10.0": [("Server", "Apache-Coyote/1.1")], "12.6": []}
CACHE_HEADERS = {
    "10.0": [("Pragma", "No-cache"), ("Cache-Control", "no-cache"), ("Expires", "Wed, 31 Dec 1969 16:00:00 PST")],
    "12.6": [("Cache-Control", "private"), ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")],
}
CONTENT_TYPE = {XML: "application/xml;charset=utf-8", JSON: "application/json"}


def check_head(response: Response, release: str, status: int, expected: list[tuple[str, str]]) -> None:
    """Check the status line and the headers of a response, with any ``Date``."""
    assert response.status_line == STATUS_LINES[release][status]
    *headers, date, connection = response.headers
    assert headers == expected
    assert date[0] == "Date"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date[1])
    assert connection == ("Connection", "close")


def encode_chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def build_error_body(
    media_type: str,
    error_type: str,
    message: str,
    data: str | None = None,
    detail: tuple | None = None,  # type: ignore[type-arg] # it is like VALUE_DETAIL
) -> bytes:
    if media_type == JSON:
        error: dict[str, object] = {"errorType": error_type}
        if data:
            error["errorData"] = data
        error["errorMessage"] = message
        if detail:
            xsi = {"-xsi:type": detail[0], "-xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"}
            error["errorDetail"] = xsi | dict(detail[1])
        return json.dumps({"apiErrors": {"apiError": error}}).encode()
    errors = f"<errorType>{error_type}</errorType>"
    errors += f"<errorData>{data}</errorData>" if data else ""
    errors += f"<errorMessage>{message}</errorMessage>"
    if detail:
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in detail[1])
        xsi_attributes = f'xsi:type="{detail[0]}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        errors += f"<errorDetail {xsi_attributes}>{inner}</errorDetail>"
    declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return f"{declaration}<apiErrors><apiError>{errors}</apiError></apiErrors>".encode()


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_202_has_the_documented_headers_and_no_body(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("POST", SYNCHRONIZE, media_type))
    check_head(response, release, 202, [*SERVER[release], ("Content-Type", media_type), ("Content-Length", "0")])
    assert response.body == b""


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_200_has_the_documented_headers_and_body(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("GET", "/cvp-config/server?q=type:VXML", media_type))
    content = [("Content-Type", CONTENT_TYPE[media_type]), ("Transfer-Encoding", "chunked")]
    check_head(response, release, 200, [*SERVER[release], *CACHE_HEADERS[release], *content])
    ref_url = "https://localhost/cvp-config/server/vxml-1"
    fields = {"refURL": ref_url, "hostname": "vxml-1", "ipaddr": "192.0.2.12", "type": "VXML"}
    if media_type == JSON:
        body = json.dumps({"results": {"servers": {"server": fields}}}).encode()
    else:
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
        declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        body = f"{declaration}<results><servers><server>{inner}</server></servers></results>".encode()
    assert response.body == encode_chunked(body)


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_head_gets_the_headers_of_get_without_a_body(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("HEAD", "/cvp-config/version", media_type))
    content = [("Content-Type", CONTENT_TYPE[media_type]), ("Transfer-Encoding", "chunked")]
    check_head(response, release, 200, [*SERVER[release], *CACHE_HEADERS[release], *content])
    assert response.body == b""


@pytest.mark.parametrize(
    ("method", "path", "auth", "body", "status", "error_type", "message", "reason"),
    [
        (
            *("POST", SYNCHRONIZE, None, b"", 401),
            *("authorization.unathorized", "Unauthorized request", "no credentials were sent"),
        ),
        (
            *("GET", "/cvp-config/server", WRONG, b"", 401),
            *("authorization.unathorized", "Unauthorized request", "the password is wrong"),
        ),
        (
            *("GET", "/cvp-config/server/nobody", RIGHT, b"", 404),
            *("Not found", "Requested Resource Not Found", "there is no server 'nobody'"),
        ),
        (
            *("POST", "/cvp-config/nothing", RIGHT, b"", 404),
            *("Not found", "Requested Resource Not Found", "Requested Resource Not Found"),
        ),
        (
            *("POST", SYNCHRONIZE, RIGHT, b"<synchronize>", 400),
            *("processing.xmlSyntaxError", "XML Syntax error while processing the request attachment"),
            "the body is not well-formed XML: no element found: line 1, column 13",
        ),
    ],
)
@pytest.mark.parametrize("media_type", [XML, JSON])
def test_an_error_has_the_documented_headers_and_body(
    mock: tuple[MockCVP, str],
    media_type: str,
    method: str,
    path: str,
    auth: str | None,
    body: bytes,
    status: int,
    error_type: str,
    message: str,
    reason: str,
) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request(method, path, media_type, body, auth=auth))
    expected = [
        *SERVER[release],
        *(CACHE_HEADERS[release] if method == "GET" else []),
        *([REALM] if status == 401 else []),
        ("X-Mockcvp-Reason", f"{error_type}: {reason}"),
        ("Content-Type", CONTENT_TYPE[media_type]),
        ("Transfer-Encoding", "chunked"),
    ]
    check_head(response, release, status, expected)
    assert response.body == encode_chunked(build_error_body(media_type, error_type, message))


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_400_for_a_field_has_an_error_detail(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("POST", SYNCHRONIZE, media_type, BAD_SINCETIME))
    error_type, message = "invalidInput.invalidSinceTime", "sincetime must be 0 or above"
    expected = [
        *SERVER[release],
        ("X-Mockcvp-Reason", f"{error_type}: {message} (sent: '-1')"),
        ("Content-Type", CONTENT_TYPE[media_type]),
        ("Transfer-Encoding", "chunked"),
    ]
    check_head(response, release, 400, expected)
    assert response.body == encode_chunked(build_error_body(media_type, error_type, message, "sincetime", VALUE_DETAIL))


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_405_has_allow_and_no_body(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("GET", SYNCHRONIZE, media_type))
    expected = [
        *SERVER[release],
        *CACHE_HEADERS[release],
        ("Allow", "POST"),
        ("X-Mockcvp-Reason", "the methods here: POST"),
        ("Content-Length", "0"),
    ]
    check_head(response, release, 405, expected)
    assert response.body == b""


@pytest.mark.parametrize(
    ("accept", "status", "error_type", "message", "reason"),
    [
        (None, 400, "invalid.header", "Missing accept header", "Missing accept header"),
        (
            *("text/html", 406, "invalid.acceptHeader"),
            "Invalid accept header, it should contain either xml or json",
            "Accept is 'text/html', which admits neither XML nor JSON",
        ),
    ],
)
def test_an_accept_error_is_in_xml(
    mock: tuple[MockCVP, str], accept: str | None, status: int, error_type: str, message: str, reason: str
) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("POST", SYNCHRONIZE, accept))
    expected = [
        *SERVER[release],
        ("X-Mockcvp-Reason", f"{error_type}: {reason}"),
        ("Content-Type", CONTENT_TYPE[XML]),
        ("Transfer-Encoding", "chunked"),
    ]
    check_head(response, release, status, expected)
    assert response.body == encode_chunked(build_error_body(XML, error_type, message))


def test_malformed_http_gets_400_without_a_body(mock: tuple[MockCVP, str]) -> None:
    cvp, release = mock
    response = exchange(cvp, b"this is no HTTP\r\n\r\n")
    (reason,) = [value for name, value in response.headers if name == "X-Mockcvp-Reason"]
    assert reason.startswith("the request is malformed HTTP: ")
    check_head(response, release, 400, [*SERVER[release], ("X-Mockcvp-Reason", reason), ("Content-Length", "0")])
    assert response.body == b""


@pytest.mark.parametrize("media_type", [XML, JSON])
def test_a_response_to_http_1_0_is_not_chunked(mock: tuple[MockCVP, str], media_type: str) -> None:
    cvp, release = mock
    response = exchange(cvp, build_request("GET", "/cvp-config/version", media_type, version="1.0"))
    content = [("Content-Type", CONTENT_TYPE[media_type]), ("Content-Length", str(len(response.body)))]
    check_head(response, release, 200, [*SERVER[release], *CACHE_HEADERS[release], *content])


def test_a_one_shot_error_has_the_documented_body(mock: tuple[MockCVP, str]) -> None:
    cvp, release = mock
    for status, error_type, message in (
        (500, "processing.databaseProcessingFailed", "Database Processing failed"),
        (500, "processing.fileProcessingFailed", "File processing failed"),
        (401, "authentication.notAuthorized", "User is not authorized to access the requested resource"),
    ):
        cvp.fail_next(status, error_type=error_type)
        response = exchange(cvp, build_request("POST", SYNCHRONIZE, JSON))
        phrase = {500: "Internal Server Error", 401: "Unauthorized"}[status] if release == "10.0" else ""
        assert response.status_line == f"HTTP/1.1 {status} {phrase}"
        assert response.body == encode_chunked(build_error_body(JSON, error_type, message))


def test_reset_changes_the_release_of_a_running_server() -> None:
    with MockCVP() as cvp:
        cvp.reset(release="12.6")
        for sent in (build_request("POST", SYNCHRONIZE, XML), b"this is no HTTP\r\n\r\n"):
            response = exchange(cvp, sent)
            assert response.status_line in ("HTTP/1.1 202 ", "HTTP/1.1 400 ")
            assert "Server" not in dict(response.headers)


@pytest.mark.parametrize(("release", "major"), [("10.0", "10"), ("12.6", "12")])
def test_the_version_is_that_of_the_configured_release(release: ReleaseName, major: str) -> None:
    with MockCVP(release=release) as cvp, cvp.client(headers={"Accept": JSON}, timeout=PATIENCE) as client:
        assert client.get("version").json()["version"]["majorVersion"] == major
