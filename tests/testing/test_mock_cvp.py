import asyncio
import gc
import http.client
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from mockcvp import Call, Fault, MockCVP, MockCVPSettings, Settings
from mockcvp.server.listener import StartError
from mockcvp.stubs.pattern import RequestPattern, matching
from mockcvp.testing import mock_cvp
from tests.server_process import PATIENCE, SYNCHRONIZE, XML, frequent_thread_switches, wait_until

SERVERS = {"servers": [{"id": "media", "hostname": "m", "ipaddr": "10.0.0.1", "type": "MEDIA", "duration": 30}]}


IMPATIENT = httpx.Timeout(PATIENCE, read=0.3)


@pytest.fixture(scope="module")
def shared() -> Iterator[MockCVP]:
    with MockCVP(deployment=SERVERS) as cvp:
        yield cvp


@pytest.fixture
def cvp(shared: MockCVP) -> MockCVP:
    shared.reset()
    return shared


@pytest.fixture
def client(cvp: MockCVP) -> Iterator[httpx.Client]:
    with cvp.client(timeout=PATIENCE) as client:
        yield client


def synchronize(client: httpx.Client, *servers: Any, status: int = 202) -> None:
    response = client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": list(servers)}}})
    assert response.status_code == status, response.text


def test_attributes_name_the_url_and_credentials(cvp: MockCVP) -> None:
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+/cvp-config", cvp.url)
    assert (cvp.username, cvp.password) == cvp.auth == ("wsmadmin", "wsmadmin")
    assert cvp.certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    response = httpx.get(f"{cvp.url}/version", auth=cvp.auth, verify=cvp.ssl_context(), timeout=PATIENCE)
    assert response.status_code == 200


def test_any_setting_is_a_keyword(tmp_path: Path) -> None:
    given = MockCVPSettings(username="u", password="p", host="localhost", cert_dir=tmp_path, journal_max_calls=1)
    with MockCVP(**given) as cvp, cvp.client(timeout=PATIENCE) as client:
        assert cvp.auth == ("u", "p")
        assert cvp.certificate.parent == tmp_path
        for _ in range(2):
            assert client.get("version").status_code == 200
        assert [call.number for call in cvp.calls] == [2]
    assert (tmp_path / "mockcvp.pem").exists()


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"prot": 1, "qq": 2}, "prot: is not known here: is port meant?; qq: is not known here"),
        ({"port": "x"}, "port: must be a whole number, not 'x'"),
        ({"deployment": {"servers": 1}}, "servers: must be a list, not 1"),
    ],
)
def test_an_invalid_setting_raises_value_error(settings: dict[str, Any], reported: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reported)):
        MockCVP(**settings)


def test_a_port_in_use_raises_start_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(StartError, match="the port is in use"),
    ):
        MockCVP(port=listener.getsockname()[1]).start()


def test_two_mock_servers_in_one_process_share_nothing() -> None:
    with MockCVP() as one, MockCVP(password="other") as other, one.client(timeout=PATIENCE) as client:
        synchronize(client, "a")
        one.clock.freeze()
        one.fail_next()
        assert len(one.calls) == 1
        assert other.calls == []
        assert not other.clock.frozen
        with other.client() as client_of_other:
            assert client_of_other.get("version").status_code == 200
        assert one.certificate.read_text() != other.certificate.read_text()


def test_a_call_has_the_request_and_the_status(cvp: MockCVP, client: httpx.Client) -> None:
    before = time.time()
    client.post(f"{SYNCHRONIZE}?a=b", json={"synchronize": None}, headers={"X-Own": "1"})
    elapsed = time.time() - before
    (call,) = cvp.calls
    assert isinstance(call, Call)
    assert (call.number, call.method, call.path, call.query) == (1, "POST", f"/cvp-config/{SYNCHRONIZE}", "a=b")
    assert before - 0.001 <= call.time <= time.time()
    assert 0 < call.duration < elapsed
    assert call.headers["x-own"] == call.headers["X-OWN"] == "1"
    assert call.json() == {"synchronize": None}
    assert call.body.decode() == call.text
    assert (call.user, call.status, call.refusal) == ("wsmadmin", 202, None)
    assert call.synchronization is not None


def test_calls_are_sorted_oldest_first(cvp: MockCVP, client: httpx.Client) -> None:
    for path in ("version", "server", "nothing"):
        client.get(path)
    assert [(call.number, call.status) for call in cvp.calls] == [(1, 200), (2, 200), (3, 404)]


def test_accepted_sync_ups_have_their_current_state(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.clock.freeze()
    synchronize(client, {"refURL": "https://x/server/media", "sincetime": 7}, "new")
    synchronize(client, {"sincetime": 0}, status=400)
    (accepted,) = cvp.synchronizations
    assert [(server.id, server.ref_url, server.sincetime, server.full) for server in accepted.servers] == [
        ("media", "https://x/server/media", 7, False),
        ("new", "new", 0, True),
    ]
    assert ([server.state for server in accepted.servers], accepted.state) == (
        ["In Progress", "Success"],
        "In Progress",
    )
    cvp.clock.advance(30)
    assert cvp.synchronizations[0].state == "Success"
    assert accepted.call.number == 1


def test_set_outcome_decides_the_next_sync_up(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.set_outcome("https://x/cvp-config/server/media", "Failure", duration=0)
    synchronize(client, "media")
    assert cvp.synchronizations[0].state == "Failure"
    with pytest.raises(ValueError, match="the deployment has no server 'nobody'"):
        cvp.set_outcome("nobody", "Success")
    with pytest.raises(ValueError, match="outcome: must be 'Success' or 'Failure', not 'Maybe'"):
        cvp.set_outcome("media", "Maybe")  # type: ignore[arg-type] # an invalid value


def servers_of(host_names: dict[str, str]) -> dict[str, Any]:
    return {
        "servers": [
            {"id": one, "hostname": host, "ipaddr": "10.0.0.1", "type": "VXML"} for one, host in host_names.items()
        ]
    }


@pytest.mark.parametrize("name", ["an-id", "https://x/cvp-config/server/an-id", "a-host"])
def test_set_outcome_finds_a_server(cvp: MockCVP, client: httpx.Client, name: str) -> None:
    # The id of the first server comes before the host name of the second.
    cvp.reset(deployment=servers_of({"an-id": "a-host", "other": "an-id"}))
    cvp.set_outcome(name, "Failure")
    synchronize(client, "other", "an-id")
    assert [server.state for server in cvp.synchronizations[0].servers] == ["Success", "Failure"]


def test_set_outcome_lists_servers_if_it_finds_none(cvp: MockCVP) -> None:
    cvp.reset(deployment=None)
    known = "MEDIA media-1, VXML vxml-1, VXML_STANDALONE vxml-standalone-1, CALL call-1, RPT reporting-1"
    with pytest.raises(ValueError, match=f"^the deployment has no server 'media-2'; it has {known}$"):
        cvp.set_outcome("https://x/cvp-config/server/media-2", "Failure")
    cvp.reset(deployment=servers_of({str(number): f"host-{number}" for number in range(7)}))
    with pytest.raises(ValueError, match=r"it has VXML host-0, .*, VXML host-4 and 2 more$"):
        cvp.set_outcome("media-1", "Failure")
    cvp.reset(deployment=servers_of({"a": "host", "b": "host"}))
    with pytest.raises(ValueError, match=r"^2 servers have the host name 'host'; use an id: a, b$"):
        cvp.set_outcome("host", "Failure")
    cvp.reset(deployment={"servers": []})
    with pytest.raises(ValueError, match=r"^the deployment has no server 'media-1'; it has none$"):
        cvp.set_outcome("media-1", "Failure")


def test_a_wait_counts_earlier_calls(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, {"refURL": "media", "sincetime": 7})
    assert cvp.wait_for_calls(timeout=0, ref_url="media", sincetime=7) == cvp.calls


def test_a_wait_searches_once_per_call_and_does_not_poll(
    cvp: MockCVP, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches, found = list[int](), list[Call]()

    def counted(pattern: RequestPattern, calls: list[Call]) -> list[Call]:
        searches.append(len(calls))
        return matching(pattern, calls)

    monkeypatch.setattr(mock_cvp, "matching", counted)
    waiter = threading.Thread(target=lambda: found.extend(cvp.wait_for_calls(count=3, timeout=600)), daemon=True)
    waiter.start()
    for number in range(3):
        wait_until(lambda: len(searches) > number)  # noqa: B023 - called in this iteration only
        # A wait that polls would search meanwhile.
        time.sleep(0.1)
        client.get("version")
    waiter.join(PATIENCE)
    assert len(found) == 3
    assert searches == [0, 1, 2, 3]


def test_a_wait_that_times_out_reports_the_calls(cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version")
    began = time.monotonic()
    with pytest.raises(AssertionError) as error:
        cvp.wait_for_calls(count=2, timeout=0.05, path="version")
    assert time.monotonic() - began >= 0.05
    wanted = "waited 0.05 s; wanted: a call with path='version', at least 2 times; there was 1\n"
    assert str(error.value).startswith(wanted)


def test_1000_waits_in_8_threads_miss_no_call(cvp: MockCVP) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        with cvp.client(headers={"X-Worker": str(number)}, timeout=PATIENCE) as client:
            for count in range(1, 126):
                assert client.get(f"server/worker-{number}").status_code == 404
                found = cvp.wait_for_calls(count=count, path=f"server/worker-{number}", timeout=PATIENCE)
                assert len(found) == count
                done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(cvp.calls) == 1000


def test_an_async_wait_does_not_block_the_event_loop(cvp: MockCVP) -> None:
    async def test() -> list[Call]:
        async with httpx.AsyncClient(
            base_url=cvp.url, auth=cvp.auth, verify=cvp.ssl_context(), timeout=PATIENCE
        ) as client:
            waiting = asyncio.create_task(cvp.async_wait_for_calls(path="version"))
            await asyncio.sleep(0.01)
            await client.get("version")
            return await waiting

    assert [call.path for call in asyncio.run(test())] == ["/cvp-config/version"]


FAILING: dict[str, Callable[[MockCVP], None]] = {
    "wrong-sincetime": lambda cvp: cvp.assert_synchronized("media", sincetime=0),
    "wrong-password": lambda cvp: cvp.assert_synchronized("media"),
    "never-synchronized": lambda cvp: cvp.assert_synchronized("media", times=1),
    "called-too-often": lambda cvp: cvp.assert_called(path="version", times=1),
    "called-at-all": lambda cvp: cvp.assert_not_called(method="GET"),
    "no-call": lambda cvp: cvp.assert_called(),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failed_verification_explains_the_mismatch(cvp: MockCVP, client: httpx.Client, name: str) -> None:
    if name == "wrong-sincetime":
        synchronize(client, {"refURL": "media", "sincetime": 1900000000})
        synchronize(client, {"refURL": "media", "sincetime": -1}, status=400)
    elif name == "wrong-password":
        client.get("version")
        client.post(SYNCHRONIZE, auth=("wsmadmin", "wrong"))
    elif name == "never-synchronized":
        synchronize(client, "another")
        client.get("server/media/synchronize")
    elif name != "no-call":
        for _ in range(2):
            client.get("version")
            client.post(SYNCHRONIZE, headers={"Accept": XML})
    verify = FAILING[name]
    with pytest.raises(AssertionError) as error:
        verify(cvp)
    expected = Path(__file__).parent / "messages" / f"{name}.txt"
    if os.environ.get("UPDATE_MESSAGES"):
        expected.write_text(f"{error.value}\n")
    assert f"{error.value}\n" == expected.read_text()


def test_matching_verifications_pass(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.assert_not_called()
    synchronize(client, {"refURL": "media", "sincetime": 7}, "b")
    synchronize(client)
    cvp.assert_synchronized()
    cvp.assert_synchronized(times=2)
    cvp.assert_synchronized("media", times=2)
    cvp.assert_synchronized(f"{cvp.url}/server/media", sincetime=7, times=1)
    cvp.assert_called(method="post", path="/cvp-config/command/synchronize/", status=202, times=2)
    cvp.assert_called(path="/command/synchronize")
    cvp.assert_not_called(status=400)


def test_a_verification_fails_if_dropped_calls_matter() -> None:
    with MockCVP(journal_max_calls=1) as cvp, cvp.client(timeout=PATIENCE) as client:
        for path in ("server", "version"):
            client.get(path)
        cvp.assert_called(path="version")
        for wanted in ({"path": "server", "times": 0}, {"path": "version", "times": 1}, {"path": "server"}):
            with pytest.raises(AssertionError, match="the journal has dropped 1 of 2 calls, so the count is not known"):
                cvp.assert_called(**wanted)


@pytest.mark.parametrize(
    ("status", "error_type", "reported"),
    [
        (503, None, "processing.throttled"),
        (500, None, "processing.failed"),
        (401, None, "authorization.unathorized"),
        (401, "authentication.noAccess", "authentication.noAccess"),
        (404, None, "Not found"),
        (400, "invalidInput.own", "invalidInput.own"),
        (418, None, "processing.failed"),
    ],
)
def test_fail_next_returns_an_error_of_oamp(
    cvp: MockCVP, client: httpx.Client, status: int, error_type: str | None, reported: str
) -> None:
    cvp.fail_next(status=status, times=2, error_type=error_type)
    for accept in ("application/json", XML):
        response = client.post(SYNCHRONIZE, headers={"Accept": accept})
        assert response.status_code == status
        assert reported in response.text
        assert response.headers["content-type"].startswith(accept)
        assert ("www-authenticate" in response.headers) == (status == 401)
    assert client.post(SYNCHRONIZE).status_code == 202
    assert [call.status for call in cvp.calls] == [status, status, 202]


HTTPX: dict[Fault, type[Exception] | tuple[type[Exception], ...]] = {
    # Over TLS, Python may report a reset as a missing response.
    Fault.CONNECTION_RESET_BY_PEER: (httpx.ReadError, httpx.RemoteProtocolError),
    Fault.EMPTY_RESPONSE: httpx.RemoteProtocolError,
    Fault.MALFORMED_RESPONSE_CHUNK: httpx.RemoteProtocolError,
    Fault.RANDOM_DATA_THEN_CLOSE: httpx.RemoteProtocolError,
}
REQUESTS = {
    Fault.CONNECTION_RESET_BY_PEER: requests.exceptions.ConnectionError,
    Fault.EMPTY_RESPONSE: requests.exceptions.ConnectionError,
    Fault.MALFORMED_RESPONSE_CHUNK: requests.exceptions.ChunkedEncodingError,
    Fault.RANDOM_DATA_THEN_CLOSE: requests.exceptions.ConnectionError,
}
HTTP_CLIENT = {
    Fault.CONNECTION_RESET_BY_PEER: ConnectionResetError,
    Fault.EMPTY_RESPONSE: http.client.RemoteDisconnected,
    Fault.MALFORMED_RESPONSE_CHUNK: http.client.IncompleteRead,
    Fault.RANDOM_DATA_THEN_CLOSE: http.client.BadStatusLine,
}


@pytest.mark.parametrize("fault", Fault)
def test_http_clients_raise_an_error_for_each_fault(cvp: MockCVP, client: httpx.Client, fault: Fault) -> None:
    cvp.drop_next(fault.value, times=3)
    with pytest.raises(HTTPX[fault]):
        client.get("version")
    session = requests.Session()
    session.trust_env, session.verify, session.auth = False, str(cvp.certificate), cvp.auth
    with session, pytest.raises(REQUESTS[fault]):
        session.get(f"{cvp.url}/version", headers={"Accept": "*/*"})
    host = cvp.url.split("/")[2]
    connection = http.client.HTTPSConnection(host, context=cvp.ssl_context())
    connection.request("GET", "/cvp-config/version")
    with pytest.raises(HTTP_CLIENT[fault]):
        connection.getresponse().read()
    connection.close()
    assert client.get("version").status_code == 200
    assert [(call.fault, call.status) for call in cvp.calls] == [(fault, None)] * 3 + [(None, 200)]
    assert f"GET /cvp-config/version wsmadmin {fault} of the stub mapping drop_next" in cvp.log()


def read_to_end(plain: socket.socket) -> None:
    while plain.recv(65536):
        pass


def test_a_connection_reset_happens_on_the_real_socket(cvp: MockCVP) -> None:
    cvp.drop_next(Fault.CONNECTION_RESET_BY_PEER)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = cvp.ssl_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    port = int(cvp.url.split("/")[2].partition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        tls.write(b"GET /cvp-config/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        plain.sendall(outgoing.read())
        with pytest.raises(ConnectionResetError):
            read_to_end(plain)


def test_responses_are_delayed_and_requests_throttled(cvp: MockCVP) -> None:
    # All three requests arrive within the delay of the first.
    cvp.delay(3)
    cvp.throttle(1)
    statuses: list[int] = []

    def call() -> None:
        with cvp.client(timeout=PATIENCE) as client:
            statuses.append(client.get("version").status_code)

    threads = [threading.Thread(target=call) for _ in range(3)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 503, 503]
    assert time.monotonic() - began > 2.99
    assert all(call.duration > 2.99 for call in cvp.calls)


def test_a_throttled_call_with_unread_body_is_not_too_large(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.throttle(0)
    cvp.delay(2)

    def lift() -> None:
        cvp.wait_for_calls(timeout=PATIENCE)
        cvp.throttle(5)

    # The limit is lifted during the delay of the response, and the body was not read before.
    lifting = threading.Thread(target=lift)
    lifting.start()
    synchronize(client, "media", status=503)
    lifting.join()
    (call,) = cvp.calls
    assert call.request.exceeded == 0
    assert cvp.synchronizations == []


@pytest.mark.parametrize(
    "call",
    [
        lambda cvp: cvp.fail_next(status=200),
        lambda cvp: cvp.fail_next(times=0),
        lambda cvp: cvp.drop_next("EMPTY_RESPONSE", times=-1),
        lambda cvp: cvp.drop_next("NO_SUCH_FAULT"),
        lambda cvp: cvp.delay(-1),
        lambda cvp: cvp.throttle(-1),
        lambda cvp: cvp.reset(port=1),
        lambda cvp: cvp.reset(header_timeout=1),
        lambda cvp: cvp.tenant(max_connections=1),
        lambda cvp: cvp.reset(unknown_servers="maybe"),
    ],
)
def test_an_invalid_argument_raises_value_error(cvp: MockCVP, call: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|is not a valid|can only be set at the start"):
        call(cvp)


def test_a_reset_restores_the_start(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, "new")
    cvp.fail_next(times=5)
    cvp.delay(5)
    cvp.throttle(0)
    cvp.clock.freeze()
    cvp.set_outcome("media", "Failure")
    cvp.reset()
    assert (cvp.calls, cvp.clock.frozen) == ([], False)
    synchronize(client, "media")
    assert client.get("server/new", headers={"Accept": XML}).status_code == 404


def test_a_reset_can_change_settings(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.reset(unknown_servers="reject", password="other", max_body_bytes=10, journal_max_calls=1)
    assert cvp.auth == ("wsmadmin", "other")
    assert client.get("version").status_code == 401
    with cvp.client(timeout=PATIENCE) as right:
        synchronize(right, "nobody", status=413)
        cvp.reset(unknown_servers="reject")
    synchronize(client, "nobody", status=400)
    cvp.reset()
    synchronize(client, "nobody")


def test_a_delayed_call_has_no_effect_after_a_reset(cvp: MockCVP) -> None:
    cvp.delay(2)
    with cvp.client(timeout=IMPATIENT) as client, pytest.raises(httpx.ReadTimeout):
        client.post(SYNCHRONIZE)
    cvp.wait_for_calls(timeout=PATIENCE)
    cvp.reset()
    cvp.throttle(1)
    cvp.fail_next(500)
    with cvp.client(timeout=PATIENCE) as client:
        assert client.get("version").status_code == 500
        # The delay of the first call ends meanwhile.
        time.sleep(2.5)
        assert [call.status for call in cvp.calls] == [500]
        assert cvp.synchronizations == []


def test_a_tenants_throttle_counts_only_its_calls(cvp: MockCVP) -> None:
    with cvp.tenant() as one, cvp.tenant() as two:
        one.delay(2)
        two.throttle(1)
        with one.client(timeout=IMPATIENT) as slow, pytest.raises(httpx.ReadTimeout):
            slow.get("version")
        with two.client(timeout=PATIENCE) as client:
            assert client.get("version").status_code == 200


def test_a_tenant_is_controlled_over_http_and_removed_once(cvp: MockCVP) -> None:
    first = cvp.tenant(username="run")
    cvp.reset()
    with cvp.tenant(username="run") as second, second.client() as client:
        first.stop()
        assert client.get("version").status_code == 200
        reported = client.get(f"{cvp.url.removesuffix('/cvp-config')}/__admin/cvp/tenants/run/requests").json()
        assert reported["meta"] == {"total": 1}
        with pytest.raises(ValueError, match="a tenant has no tenants"):
            second.tenant()
        with pytest.raises(ValueError, match="username can only be set at the start"):
            second.reset(username="other")
        assert "run 1: 200 GET /cvp-config/version run" in cvp.log()
    with pytest.raises(RuntimeError, match="a stopped tenant cannot start again"):
        second.start()


def test_a_stopped_mock_server_raises_runtime_error() -> None:
    cvp = MockCVP()
    for ask in (lambda: cvp.url, lambda: cvp.calls, lambda: cvp.ssl_context(), lambda: cvp.reset()):
        with pytest.raises(RuntimeError, match="is not running"):
            ask()
    with pytest.raises(ValueError, match="log_level belongs to the command"):
        MockCVP(log_level="debug")  # type: ignore[call-arg] # what this is about


def test_a_client_without_trust_is_reported(cvp: MockCVP) -> None:
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        client.get(f"{cvp.url}/version")
    wait_until(lambda: "TLS handshake failed" in cvp.log())
    with pytest.raises(AssertionError, match="1 TLS handshakes failed: the client does not trust the certificate"):
        cvp.wait_for_calls(timeout=0)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_variable_is_reported(cvp: MockCVP, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, requests.utils.DEFAULT_CA_BUNDLE_PATH)
    session = requests.Session()
    session.verify = str(cvp.certificate)
    with session, pytest.raises(requests.exceptions.SSLError):
        session.get(f"{cvp.url}/version", timeout=PATIENCE)
    wait_until(lambda: "TLS handshake failed" in cvp.log())
    note = f"\n{variable} is set in the environment, and overrides a session's verify in requests: "
    assert note in cvp.report()
    with pytest.raises(AssertionError, match=note):
        cvp.assert_called()
    monkeypatch.delenv(variable)
    assert " is set in the environment" not in cvp.report()
    monkeypatch.setenv(variable, requests.utils.DEFAULT_CA_BUNDLE_PATH)
    cvp.reset()
    assert cvp.report() == ""


def test_a_client_without_tls_gets_no_hint_for_certificates(cvp: MockCVP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", requests.utils.DEFAULT_CA_BUNDLE_PATH)
    with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        client.get(f"{cvp.url}/version".replace("https", "http"))
    wait_until(lambda: "plain HTTP" in cvp.log())
    assert "REQUESTS_CA_BUNDLE" not in cvp.report()


def test_the_report_names_the_method_whose_error_no_call_got(cvp: MockCVP) -> None:
    cvp.fail_next(504)
    cvp.drop_next(Fault.EMPTY_RESPONSE)
    assert cvp.report().splitlines() == [
        "the stub mapping fail_next(504) has matched no call",
        "the stub mapping drop_next has matched no call",
    ]


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        (
            {"servers": [{"id": "v", "hostname": "v", "ipaddr": "192.0.2.1", "type": "vxml"}]},
            "servers[0].type: must be ",
        ),
        ({"server": []}, "servers: is missing; server: is not known here: is servers meant?"),
        ([], "must be the path of a file, or an object with servers"),
    ],
)
def test_the_message_of_a_deployment_names_the_place_in_it(deployment: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"deployment: {message}")) as error:
        MockCVP(deployment=deployment)
    assert "[" not in str(error.value).partition("servers[0]")[0]


@pytest.mark.parametrize("method", ["set", "advance"])
def test_the_clock_accepts_only_numbers(cvp: MockCVP, method: str) -> None:
    with pytest.raises(TypeError, match="must be a number of seconds, not '2040-01-31T12:00:00Z'"):
        getattr(cvp.clock, method)("2040-01-31T12:00:00Z")


def test_similar_calls_are_reported_in_one_line(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, {"refURL": "media", "sincetime": 5})
    for number in range(30):
        synchronize(client, {"refURL": f"{number}", "sincetime": -1 - number % 6}, status=400)
    with pytest.raises(AssertionError) as error:
        cvp.assert_synchronized("media", sincetime=0)
    lines = str(error.value).splitlines()
    assert lines[1].startswith("  5 calls (")
    assert "call 1: POST /cvp-config/command/synchronize: 202, sincetime was 5, not 0" in lines[5]
    assert lines[6] == "  and 10 more calls"


def test_a_sync_up_of_every_server_is_reported_as_such(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.reset(deployment=None)
    client.post(
        SYNCHRONIZE, content="<synchronize><server>media-1</server></synchronize>", headers={"Content-Type": XML}
    )
    with pytest.raises(AssertionError) as error:
        cvp.assert_synchronized("media-2")
    assert str(error.value).splitlines()[1:] == [
        "  call 1: POST /cvp-config/command/synchronize: 202, the sync-up was of every server, not of media-2; "
        "body: '<synchronize><server>media-1</server></synchronize>'"
    ]
    with pytest.raises(AssertionError, match="202, sincetime was 0, not 5; body: "):
        cvp.assert_synchronized(sincetime=5)


def test_a_message_shows_the_start_of_another_body(cvp: MockCVP, client: httpx.Client) -> None:
    def lines(**wanted: Any) -> list[str]:
        with pytest.raises(AssertionError) as error:
            cvp.assert_called(**wanted)
        return str(error.value).splitlines()[1:]

    def posted(text: str, **options: Any) -> None:
        cvp.reset()
        client.post(SYNCHRONIZE, content=text, headers={"Content-Type": "application/json"}, **options)

    long = json.dumps({"synchronize": {"servers": {"server": ["x" * 250]}}})
    posted(long)
    assert lines(ref_url="media")[0].endswith(f"; body: '{long[:200]}…'")
    pattern = {"bodyPatterns": [{"matchesJsonPath": {"expression": "$..server[0]", "equalTo": "y"}}]}
    assert lines(request=pattern)[0].endswith(f"; body: '{long[:200]}…'")
    # A body that matches, or is in the line, is not shown.
    assert "body: " not in lines(path="version")[0]
    posted('{"synchronize": null}')
    assert lines(request={"bodyPatterns": [{"contains": "q"}]})[0].endswith("null}', not anything that contains 'q'")
    posted("{")
    assert lines(ref_url="media")[0].endswith("; body: '{'")
    posted("{", auth=("wsmadmin", "wrong"))
    assert "body: " not in lines(ref_url="media")[0]
    posted('{"synchronize": {"servers": {"server": "https://wsmadmin:secret@x/server/a"}}}')
    assert lines(ref_url="media")[0].endswith("; body: '***'")


def test_similar_calls_show_one_body(cvp: MockCVP, client: httpx.Client) -> None:
    for number in range(8):
        client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": "a", "number": number}}})
    with pytest.raises(
        AssertionError, match=r"8 calls \(1, 2, 3, 4, 5, …\): .*not of media; body of call 8: '\{.*7\}\}\}'"
    ):
        cvp.assert_synchronized("media")


@pytest.mark.parametrize(
    "wanted",
    [{"status": "202"}, {"sincetime": "0"}, {"ref_url": 5}, {"path": "server?q=x"}, {"path": "https://x/server"}],
)
def test_a_condition_that_cannot_match_raises_an_error(cvp: MockCVP, wanted: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="must be"):
        cvp.assert_not_called(**wanted)


def test_async_waits_can_be_cancelled(cvp: MockCVP) -> None:
    async def test() -> None:
        waiting = [asyncio.create_task(cvp.async_wait_for_calls(timeout=PATIENCE)) for _ in range(50)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cvp.async_wait_for_calls(99, timeout=PATIENCE), 0.05)
        with cvp.client(timeout=PATIENCE) as client:
            await asyncio.to_thread(client.get, "version")
        assert [len(calls) for calls in await asyncio.gather(*waiting)] == [1] * 50

    asyncio.run(test())


def test_the_clock_can_be_advanced_by_several_threads(cvp: MockCVP) -> None:
    cvp.clock.freeze()
    began = cvp.clock()
    with frequent_thread_switches():
        threads = [threading.Thread(target=lambda: [*map(cvp.clock.advance, [1] * 5000)]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert cvp.clock() == began + 10_000


def test_a_tenant_has_a_separate_state(cvp: MockCVP, client: httpx.Client) -> None:
    with cvp.tenant() as one, cvp.tenant(username="two", password="2", unknown_servers="reject") as two:
        assert one.url == two.url == cvp.url
        assert two.auth == ("two", "2")
        assert len({one.username, two.username, cvp.username}) == 3
        with one.client(timeout=PATIENCE) as client_of_one, two.client(timeout=PATIENCE) as client_of_two:
            one.clock.freeze()
            one.fail_next()
            synchronize(client_of_one, "media", status=503)
            synchronize(client_of_one, "media")
            synchronize(client_of_two, "nobody", status=400)
            synchronize(client, "media")
            assert [len(each.calls) for each in (one, two, cvp)] == [2, 1, 1]
            one.assert_synchronized("media", times=1)
            two.assert_not_called(status=202)
            one.reset()
            assert [len(each.calls) for each in (one, two, cvp)] == [0, 1, 1]
            # A call with a wrong password belongs to its user's tenant.
            client.get("version", auth=("two", "wrong"))
            two.assert_called(status=401)
    with cvp.client(auth=("two", "2"), timeout=PATIENCE) as former:
        assert former.get("version").status_code == 401


@pytest.mark.parametrize("name", ["wsmadmin", "Administrator", "a/b", "", "x" * 65, "taken", "..", "a:b"])
def test_an_invalid_tenant_name_raises_value_error(cvp: MockCVP, name: str) -> None:
    with cvp.tenant(username="taken"), pytest.raises(ValueError, match="name"):
        cvp.tenant(username=name)


def test_a_stop_does_not_wait_for_delayed_responses() -> None:
    with MockCVP() as cvp:
        cvp.delay(600)
        connection = http.client.HTTPSConnection(cvp.url.split("/")[2], context=cvp.ssl_context())
        connection.request("GET", "/cvp-config/version")
        cvp.wait_for_calls(timeout=PATIENCE)
        began = time.monotonic()
        cvp.stop()
        assert time.monotonic() - began < PATIENCE
        connection.close()


def test_a_mock_server_can_be_restarted() -> None:
    cvp = MockCVP()
    for _ in range(2):
        cvp.start()
        with pytest.raises(RuntimeError, match="is already running"):
            cvp.start()
        cvp.stop()
        cvp.stop()


def open_files() -> set[str]:
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return {os.readlink(link) for link in links if link.is_symlink()}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc, which only Linux has")
def test_100_mock_servers_leave_no_threads_or_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    MockCVP().start().stop()
    gc.collect()
    threads, files = threading.active_count(), len(open_files())
    for _ in range(100):
        with MockCVP() as cvp, cvp.client(timeout=PATIENCE) as client:
            assert client.get("version").status_code == 200
    gc.collect()
    assert threading.active_count() == threads
    assert len(open_files()) <= files
    assert list(tmp_path.iterdir()) == []


class UnittestTest(unittest.TestCase):
    def test_unittest_can_use_mock_cvp(self) -> None:
        cvp = self.enterContext(MockCVP())
        with cvp.client(timeout=PATIENCE) as client:
            self.assertEqual(client.get("version").status_code, 200)  # noqa: PT009 - unittest's own assertion is tested


def test_the_package_imports_its_modules_lazily() -> None:
    import subprocess

    code = (
        "import sys, mockcvp; assert not [n for n in sys.modules if n.startswith(('mockcvp.', 'fastapi', 'pydantic'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Settings().port == 8111
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        __import__("mockcvp").Nothing  # noqa: B018 - reading the attribute raises


def test_there_are_at_most_100_tenants() -> None:
    with MockCVP(journal_max_bytes=1024) as cvp, cvp.client() as client:
        for _ in range(100):
            cvp.tenant()
        with pytest.raises(ValueError, match="there are 100 tenants already"):
            cvp.tenant()
        response = client.post(f"{cvp.admin_url}/cvp/tenants")
        assert response.status_code == 422
        assert response.json()["errors"][0]["title"] == "there are 100 tenants already: remove one first"
        name = client.get(f"{cvp.admin_url}/cvp/tenants").json()["tenants"][0]
        client.delete(f"{cvp.admin_url}/cvp/tenants/{name}")
        assert client.post(f"{cvp.admin_url}/cvp/tenants").status_code == 201


def test_the_memory_of_all_tenants_journals_is_limited() -> None:
    with MockCVP(journal_max_bytes=1024**3) as cvp, cvp.client() as client:
        cvp.tenant()
        with pytest.raises(ValueError, match="give the mock server a smaller --journal-max-bytes"):
            cvp.tenant()
        assert client.post(f"{cvp.admin_url}/cvp/tenants").status_code == 422
        cvp.tenant(journal_max_bytes=0)
