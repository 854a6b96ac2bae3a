"""Stub mappings, scenarios and request patterns through HTTP and through ``MockCVP``."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mockcvp import MockCVP
from mockcvp.stubs.response import Dribble
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, XML

VERSION = "/cvp-config/version"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[MockCVP, httpx.Client, httpx.Client]]:
    with (
        MockCVP() as cvp,
        cvp.client(headers={"Accept": JSON}, timeout=PATIENCE) as client,
        cvp.client(base_url=cvp.admin_url, auth=None, timeout=PATIENCE) as admin,
    ):
        yield cvp, client, admin


@pytest.fixture
def cvp(served: tuple[MockCVP, httpx.Client, httpx.Client]) -> MockCVP:
    served[0].reset()
    return served[0]


@pytest.fixture
def client(cvp: MockCVP, served: tuple[MockCVP, httpx.Client, httpx.Client]) -> httpx.Client:
    assert cvp
    return served[1]


@pytest.fixture
def admin(cvp: MockCVP, served: tuple[MockCVP, httpx.Client, httpx.Client]) -> httpx.Client:
    assert cvp
    return served[2]


def stub(admin: httpx.Client, request: dict[str, Any] | None = None, **response: Any) -> dict[str, Any]:
    created = admin.post("mappings", json={"request": request or {"urlPath": VERSION}, "response": response})
    assert created.status_code == 201, created.text
    added: dict[str, Any] = created.json()
    return added


def test_only_a_matching_stub_mapping_responds(admin: httpx.Client, client: httpx.Client) -> None:
    added = stub(admin, {"url": VERSION, "headers": {"X-On": {"equalTo": "1"}}}, status=418, body="no")
    assert client.get("version", headers={"X-On": "1"}).status_code == 418
    assert client.get("version").status_code == 200
    admin.delete(f"mappings/{added['id']}")
    assert client.get("version", headers={"X-On": "1"}).status_code == 200


def test_a_stub_mapping_responds_before_authentication(admin: httpx.Client, client: httpx.Client) -> None:
    stub(admin, {"method": "ANY"}, status=299)
    assert client.get("version", auth=("nobody", "x")).status_code == 299
    assert client.patch("elsewhere", headers={"Accept": "text/plain"}).status_code == 299


def test_reason_headers_and_body_come_from_the_mapping(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    added = stub(
        admin, status=502, statusMessage="Über alles", headers={"X-A": ["1", "2"], "Server": "own"}, base64Body="/wA="
    )
    connection = http.client.HTTPSConnection("127.0.0.1", client.base_url.port, context=cvp.ssl_context())
    for _ in range(2):
        # the second request shows that the connection stays usable
        connection.request("GET", VERSION)
        response = connection.getresponse()
        assert (response.status, response.reason, response.read()) == (502, "Über alles", b"\xff\x00")
        assert response.headers.get_all("x-a") == ["1", "2"]
        assert response.headers["server"] == "own"
        assert response.headers["matched-stub-id"] == added["id"]
        assert response.headers["content-length"] == "2"
    connection.close()


@pytest.mark.parametrize("status", [204, 304])
def test_a_bodyless_status_has_no_content_length(admin: httpx.Client, client: httpx.Client, status: int) -> None:
    stub(admin, status=status)
    response = client.get("version")
    assert (response.status_code, response.content, "content-length" in response.headers) == (status, b"", False)


def test_head_gets_the_headers_without_the_body(admin: httpx.Client, client: httpx.Client) -> None:
    stub(admin, jsonBody=None)
    assert client.get("version").json() is None
    response = client.head("version")
    assert (response.headers["content-length"], response.content) == ("4", b"")
    assert client.get("version").text == "null"


def test_a_dribbled_body_can_have_chunked_encoding(admin: httpx.Client, client: httpx.Client) -> None:
    stub(
        admin,
        body="abcdefg",
        chunkedDribbleDelay={"numberOfChunks": 3, "totalDuration": 120},
        headers={"Transfer-Encoding": "chunked"},
    )
    began = time.monotonic()
    with client.stream("GET", "version") as response:
        chunks = [chunk for chunk in response.iter_raw() if chunk]
    assert b"".join(chunks) == b"abcdefg"
    assert len(chunks) == 3
    assert time.monotonic() - began >= 0.119


def test_a_call_is_recorded_before_its_delay(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    stub(admin, fixedDelayMilliseconds=600_000)
    with pytest.raises(httpx.ReadTimeout):
        client.get("version", timeout=httpx.Timeout(PATIENCE, read=0.3))
    (call,) = cvp.wait_for_calls(path="version", timeout=PATIENCE)
    assert (call.status, call.delay) == (200, 600.0)
    event = admin.get("requests").json()["requests"][0]
    assert event["timing"]["addedDelay"] == 600_000
    assert event["timing"]["totalTime"] >= 600_000


def test_an_oamp_error_stub_uses_the_accepted_media_type(admin: httpx.Client, client: httpx.Client) -> None:
    stub(
        admin,
        status=503,
        transformers=["mockcvp"],
        transformerParameters={"errorType": "processing.throttled", "times": 2},
    )
    assert client.get("version").json()["apiErrors"]["apiError"]["errorType"] == "processing.throttled"
    assert "<errorType>processing.throttled</errorType>" in client.get("version", headers={"Accept": XML}).text
    assert client.get("version").status_code == 200
    assert admin.get("mappings").json()["meta"]["total"] == 0


def test_one_shot_stubs_of_python_precede_other_mappings(
    cvp: MockCVP, admin: httpx.Client, client: httpx.Client
) -> None:
    cvp.stub({"request": {"urlPath": VERSION}, "response": {"status": 250}})
    cvp.fail_next(503)
    cvp.fail_next(401, times=2)
    listed = admin.get("mappings").json()["mappings"]
    assert [one["response"]["status"] for one in listed] == [503, 401, 250]
    assert listed[1]["response"]["transformerParameters"] == {"errorType": "authorization.unathorized", "times": 2}
    # the JSON of a listed mapping can be posted again
    admin.delete(f"mappings/{listed[0]['id']}")
    assert admin.post("mappings", json=listed[0]).json() == listed[0]
    assert [client.get("version").status_code for _ in range(4)] == [401, 401, 503, 250]


def test_an_invalid_stub_raises_value_error_in_python(cvp: MockCVP) -> None:
    with pytest.raises(ValueError, match=r"response\.status: must be 599 or below, not 600"):
        cvp.stub({"response": {"status": 600}})
    added = cvp.stub({"id": NOBODY})
    assert added == NOBODY
    with pytest.raises(ValueError, match=f"there is a stub mapping {NOBODY} already"):
        cvp.stub({"id": NOBODY})


def test_python_assertions_accept_request_patterns(cvp: MockCVP, client: httpx.Client) -> None:
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": "media-1"}}})
    server = {"bodyPatterns": [{"matchesJsonPath": {"expression": "$..server", "equalTo": "media-1"}}]}
    cvp.assert_called(times=1, request=server, status=202)
    assert len(cvp.wait_for_calls(request=server, ref_url="media-1")) == 1
    cvp.assert_not_called(request={"method": "GET"})
    with pytest.raises(AssertionError) as reported:
        cvp.assert_called(request={"headers": {"Content-Type": {"equalTo": "application/xml"}}})
    assert "header Content-Type was 'application/json', not 'application/xml'" in str(reported.value)
    with pytest.raises(ValueError, match=r"request: headers\.X: must have exactly one of"):
        cvp.assert_called(request={"headers": {"X": {}}})
    with pytest.raises(TypeError, match="'metod' is not a condition; these are: method, path, "):
        cvp.assert_called(metod="GET")  # type: ignore[call-arg] # what this is about


def test_an_unused_stub_is_logged_with_the_nearest_call(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.stub({"request": {"urlPath": "/cvp-config/versions"}, "response": {"status": 502}})
    cvp.stub({"name": "the other", "request": {"urlPath": VERSION}, "response": {"status": 502}})
    assert client.get("version").status_code == 502
    assert cvp.log().splitlines()[1:] == [
        "the stub mapping a call with urlPath /cvp-config/versions has matched no call; "
        "nearest call 1: path was /cvp-config/version, not /cvp-config/versions"
    ]
    with pytest.raises(AssertionError, match=r"GET /cvp-config/version \(stub mapping the other\)"):
        cvp.assert_synchronized()


@pytest.mark.parametrize(
    ("status", "error_type", "reported"),
    [
        (503, "processing.throtled", "the OAMP has no 'processing.throtled': is processing.throttled meant?"),
        (500, "processing.throttled", "the OAMP sends processing.throttled with status 503, not 500"),
    ],
)
def test_an_unknown_oamp_error_is_rejected(
    cvp: MockCVP, admin: httpx.Client, status: int, error_type: str, reported: str
) -> None:
    stubbed = {"status": status, "transformers": ["mockcvp"], "transformerParameters": {"errorType": error_type}}
    response = admin.post("mappings", json={"response": stubbed})
    assert (response.status_code, response.json()["errors"][0]["title"]) == (422, f"response: errorType: {reported}")
    with pytest.raises(ValueError, match=re.escape(reported)):
        cvp.fail_next(status, error_type=error_type)


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        (lambda cvp: cvp.stub("{}"), "a stub mapping must be a dictionary, not str"),
        (lambda cvp: cvp.fail_next("503"), "status must be a whole number, not '503'"),
        (lambda cvp: cvp.delay("1"), "seconds must be a number, not '1'"),
        (lambda cvp: cvp.drop_next("RESET"), "fault must be one of CONNECTION_RESET_BY_PEER, EMPTY_RESPONSE, "),
        (lambda cvp: cvp.set_outcome("nobody", "Failure"), "the deployment has no server 'nobody'; it has "),
    ],
)
def test_a_wrong_argument_raises_a_readable_error(
    cvp: MockCVP, wrong: Callable[[MockCVP], None], reported: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(reported)):
        wrong(cvp)


def test_near_misses_list_the_differences(admin: httpx.Client, client: httpx.Client) -> None:
    client.get("version")
    client.get("server?q=type:VXML")
    pattern = {"urlPath": "/cvp-config/server", "queryParameters": {"q": {"equalTo": "type:MEDIA"}}}
    nearest = admin.post("near-misses/request-pattern", json=pattern).json()["nearMisses"][0]
    assert nearest["request"]["mockcvp"]["differences"] == ["query parameter q was 'type:VXML', not 'type:MEDIA'"]
    assert nearest["requestPattern"] == {"method": "ANY", **pattern}


def test_a_count_reports_dropped_calls(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    cvp.reset(journal_max_calls=2)
    for path in ("version", "server", "version"):
        client.get(path)
    assert admin.post("requests/count", json={}).json() == {"count": 2, "requestJournalDisabled": False, "dropped": 1}
    assert admin.post("requests/find", json={}).json()["dropped"] == 1
    assert admin.get("requests").json()["meta"] == {"total": 3, "dropped": 1}
    # removed calls do not count as dropped
    assert len(admin.post("requests/remove", json={"urlPath": VERSION}).json()["serveEvents"]) == 1
    assert admin.post("requests/count", json={}).json() == {"count": 1, "requestJournalDisabled": False, "dropped": 1}
    cvp.reset()


def test_calls_are_found_by_status_and_sync_up(admin: httpx.Client, client: httpx.Client) -> None:
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": [{"refURL": "media-1", "sincetime": "7"}]}}})
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": [{"refURL": "media-1", "sincetime": "-1"}]}}})

    def count(**parameters: Any) -> int:
        pattern = {"customMatcher": {"name": "mockcvp", "parameters": parameters}}
        found: int = admin.post("requests/count", json=pattern).json()["count"]
        return found

    assert count(status=202) == count(synchronized=True) == count(refURL="media-1") == count(sincetime=7) == 1
    assert count(status=400) == 1
    assert count(refURL="media-2") == count(sincetime=8) == 0


def test_tenants_have_separate_stub_mappings(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    with cvp.tenant() as tenant, tenant.client(headers={"Accept": JSON}, timeout=PATIENCE) as theirs:
        with cvp.client(base_url=tenant.admin_url, auth=None, timeout=PATIENCE) as control:
            stub(control, status=250)
        assert theirs.get("version").status_code == 250
        assert client.get("version").status_code == 200
        assert admin.get("mappings").json()["meta"]["total"] == 0


def test_a_reset_during_a_delay_closes_the_connection(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    # the reset must come before the end of the delay
    admin.post("settings", json={"fixedDelay": 3000})

    def reset() -> None:
        cvp.wait_for_calls(timeout=PATIENCE)
        admin.post("reset")

    thread = threading.Thread(target=reset)
    thread.start()
    with pytest.raises(httpx.TransportError):
        client.get("version")
    thread.join()
    assert admin.get("requests").json()["requests"] == []
    assert admin.get("settings").json() == {"settings": {}}


@pytest.mark.parametrize("fault", ["EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"])
def test_a_fault_does_not_wait_for_the_tls_shutdown(cvp: MockCVP, admin: httpx.Client, fault: str) -> None:
    stub(admin, fault=fault)
    host, port = admin.base_url.host, admin.base_url.port
    assert port
    with (
        socket.create_connection((host, port)) as plain,
        cvp.ssl_context().wrap_socket(plain, server_hostname=host) as tls,
    ):
        tls.sendall(b"GET /cvp-config/version HTTP/1.1\r\nHost: a\r\n\r\n")
        # a read from the socket below TLS sends no close_notify
        with socket.socket(fileno=os.dup(tls.fileno())) as wire:
            wire.settimeout(PATIENCE)
            began = time.monotonic()
            while wire.recv(65536):
                pass
    # the time that asyncio gives a client for the TLS shutdown
    assert time.monotonic() - began < 30


def pipelined(cvp: MockCVP, *paths: str) -> bytes:
    """Return all bytes that the server sends for requests in a single write."""
    calls = [f"GET {path} HTTP/1.1\r\nHost: a\r\n" for path in paths]
    sent = "\r\n".join([*calls[:-1], f"{calls[-1]}Connection: close\r\n", ""])
    host, port = cvp.url.removeprefix("https://").partition("/")[0].split(":")
    received = b""
    with (
        socket.create_connection((host, int(port))) as plain,
        cvp.ssl_context().wrap_socket(plain, server_hostname=host) as tls,
    ):
        tls.sendall(sent.encode())
        tls.settimeout(PATIENCE)
        with contextlib.suppress(OSError):
            while chunk := tls.recv(65536):
                received += chunk
    return received


def test_pipelined_responses_have_their_own_reason_phrase(cvp: MockCVP, admin: httpx.Client) -> None:
    stub(admin, {"url": "/a"}, status=250, statusMessage="First Reason")
    stub(admin, {"url": "/b"}, status=251, headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})
    received = pipelined(cvp, "/a", "/b", "/a").decode()
    assert re.findall(r"HTTP/1.1 (\d+) ?(.*)\r", received) == [
        ("250", "First Reason"),
        ("251", ""),
        ("250", "First Reason"),
    ]
    assert received.lower().count("date: ") == 3


def test_a_fault_discards_pipelined_requests(
    cvp: MockCVP, admin: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    stub(admin, {"url": "/a"}, fault="EMPTY_RESPONSE")
    stub(admin, {"url": "/b"}, status=251)
    assert pipelined(cvp, "/a", "/b") == b""
    assert "without starting response" not in caplog.text


def test_a_reset_aborts_a_dribbled_response(cvp: MockCVP, admin: httpx.Client, client: httpx.Client) -> None:
    stub(admin, body="abcdefghij", chunkedDribbleDelay={"numberOfChunks": 10, "totalDuration": 20_000})
    with client.stream("GET", "version") as response:
        chunks = response.iter_raw()
        next(chunks)
        cvp.reset()
        with pytest.raises(httpx.TransportError):
            list(chunks)
    assert cvp.calls == []


@pytest.mark.parametrize(("length", "chunks"), [(101, 100), (10, 6), (3, 5), (1, 1)])
def test_a_dribbled_body_has_at_most_a_chunk_per_byte(length: int, chunks: int) -> None:
    body = bytes(range(length))
    split = Dribble(chunks, 1.0).split(body)
    assert b"".join(split) == body
    assert len(split) == min(length, chunks)


def test_an_error_in_a_pattern_does_not_affect_the_response(
    cvp: MockCVP, admin: httpx.Client, client: httpx.Client
) -> None:
    for pattern in (
        {"matchesJsonPath": "$[?(@.a contains 1)]"},
        {"matchesJsonPath": "$[?(@.a =~ /(a+)+$/)]"},
        {"equalToJson": {"a": 1}},
        {"equalToJson": [{"a": number} for number in range(3000)], "ignoreArrayOrder": True},
    ):
        stub(admin, {"bodyPatterns": [pattern]}, status=500)
    bodies = [
        '[{"a":"x"}]',
        f'[{{"a":"{"a" * 40}!"}}]',
        '{"a":' + "[" * 900 + "]" * 900 + "}",
        '{"a":"\\ud800","\\ud801":1}',
    ]
    bodies.append(json.dumps([{"b": number} for number in range(3000)]))
    for body in bodies:
        # endless backtracking would take hours without the time limit
        response = client.post(SYNCHRONIZE, content=body, headers={"Content-Type": JSON}, timeout=PATIENCE)
        assert response.status_code in (202, 400)
    assert len(cvp.calls) == len(bodies)
    nearest = admin.post("near-misses/request-pattern", json={"bodyPatterns": [{"equalToJson": {"a": 1}}]})
    assert nearest.status_code == 200
    cvp.assert_not_called(request={"bodyPatterns": [{"equalToJson": {"a": 1}}]})


def test_a_recreated_scenario_has_its_initial_state(admin: httpx.Client, client: httpx.Client) -> None:
    mapping = {
        "request": {"urlPath": VERSION},
        "response": {"status": 250},
        "scenarioName": "s",
        "requiredScenarioState": "Started",
        "newScenarioState": "two",
    }
    for _ in range(2):
        added = admin.post("mappings", json=mapping).json()
        assert [client.get("version").status_code for _ in range(2)] == [250, 200]
        admin.delete(f"mappings/{added['id']}")


def test_remove_after_clear_removes_no_newer_call(cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version")
    journal = cvp._running.journal
    found = journal.page().calls
    journal.clear()
    client.get("server")
    assert journal.remove(found) == []
    assert [call.path for call in cvp.calls] == ["/cvp-config/server"]


def test_credentials_and_header_pattern_must_both_match(admin: httpx.Client, client: httpx.Client) -> None:
    client.get("version")
    credentials = {"username": "wsmadmin", "password": "wsmadmin"}
    for scheme, count in (("Basic", 1), ("Bearer", 0)):
        pattern = {"basicAuthCredentials": credentials, "headers": {"Authorization": {"contains": scheme}}}
        assert admin.post("requests/count", json=pattern).json()["count"] == count


def test_equal_to_xml_ignores_the_encoding_declaration(admin: httpx.Client, client: httpx.Client) -> None:
    document = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'
    client.post(SYNCHRONIZE, content=document.encode("latin-1"), headers={"Content-Type": XML})
    for pattern in (document, document.replace("ISO-8859-1", "UTF-16"), "<a>é</a>"):
        assert admin.post("requests/count", json={"bodyPatterns": [{"equalToXml": pattern}]}).json()["count"] == 1


REQUEST, RESPONSE = "request", "response"
MALFORMED: list[tuple[str, str, Any, str]] = [
    ("POST", "mappings", b"", "the body is empty"),
    ("POST", "mappings", b"{", "the body is not JSON"),
    ("POST", "mappings", b'{"id": 1, "id": 2}', "'id'"),
    ("POST", "mappings", b"[" * 100_000, "the body is not JSON"),
    ("POST", "mappings", b"\xff", "the body is not JSON"),
    ("POST", "mappings", [], "must be an object"),
    ("POST", "mappings", {"scenario": "s"}, "scenario is not known here"),
    ("POST", "mappings", {"id": "x"}, "id: must be a UUID"),
    ("POST", "mappings", {"id": NOBODY, "uuid": "3f5a2c6e-0000-4000-8000-000000000001"}, "id and uuid"),
    ("POST", "mappings", {"priority": "high"}, "priority: must be a whole number"),
    ("POST", "mappings", {"newScenarioState": "s"}, "newScenarioState needs scenarioName"),
    (
        "POST",
        "mappings",
        {"postServeActions": []},
        "postServeActions: WireMock supports this member, and mockcvp does not",
    ),
    ("POST", "mappings", {"metadata": []}, "metadata: must be an object"),
    ("POST", "mappings", {REQUEST: []}, "request: must be an object"),
    (
        "POST",
        "mappings",
        {REQUEST: {"cookies": {"a": {"equalTo": "b"}}}},
        "cookies: WireMock supports this member, and mockcvp does not",
    ),
    (
        "POST",
        "mappings",
        {REQUEST: {"multipartPatterns": []}},
        "multipartPatterns: WireMock supports this member, and mockcvp does not",
    ),
    ("POST", "mappings", {REQUEST: {"method": "G T"}}, "request: method must be an HTTP method"),
    ("POST", "mappings", {REQUEST: {"url": "/a", "urlPath": "/a"}}, "url, urlPath"),
    ("POST", "mappings", {REQUEST: {"customMatcher": {"name": "mockcvp", "parameters": {}}}}, "request.customMatcher"),
    (
        "POST",
        "mappings",
        {RESPONSE: {"bodyFileName": "a"}},
        "bodyFileName: WireMock supports this member, and mockcvp does not",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"proxyBaseUrl": "a"}},
        "proxyBaseUrl: WireMock supports this member, and mockcvp does not",
    ),
    ("POST", "mappings", {RESPONSE: {"status": 99}}, "response.status: must be 200 or above"),
    ("POST", "mappings", {RESPONSE: {"status": 600}}, "response.status: must be 599 or below"),
    ("POST", "mappings", {RESPONSE: {"status": "200"}}, "response.status: must be a whole number"),
    ("POST", "mappings", {RESPONSE: {"statusMessage": "a\r\nb"}}, "response.statusMessage: must be one line"),
    ("POST", "mappings", {RESPONSE: {"headers": {"a b": "c"}}}, "response.headers: 'a b'"),
    ("POST", "mappings", {RESPONSE: {"headers": {"a": "b\nc"}}}, "response.headers: a must be one line"),
    ("POST", "mappings", {RESPONSE: {"headers": {"a": 5}}}, "response.headers: a must be one line"),
    ("POST", "mappings", {RESPONSE: {"headers": {"Content-Length": "5"}, "body": "abc"}}, "Content-Length is 5"),
    ("POST", "mappings", {RESPONSE: {"body": "a", "jsonBody": {}}}, "response: only one of body, jsonBody is allowed"),
    ("POST", "mappings", {RESPONSE: {"base64Body": "!"}}, "response: base64Body is not Base64"),
    ("POST", "mappings", {RESPONSE: {"status": 204, "body": "a"}}, "response: body: a response with status 204"),
    ("POST", "mappings", {RESPONSE: {"fault": "FIRE"}}, "response.fault: must be 'CONNECTION_RESET_BY_PEER'"),
    (
        "POST",
        "mappings",
        {RESPONSE: {"fixedDelayMilliseconds": -1}},
        "response.fixedDelayMilliseconds: must be 0 or above",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"delayDistribution": {"type": "fixed"}}},
        "response.delayDistribution.type: must be",
    ),
    ("POST", "mappings", {RESPONSE: {"delayDistribution": {"type": "uniform", "lower": 1}}}, "upper is missing"),
    (
        "POST",
        "mappings",
        {RESPONSE: {"delayDistribution": {"type": "uniform", "lower": 2, "upper": 1}}},
        "2 is above 1",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 1, "lower": 1}}},
        "lower does not",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"chunkedDribbleDelay": {"numberOfChunks": 0, "totalDuration": 1}}},
        "numberOfChunks: must be 1 or above",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"transformers": ["other"]}},
        "response.transformers[0]: must be 'mockcvp', not 'other'",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"transformers": ["response-template"]}},
        "response.transformers[0]: WireMock supports response-template, and mockcvp does not",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"transformerParameters": {"times": 1}}},
        "transformerParameters belong to transformers",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"transformers": ["mockcvp"], "transformerParameters": {"errorType": "a"}}},
        "a status from 400",
    ),
    ("PUT", "mappings/xyz", {}, "'xyz' is not a UUID"),
    ("PUT", f"mappings/{NOBODY}", {}, "no stub mapping"),
    ("DELETE", f"mappings/{NOBODY}", None, "no stub mapping"),
    ("GET", "mappings?limit=x", None, "limit must be a whole number"),
    ("GET", "mappings?page=1", None, "page is not known here"),
    ("POST", "mappings/save", None, "/__admin/mappings/save: WireMock has saving stub mappings"),
    ("POST", "mappings/import", {"mappings": []}, "/__admin/mappings/import: WireMock has importing"),
    ("POST", "recordings/start", {}, "/__admin/recordings/start: WireMock has recording"),
    ("POST", "shutdown", None, "/__admin/shutdown: WireMock has stopping"),
    ("PUT", "scenarios/none/state", {"state": "a"}, "no scenario 'none'"),
    ("PUT", "scenarios/none/state", {"status": "a"}, "status is not known here"),
    ("POST", "settings", {"fixedDelay": 3_600_001}, "fixedDelay: must be 3600000 or below"),
    ("POST", "settings", {"fixedDelay": "1"}, "fixedDelay: must be a whole number"),
    ("POST", "settings", {"extended": {}}, "extended: WireMock supports this member, and mockcvp does not"),
    ("POST", "settings", [], "must be an object"),
    ("POST", "mappings", b'{"metadata": {"a": NaN}}', "Out of range float values"),
    ("POST", "mappings", b'{"response": {"jsonBody": 1e999}}', "Out of range float values"),
    ("POST", "mappings", b'{"name": "\\ud800"}', "half of a surrogate pair"),
    (
        "POST",
        "mappings",
        {RESPONSE: {"fault": "EMPTY_RESPONSE", "body": "a"}},
        "fault replaces the response, so body has no effect",
    ),
    ("POST", "mappings", {RESPONSE: {"transformers": ["mockcvp"]}}, "transformers need transformerParameters"),
    (
        "POST",
        "mappings",
        {RESPONSE: {"status": 204, "headers": {"Transfer-Encoding": "chunked"}}},
        "Transfer-Encoding must be",
    ),
    (
        "POST",
        "mappings",
        {RESPONSE: {"headers": {"Content-Length": "0", "content-length": "0"}}},
        "only one Content-Length",
    ),
    ("POST", "near-misses/request-pattern", b'{"bodyPatterns": [{"equalToJson": NaN}]}', "Out of range float values"),
    (
        "POST",
        "requests/count",
        {"urlPattern": "(?:a{65535}){65535}"},
        "urlPattern: '(?:a{65535}){65535}' repeats too much: written out",
    ),
    ("POST", "requests/count", {"bodyPatterns": [{"matchesJsonPath": "$[?(@.a =~ /(/)]"}]}, "matchesJsonPath: "),
    ("POST", "requests/count", {"bodyPatterns": [{"matchesJsonPath": "$[?@.a==1e999]"}]}, "matchesJsonPath: "),
    (
        "POST",
        "requests/count",
        {"bodyPatterns": [{"matchesXPath": "//a[matches(@b, 'c')]"}]},
        "has no function matches",
    ),
    ("POST", "requests/count", {"bodyPatterns": [{"matchesXPath": "/a/b[$v]"}]}, "has a variable"),
    ("POST", "requests/count", {"urlpath": "/a"}, "urlpath is not known here: is urlPath meant?"),
    ("POST", "requests/count", {"basicAuth": {}}, "basicAuth is not known here: is basicAuthCredentials meant?"),
    ("POST", "requests/count", {"request": {}}, "request is not known here: it belongs to a stub mapping"),
    ("POST", "requests/count", {"urlPath": "a"}, "urlPath must begin with '/', as /cvp-config/version, not 'a'"),
    ("POST", "requests/count", {"urlPath": "/a?b=1"}, "urlPath has no query"),
    ("GET", "requests/count", None, "POST a request pattern to /requests/count"),
    ("POST", "requests/count", {"headers": []}, "headers: must be an object"),
    ("POST", "requests/count", {"headers": {"A": {"equalTo": 5}}}, "headers.A.equalTo: must be text"),
    ("POST", "requests/count", {"headers": {"A": {"equalTo": "a", "contains": "b"}}}, "equalTo and contains at once"),
    (
        "POST",
        "requests/count",
        {"headers": {"A": {"contains": "a", "caseInsensitive": True}}},
        "caseInsensitive belongs to equalTo",
    ),
    ("POST", "requests/count", {"headers": {"A": {"absent": False}}}, "headers.A.absent: must be True"),
    (
        "POST",
        "requests/count",
        {"bodyPatterns": [{"binaryEqualTo": "AQ=="}]},
        "binaryEqualTo: WireMock supports this member, and mockcvp does not",
    ),
    (
        "POST",
        "requests/count",
        {"bodyPatterns": [{"matchesJsonSchema": "{}"}]},
        "matchesJsonSchema: WireMock supports this member, and mockcvp does not",
    ),
    ("POST", "requests/find", {"bodyPatterns": [{"equalToJson": "{"}]}, "bodyPatterns[0]: equalToJson: not JSON"),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"equalToJson": '{"a": "${json-unit.ignore}"}'}]},
        "equalToJson: placeholders",
    ),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"matchesJsonPath": "$.["}]},
        "bodyPatterns[0]: matchesJsonPath: '$.[' is not a valid JSONPath",
    ),
    ("POST", "requests/find", {"bodyPatterns": [{"matchesJsonPath": "$.a.sum()"}]}, "only length() and size()"),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"matchesJsonPath": {"expression": "$.a"}}]},
        "matchesJsonPath: must have exactly one",
    ),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"matchesJsonPath": 5}]},
        "matchesJsonPath: must be text, or an object",
    ),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"equalToXml": "<a"}]},
        "bodyPatterns[0]: equalToXml: not an XML document",
    ),
    (
        "POST",
        "requests/find",
        {"bodyPatterns": [{"matchesXPath": "//["}]},
        "bodyPatterns[0]: matchesXPath: '//[' is not valid XPath 1.0",
    ),
    ("POST", "requests/find", {"bodyPatterns": [{"matchesXPath": "//q:a"}]}, "Undefined namespace prefix"),
    (
        "POST",
        "requests/remove",
        {"bodyPatterns": [{"and": [{"contains": "a"}]}]},
        "bodyPatterns[0].and: must have at least 2 items",
    ),
    ("POST", "requests/remove", {"urlPattern": "["}, "'[' is not a valid regular expression"),
    (
        "POST",
        "requests/remove",
        {"basicAuthCredentials": {"username": "a"}},
        "basicAuthCredentials.password: is missing",
    ),
    (
        "POST",
        "near-misses/request-pattern",
        {"customMatcher": {"name": "own"}},
        "customMatcher.name: must be 'mockcvp'",
    ),
    ("POST", "near-misses/request", {}, "/__admin/near-misses/request: WireMock has near misses"),
    ("GET", "requests/xyz", None, "'xyz' is not a UUID"),
    ("GET", f"requests/{NOBODY}", None, "no request"),
    ("GET", "requests?since=yesterday", None, "since must be a time with an offset"),
    ("GET", "requests?unmatched=maybe", None, "unmatched must be true or false"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "reported"), MALFORMED, ids=[f"{path}: {reported}" for _, path, _, reported in MALFORMED]
)
def test_a_malformed_admin_request_changes_nothing(
    admin: httpx.Client, client: httpx.Client, method: str, path: str, body: Any, reported: str
) -> None:
    stub(admin, {"url": "/a"}, status=201)
    client.get("version")
    before = [admin.get(what).json() for what in ("mappings", "requests", "settings", "scenarios")]
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    response = admin.request(method, path, **content)
    assert 400 <= response.status_code < 500
    assert any(reported in error["title"] for error in response.json()["errors"]), response.text
    assert [admin.get(what).json() for what in ("mappings", "requests", "settings", "scenarios")] == before


@pytest.mark.parametrize(
    ("stubbed", "body"),
    [
        ({"status": 205}, b""),
        ({"status": 204}, b""),
        ({"status": 200, "body": "hello", "headers": {"Transfer-Encoding": "chunked"}}, b"hello"),
        ({"status": 200, "body": "hello", "chunkedDribbleDelay": {"numberOfChunks": 5, "totalDuration": 10}}, b"hello"),
        ({"status": 200, "body": "hello"}, b"hello"),
    ],
)
def test_a_stub_is_not_chunked_to_http_1_0(stubbed: dict[str, Any], body: bytes) -> None:
    with MockCVP() as cvp:
        cvp.stub({"request": {"urlPath": "/x"}, "response": stubbed})
        port = int(cvp.url.split(":")[2].split("/")[0])
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        with cvp.ssl_context().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
            received = b""
            while data := connection.recv(65536):
                received += data
        head, _, received_body = received.partition(b"\r\n\r\n")
        assert received_body == body
        assert b"transfer-encoding" not in head.lower()
        assert (b"content-length: %d" % len(body) in head.lower()) is (stubbed["status"] != 204)
