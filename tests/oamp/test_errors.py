"""The error responses of the OAMP in XML and JSON, over HTTP (contract, section 8)."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from mockcvp.app import create_app
from mockcvp.oamp.authentication import Accounts
from mockcvp.server.listener import Server
from mockcvp.settings import Settings
from mockcvp.state import MockState
from tests.server_process import JSON, PASSWORD, PATIENCE, SYNCHRONIZE, USER, XML, ServerProcess, read_response

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
BAD_SINCETIME = '{"synchronize": {"servers": {"server": {"refURL": "a", "sincetime": "-1"}}}}'


def decode_error(response: httpx.Response) -> dict[str, Any]:
    """Return the only apiError of a response as {name: text}, with its detail as {"type": …, name: text}."""
    if response.headers["content-type"] == JSON:
        error: dict[str, Any] = response.json()["apiErrors"]["apiError"]
        if detail := error.get("errorDetail"):
            detail["type"] = detail.pop("-xsi:type")
            assert detail.pop("-xmlns:xsi") == XSI.strip("{}")
        return error
    assert response.headers["content-type"] == "application/xml;charset=utf-8"
    root = ElementTree.fromstring(response.content)
    assert (root.tag, [child.tag for child in root]) == ("apiErrors", ["apiError"])
    error = {child.tag: child.text for child in root[0]}
    if (element := root[0].find("errorDetail")) is not None:
        detail = {child.tag: child.text for child in element}
        error["errorDetail"] = detail | {"type": element.get(f"{XSI}type")}
    return error


def invalid_value(name: str, actual: str, valid: str) -> dict[str, str]:
    return {"type": "invalidValueErrorDetail", "name": name, "actual": actual, "valid": valid}


def encode_body(server: Any) -> str:
    return json.dumps({"synchronize": {"servers": {"server": server}}})


SINCETIME = "invalidInput.invalidSinceTime"
REQUIRED = "invalidInput.requiredInputfieldMissing"
DUPLICATE = "invalidInput.duplicateServerRef"


@pytest.mark.parametrize("accept", [XML, JSON])
@pytest.mark.parametrize(
    ("sent", "content_type", "status", "error_type", "data", "detail"),
    [
        ("x", "text/plain", 415, "invalid.contentType", None, None),
        ("x" * (2 * 1024**2 + 1), XML, 413, "invalid.requestSize", None, None),
        ("<synchronize>", XML, 400, "processing.xmlSyntaxError", None, None),
        ("{", JSON, 400, "processing.jsonSyntaxError", None, None),
        (BAD_SINCETIME, JSON, 400, SINCETIME, "sincetime", invalid_value(SINCETIME, "-1", "0 and above")),
        (encode_body({}), JSON, 400, REQUIRED, "refURL", {"type": "requiredFieldErrorDetail", "name": REQUIRED}),
        (
            encode_body(["a", "a"]),
            JSON,
            400,
            DUPLICATE,
            "serverList",
            invalid_value(DUPLICATE, "a", "each server once"),
        ),
    ],
)
def test_a_body_error_is_in_the_negotiated_format(
    client: httpx.Client,
    accept: str,
    sent: str,
    content_type: str,
    status: int,
    error_type: str,
    data: str | None,
    detail: dict[str, str] | None,
) -> None:
    response = client.post(SYNCHRONIZE, content=sent, headers={"Accept": accept, "Content-Type": content_type})
    error = decode_error(response)
    assert response.status_code == status
    assert response.headers["content-type"].startswith(accept)
    assert error["errorType"] == error_type
    assert error.get("errorData") == data
    assert error.get("errorDetail") == detail
    assert error["errorMessage"]
    order = [name for name in ("errorType", "errorData", "errorMessage", "errorDetail") if name in error]
    assert list(error) == order


@pytest.mark.parametrize("accept", [XML, JSON, None, "text/html"])
@pytest.mark.parametrize(
    ("credentials", "error_type", "message", "reason"),
    [
        (None, "authorization.unathorized", "Unauthorized request", "no credentials were sent"),
        ((USER, "wrong"), "authorization.unathorized", "Unauthorized request", "the password is wrong"),
        (("nobody", PASSWORD), "authorization.unathorized", "Unauthorized request", "the user is unknown"),
        (("", ""), "authorization.unathorized", "Unauthorized request", "the user is unknown"),
        (
            ("Administrator", PASSWORD),
            "authentication.noAccess",
            "User is not allowed to access the resource. Check the user roles",
            "the user lacks the role that this API needs",
        ),
        (("Administrator", "wrong"), "authorization.unathorized", "Unauthorized request", "the password is wrong"),
    ],
)
def test_401_has_a_fixed_text_in_the_accepted_format(
    server: ServerProcess,
    accept: str | None,
    credentials: tuple[str, str] | None,
    error_type: str,
    message: str,
    reason: str,
) -> None:
    with server.client(auth=credentials) as client:
        response = client.post(SYNCHRONIZE, headers={"Accept": accept} if accept else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].split()[0] == "Basic"
    assert response.headers["content-type"] == (JSON if accept == JSON else "application/xml;charset=utf-8")
    assert decode_error(response) == {"errorType": error_type, "errorMessage": message}
    assert response.headers["x-mockcvp-reason"] == f"{error_type}: {reason}"


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !", "Basic dXNlcg==", "Bearer d3NtYWRtaW46d3NtYWRtaW4=", "Basic \xff"]
)
def test_an_authorization_other_than_basic_gets_401(server: ServerProcess, authorization: str) -> None:
    headers = {"Accept": XML, "Authorization": authorization.encode("latin-1")}
    with server.client(auth=None) as client:
        response = client.post(SYNCHRONIZE, headers=headers)  # type: ignore[arg-type] # httpx accepts bytes too
    assert response.status_code == 401
    assert decode_error(response)["errorType"] == "authorization.unathorized"


def test_the_authorization_scheme_is_case_insensitive(server: ServerProcess) -> None:
    with server.client(auth=None) as client:
        headers = {"Accept": XML, "Authorization": "bAsIc  d3NtYWRtaW46d3NtYWRtaW4="}
        assert client.post(SYNCHRONIZE, headers=headers).status_code == 202


def test_a_missing_accept_header_gets_400_in_xml(client: httpx.Client) -> None:
    response = client.post(SYNCHRONIZE)
    assert response.status_code == 400
    assert decode_error(response) == {"errorType": "invalid.header", "errorMessage": "Missing accept header"}


def test_an_unsupported_accept_header_gets_406_in_xml(client: httpx.Client) -> None:
    response = client.post(SYNCHRONIZE, headers={"Accept": "text/html"})
    assert response.status_code == 406
    assert decode_error(response)["errorType"] == "invalid.acceptHeader"


@pytest.mark.parametrize("accept", [XML, JSON])
def test_404_has_a_fixed_text_in_the_accepted_format(client: httpx.Client, accept: str) -> None:
    response = client.get("nothing/here", headers={"Accept": accept})
    assert response.status_code == 404
    assert response.headers["content-type"] == (JSON if accept == JSON else "application/xml;charset=utf-8")
    assert decode_error(response) == {"errorType": "Not found", "errorMessage": "Requested Resource Not Found"}


class _BrokenAccounts(dict[str, Any]):
    def get(self, *_: object) -> Any:
        raise RuntimeError("a bug of the mock server")


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a mock server with a bug."""
    settings = Settings(port=0, cert_dir=tmp_path)
    state = MockState(settings)
    state.oamp.accounts = Accounts(_BrokenAccounts())
    server = Server(create_app(state=state), settings)
    ready = Event()
    thread = Thread(target=server.run, args=(ready.set,))
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        with httpx.Client(
            base_url=server.url, auth=(USER, PASSWORD), verify=server.certificate, timeout=PATIENCE
        ) as client:
            yield client
    finally:
        server.stop()
        thread.join()


# Many users of httpx pass the path of a certificate, which httpx deprecates.
@pytest.mark.filterwarnings("ignore:`verify=<str>` is deprecated")
def test_an_internal_error_gets_500(broken: httpx.Client) -> None:
    response = broken.post(SYNCHRONIZE, headers={"Accept": XML})
    assert response.status_code == 500
    assert decode_error(response)["errorType"] == "processing.failed"


def test_requests_above_max_in_flight_get_503(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-in-flight", "1") as server, server.connection() as slow:
        slow.sendall(
            f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\nHost: localhost\r\nAccept: {XML}\r\nContent-Type: {XML}\r\n"
            "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\nContent-Length: 14\r\n\r\n<synch".encode()
        )
        with server.client() as client:
            throttled = [client.post(SYNCHRONIZE, headers={"Accept": XML}) for _ in range(50)][-1]
            assert throttled.status_code == 503
            assert decode_error(throttled)["errorType"] == "processing.throttled"
            assert client.get("version", headers={"Accept": XML}).status_code == 503
            # A request without a body has no unread body.
            assert server.journal(limit=1)["requests"][0]["request"]["mockcvp"]["unread"] is False
            # The first request still gets its response, and the next one is served after it.
            slow.sendall(b"ronize/>")
            assert read_response(slow).startswith(b"HTTP/1.1 202 ")
            assert client.post(SYNCHRONIZE, headers={"Accept": XML}).status_code == 202


def test_several_errors_are_a_json_array_or_xml_elements(client: httpx.Client) -> None:
    types = [SINCETIME, REQUIRED, DUPLICATE]
    sent = encode_body([{"refURL": "a", "sincetime": -1}, {}, "a"])
    in_json, in_xml = (
        client.post(SYNCHRONIZE, content=sent, headers={"Content-Type": JSON, "Accept": accept})
        for accept in (JSON, XML)
    )
    assert [error["errorType"] for error in in_json.json()["apiErrors"]["apiError"]] == types
    root = ElementTree.fromstring(in_xml.content)
    assert [error.findtext("errorType") for error in root] == types


def test_the_error_document_equals_that_of_the_contract(client: httpx.Client) -> None:
    response = client.post(SYNCHRONIZE, content=BAD_SINCETIME, headers={"Accept": XML, "Content-Type": JSON})
    assert response.text == (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><apiErrors><apiError>'
        "<errorType>invalidInput.invalidSinceTime</errorType><errorData>sincetime</errorData>"
        "<errorMessage>sincetime must be 0 or above</errorMessage>"
        '<errorDetail xsi:type="invalidValueErrorDetail" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        "<name>invalidInput.invalidSinceTime</name><actual>-1</actual><valid>0 and above</valid>"
        "</errorDetail></apiError></apiErrors>"
    )


@pytest.mark.parametrize("accept", [XML, JSON])
def test_an_error_quotes_any_sent_value_unchanged(client: httpx.Client, accept: str) -> None:
    actual = "a\r\n\rb<&>\"'\t\u00e9\U0001f600"
    response = client.post(
        SYNCHRONIZE,
        content=encode_body({"refURL": "a", "sincetime": actual}),
        headers={"Accept": accept, "Content-Type": JSON},
    )
    assert decode_error(response)["errorDetail"]["actual"] == actual


@pytest.mark.parametrize("accept", [XML, JSON])
@pytest.mark.parametrize("character", ["\\u0000", "\\uffff", "\\u001b"])
def test_a_character_invalid_in_xml_is_replaced(client: httpx.Client, accept: str, character: str) -> None:
    sent = BAD_SINCETIME.replace("-1", character)
    response = client.post(SYNCHRONIZE, content=sent, headers={"Accept": accept, "Content-Type": JSON})
    assert response.status_code == 400
    assert decode_error(response)["errorDetail"]["actual"] == "\ufffd"
