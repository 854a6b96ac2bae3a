"""The calls of the journal for people: search, explanation, and sending again."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mockcvp import Fault, MockCVP
from mockcvp.admin.explanation import CHECKS
from mockcvp.oamp.errors import TABLE
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, XML

NAMES = [check.name for check in CHECKS]


@pytest.fixture(scope="module")
def server() -> Iterator[MockCVP]:
    with MockCVP() as server:
        yield server


@pytest.fixture
def cvp(server: MockCVP) -> MockCVP:
    server.reset()
    return server


@pytest.fixture
def client(cvp: MockCVP) -> Iterator[httpx.Client]:
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        yield client


def control(cvp: MockCVP, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    with cvp.client(timeout=PATIENCE) as client:
        response = client.request(method, f"{cvp.admin_url}/{path}", json=body)
    assert response.status_code == status, response.text
    return response.json()


def numbers(cvp: MockCVP, search: str) -> list[int]:
    return [call["number"] for call in control(cvp, "GET", f"cvp/calls?{search}")["calls"]]


def why(cvp: MockCVP, number: int) -> Any:
    return control(cvp, "GET", f"cvp/calls/{number}")["why"]


def synchronize(client: httpx.Client, body: str, form: str = JSON, status: int = 400) -> None:
    response = client.post(SYNCHRONIZE, content=body, headers={"Content-Type": form})
    assert response.status_code == status


def test_a_search_finds_calls_by_each_of_their_parts(cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version", params={"q": "Straße"})
    client.get("server", headers={"Accept": XML})
    client.get("version", auth=("other", "x"))
    synchronize(client, '{"synchronize": {"servers": {"server": {"refURL": "A-Server", "sincetime": -7}}}}')
    synchronize(client, "<synchronize><servers><server>b-server</server></servers></synchronize>", XML, status=202)
    for search, expected in {
        "": [5, 4, 3, 2, 1],
        "text=a-server": [4],
        "text=VERSION": [3, 1],
        "text=b-server": [5],
        "text=invalidSinceTime": [4],
        "text=nothing": [],
        "status=200": [2, 1],
        "status=4xx": [4, 3],
        "status=none": [],
        "form=xml": [5, 2],
        "form=json": [4, 3, 1],
        "user=other": [3],
        "error=sincetime": [4],
        "status=4xx&user=wsmadmin": [4],
        "limit=2": [5, 4],
        "limit=2&before=4": [3, 2],
        "before=1": [],
    }.items():
        assert numbers(cvp, search) == expected, search


def test_a_search_counts_every_call_that_matches(client: httpx.Client, cvp: MockCVP) -> None:
    cvp.reset(journal_max_calls=3)
    for _ in range(5):
        client.get("version")
    found = control(cvp, "GET", "cvp/calls?limit=1&before=5")
    assert [call["number"] for call in found["calls"]] == [4]
    assert found["meta"] == {"total": 3, "recorded": 5, "dropped": 2}


def test_a_row_has_the_reason_of_an_error(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, '{"synchronize": {"servers": {"server": {"refURL": "m", "sincetime": -7}}}}')
    (row,) = control(cvp, "GET", "cvp/calls")["calls"]
    assert row["errorType"] == "invalidInput.invalidSinceTime"
    assert row["effect"] == "invalidInput.invalidSinceTime: sincetime must be 0 or above (sent: '-7')"
    assert (row["method"], row["path"], row["status"], row["user"], row["form"], row["syncUp"]) == (
        *("POST", "/cvp-config/command/synchronize", 400, "wsmadmin", "json", False),
    )


def failing(cvp: MockCVP, client: httpx.Client, check: str) -> None:
    """Make a call that fails at a check."""
    if check == "calls in flight":
        cvp.throttle(0)
        client.get("version")
    elif check == "credentials":
        client.get("version", auth=("wsmadmin", "wrong"))
    elif check == "path":
        client.get("nothing")
    elif check == "method":
        client.put("version")
    elif check == "Accept":
        client.get("version", headers={"Accept": "text/html"})
    elif check == "Content-Type":
        synchronize(client, "{}", "text/plain", status=415)
    elif check == "size":
        synchronize(client, " " * 3_000_000, status=413)
    elif check == "syntax":
        synchronize(client, "{,}")
    else:
        synchronize(client, '{"synchronize": {"servers": {"server": {"refURL": "m", "sincetime": -7}}}}')


@pytest.mark.parametrize("check", [name for name in NAMES if name not in ("HTTP", "stub mappings")])
def test_the_explanation_names_the_check_that_failed(cvp: MockCVP, client: httpx.Client, check: str) -> None:
    failing(cvp, client, check)
    found = why(cvp, 1)
    place = NAMES.index(check)
    results = [one["result"] for one in found["checks"]]
    assert results == ["passed"] * place + ["failed"] + ["not reached"] * (len(NAMES) - place - 1)
    assert found["advice"] == CHECKS[place].advice


def test_malformed_http_fails_at_the_first_check(cvp: MockCVP) -> None:
    head = f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    address = httpx.URL(cvp.url)
    with (
        socket.create_connection((address.host, address.port), timeout=PATIENCE) as connection,
        cvp.ssl_context().wrap_socket(connection, server_hostname=address.host) as tls,
    ):
        tls.sendall(f"{head}zz\r\n".encode())
        assert tls.recv(100).startswith(b"HTTP/1.1 400")
    assert why(cvp, 1)["checks"][0] == {
        "name": "HTTP",
        "result": "failed",
        "section": "1. Endpoint",
        "standing": "infer",
    }
    control(cvp, "POST", "cvp/calls/1/repeat", status=422)


def test_an_accepted_call_passes_every_check(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, '{"synchronize": {"server": {}, "servers": {"server": "m"}}}', status=202)
    found = why(cvp, 1)
    assert {one["result"] for one in found["checks"]} == {"passed"}
    assert (found["errors"], found["advice"], found["ignored"]) == ([], None, ["synchronize/server"])


def test_a_stub_mapping_decides_before_the_checks_of_the_oamp(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.fail_next(400, error_type="invalid.header")
    client.get("version")
    cvp.drop_next(Fault.EMPTY_RESPONSE)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("version")
    for number in (1, 2):
        results = [one["result"] for one in why(cvp, number)["checks"]]
        assert results[:4] == ["passed", "passed", "decided", "not reached"]


def test_every_documented_error_belongs_to_a_check_or_to_none_of_them() -> None:
    of_checks = [row.name for row in TABLE if any(row.name.startswith(check.errors or ("\0",)) for check in CHECKS)]
    assert [row.name for row in TABLE if row.name not in of_checks] == [
        "processing.failed",
        "processing.databaseProcessingFailed",
        "processing.fileProcessingFailed",
    ]


@pytest.mark.parametrize(
    ("form", "body", "marked"),
    [
        (JSON, '{"synchronize": {"servers": {"server": {"refURL": "😀",\n "sincetime": "-7"}}}}', "-7"),
        (JSON, '{"synchronize": {"servers": {"server": {"refURL": "m", "sincetime": -7}}}}', "-7"),
        (XML, "<synchronize><servers><server>m</server>\n<sincetime> 1.5 </sincetime></servers></synchronize>", "1.5"),
        (JSON, '{"synchronize": {"servers":\n {"server": [,]}}}', ","),
        (XML, "<synchronize>\n  <servers></server>", "s"),
    ],
)
def test_the_place_of_an_error_in_the_body_is_marked(
    cvp: MockCVP, client: httpx.Client, form: str, body: str, marked: str
) -> None:
    synchronize(client, body, form)
    (error,) = why(cvp, 1)["errors"]
    place = error["place"]
    units = body.encode("utf-16-le")
    assert units[2 * place["start"] : 2 * place["end"]].decode("utf-16-le") == marked
    line = body.split("\n")[place["line"] - 1]
    assert line[place["column"] - 1 :].startswith(marked)


def test_a_call_is_sent_again_with_its_headers_and_body(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, "<synchronize><servers><server>m</server></servers></synchronize>", XML, status=202)
    assert control(cvp, "POST", "cvp/calls/1/repeat") == {"number": 2, "status": 202}
    first, second = cvp.calls
    assert (second.body, second.user, second.headers["accept"]) == (first.body, first.user, first.headers["accept"])
    assert second.synchronization


def test_a_call_that_is_sent_again_can_meet_a_fault(cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version")
    cvp.drop_next(Fault.CONNECTION_RESET_BY_PEER)
    assert control(cvp, "POST", "cvp/calls/1/repeat") == {"number": 2, "status": None}
    assert cvp.calls[1].fault == Fault.CONNECTION_RESET_BY_PEER


def test_a_call_whose_body_is_not_recorded_cannot_be_sent_again(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, " " * 3_000_000, status=413)
    control(cvp, "POST", "cvp/calls/1/repeat", status=422)
    control(cvp, "POST", "cvp/calls/9/repeat", status=404)
    control(cvp, "GET", "cvp/calls/9", status=404)


def test_the_control_api_sends_a_call_as_the_user(cvp: MockCVP) -> None:
    call = {"path": "/cvp-config/command/synchronize", "headers": {"Accept": XML, "Content-Type": XML}}
    sent = control(cvp, "POST", "cvp/calls", call | {"body": "<synchronize/>"})
    assert sent == {"number": 1, "status": 202}
    assert cvp.calls[0].user == cvp.username
    call = {"method": "GET", "path": "/cvp-config/server/a%2Fb?q=1", "headers": {"Authorization": "Basic eDp5"}}
    assert control(cvp, "POST", "cvp/calls", call) == {"number": 2, "status": 401}
    assert (cvp.calls[1].path, cvp.calls[1].query, cvp.calls[1].user) == ("/cvp-config/server/a/b", "q=1", "x")


def test_a_tenant_has_its_own_calls(cvp: MockCVP) -> None:
    with cvp.tenant() as tenant:
        call = {"method": "GET", "path": "/cvp-config/version", "headers": {"Accept": XML}}
        assert control(tenant, "POST", "cvp/calls", call) == {"number": 1, "status": 200}
        assert (len(tenant.calls), cvp.calls) == (1, [])
        assert control(tenant, "POST", "cvp/calls/1/repeat") == {"number": 2, "status": 200}


def test_servers_are_listed_with_the_state_of_their_sync_ups(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.clock.freeze()
    cvp.set_outcome("media-1", "Failure", duration=60)
    synchronize(client, '{"synchronize": {"servers": {"server": "media-1"}}}', status=202)
    servers = {server["id"]: server for server in control(cvp, "GET", "cvp/servers")["servers"]}
    assert servers["media-1"]["syncStatus"] == "In Progress"
    assert servers["media-1"]["refURL"] == f"{cvp.url}/server/media-1"
    assert (servers["call-1"]["synchronized"], servers["call-1"]["syncStatus"]) == (False, None)
    (run,) = control(cvp, "GET", "cvp/runs")["runs"]
    assert (run["server"], run["state"], run["outcome"], run["full"]) == ("media-1", "In Progress", "Failure", True)
    cvp.clock.advance(30)
    synchronize(client, '{"synchronize": {"servers": {"server": "media-1"}}}', status=202)
    old, new = control(cvp, "GET", "cvp/runs")["runs"]
    assert (old["state"], old["ends"]) == ("Started Over", new["start"])


def test_a_server_is_added_replaced_and_removed(cvp: MockCVP, client: httpx.Client) -> None:
    server = {"id": "new/er", "hostname": "n", "ipaddr": "192.0.2.9", "type": "MEDIA"}
    control(cvp, "PUT", "cvp/servers/other", server, status=422)
    control(cvp, "PUT", "cvp/servers/new/er", server)
    assert client.get("server/new%2Fer").json()["server"]["hostname"] == "n"
    control(cvp, "PUT", "cvp/servers/new/er", server | {"hostname": "o"})
    assert client.get("server/new%2Fer").json()["server"]["hostname"] == "o"
    control(cvp, "DELETE", "cvp/servers/new/er")
    assert client.get("server/new%2Fer").status_code == 404


def test_stub_mappings_are_listed_with_their_hits(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.fail_next(503, times=3)
    cvp.stub({"request": {"urlPath": "/cvp-config/version"}, "response": {"status": 404}})
    for _ in range(2):
        client.get("version")
    first, second = control(cvp, "GET", "cvp/stubs")["stubs"]
    assert (first["name"], first["response"], first["hits"], first["left"]) == (
        *("fail_next(503)", "503 processing.throttled", 2, 1),
    )
    assert (second["hits"], second["left"], second["response"]) == (0, None, "404")
    assert second["mapping"]["request"]["urlPath"] == "/cvp-config/version"
