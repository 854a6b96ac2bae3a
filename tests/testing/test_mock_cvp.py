import asyncio
import gc
import http.client
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

from mockcvp import Call, Fault, MockCVP, Settings
from mockcvp.server.listener import StartError
from mockcvp.stubs.pattern import RequestPattern, matching
from mockcvp.testing import waiting
from tests.server_process import PATIENCE, SYNCHRONIZE, XML, threads_that_take_turns_often, wait_until

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


def test_it_says_where_it_is(cvp: MockCVP) -> None:
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+/cvp-config", cvp.url)
    assert (cvp.username, cvp.password) == cvp.auth == ("wsmadmin", "wsmadmin")
    assert cvp.certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    response = httpx.get(f"{cvp.url}/version", auth=cvp.auth, verify=cvp.ssl_context(), timeout=PATIENCE)
    assert response.status_code == 200


def test_any_setting_is_a_keyword(tmp_path: Path) -> None:
    given = {"username": "u", "password": "p", "host": "localhost", "cert_dir": tmp_path, "journal_max_calls": 1}
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
        ({"prot": 1}, "prot: is not known here"),
        ({"port": "x"}, "port: must be a whole number, not 'x'"),
        ({"deployment": {"servers": 1}}, "servers: must be a list, not 1"),
    ],
)
def test_a_setting_that_is_not_valid_is_told(settings: dict[str, Any], reported: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reported)):
        MockCVP(**settings)


def test_a_port_in_use_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as wait_delivered,
        pytest.raises(StartError, match="the port is in use"),
    ):
        MockCVP(port=wait_delivered.getsockname()[1]).start()


def test_two_in_one_process_never_meet() -> None:
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


def test_a_call_tells_what_was_asked_and_answered(cvp: MockCVP, client: httpx.Client) -> None:
    before = time.time()
    client.post(f"{SYNCHRONIZE}?a=b", json={"synchronize": None}, headers={"X-Own": "1"})
    wait_delivered = time.time() - before
    (call,) = cvp.calls
    assert isinstance(call, Call)
    assert (call.number, call.method, call.path, call.query) == (1, "POST", f"/cvp-config/{SYNCHRONIZE}", "a=b")
    assert before - 0.001 <= call.time <= time.time()
    assert 0 < call.duration < wait_delivered
    assert call.headers["x-own"] == call.headers["X-OWN"] == "1"
    assert call.json() == {"synchronize": None}
    assert call.body.decode() == call.text
    assert (call.user, call.status, call.refusal) == ("wsmadmin", 202, None)
    assert call.synchronization is not None


def test_calls_come_oldest_first(cvp: MockCVP, client: httpx.Client) -> None:
    for path in ("version", "server", "nothing"):
        client.get(path)
    assert [(call.number, call.status) for call in cvp.calls] == [(1, 200), (2, 200), (3, 404)]


def test_the_accepted_sync_ups_tell_how_they_stand(cvp: MockCVP, client: httpx.Client) -> None:
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


def test_an_outcome_can_be_set(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.set_outcome("https://x/cvp-config/server/media", "Failure", duration=0)
    synchronize(client, "media")
    assert cvp.synchronizations[0].state == "Failure"
    with pytest.raises(ValueError, match="the deployment has no server 'nobody'"):
        cvp.set_outcome("nobody", "Success")
    with pytest.raises(ValueError, match="outcome: must be 'Success' or 'Failure', not 'Maybe'"):
        cvp.set_outcome("media", "Maybe")  # type: ignore[arg-type] # what this is about


def test_a_wait_counts_calls_that_have_come_already(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, {"refURL": "media", "sincetime": 7})
    assert cvp.wait_for_calls(timeout=0, ref_url="media", sincetime=7) == cvp.calls


def test_a_wait_is_woken_by_each_call_and_does_not_poll(
    cvp: MockCVP, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches, found = list[int](), list[Call]()

    def counted(pattern: RequestPattern, calls: list[Call]) -> list[Call]:
        searches.append(len(calls))
        return matching(pattern, calls)

    monkeypatch.setattr(waiting, "matching", counted)
    waiter = threading.Thread(target=lambda: found.extend(cvp.wait_for_calls(count=3, timeout=600)), daemon=True)
    waiter.start()
    for number in range(3):
        wait_until(lambda: len(searches) > number)  # noqa: B023 - called in this iteration alone
        # a wait that polls would search meanwhile
        time.sleep(0.1)
        client.get("version")
    waiter.join(PATIENCE)
    assert len(found) == 3
    assert searches == [0, 1, 2, 3]


def test_a_wait_that_is_in_vain_tells_what_there_was(cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version")
    began = time.monotonic()
    with pytest.raises(AssertionError) as fault:
        cvp.wait_for_calls(count=2, timeout=0.05, path="version")
    assert time.monotonic() - began >= 0.05
    assert str(fault.value).startswith("waited 0.05 s; wanted: a call with path='version', 2 at least; there was 1\n")


def test_a_thousand_waits_and_calls_from_8_threads_lose_none(cvp: MockCVP) -> None:
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


def test_an_async_wait_lets_the_loop_go_on(cvp: MockCVP) -> None:
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
def test_a_failed_verification_ends_the_search(cvp: MockCVP, client: httpx.Client, name: str) -> None:
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
    with pytest.raises(AssertionError) as fault:
        verify(cvp)
    stored = Path(__file__).parent / "messages" / f"{name}.txt"
    if os.environ.get("KEEP_MESSAGES"):
        stored.write_text(f"{fault.value}\n")
    assert f"{fault.value}\n" == stored.read_text()


def test_verifications_pass_where_they_should(cvp: MockCVP, client: httpx.Client) -> None:
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


def test_where_the_journal_has_dropped_calls_nobody_can_tell() -> None:
    with MockCVP(journal_max_calls=1) as cvp, cvp.client(timeout=PATIENCE) as client:
        for path in ("server", "version"):
            client.get(path)
        cvp.assert_called(path="version")
        for wanted in ({"path": "server", "times": 0}, {"path": "version", "times": 1}, {"path": "server"}):
            with pytest.raises(AssertionError, match="the journal has dropped 1 of 2 calls, so nobody can tell"):
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
def test_the_next_calls_can_be_refused(
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
    # over TLS, Python takes a reset for an end without an answer
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
def test_a_fault_is_seen_by_httpx_requests_and_http_client(cvp: MockCVP, client: httpx.Client, fault: Fault) -> None:
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
    # and the next call is good
    assert client.get("version").status_code == 200
    assert [(call.fault, call.status) for call in cvp.calls] == [(fault, None)] * 3 + [(None, 200)]
    assert f"GET /cvp-config/version wsmadmin {fault}, as planned" in cvp.log()


def read_to_the_end(plain: socket.socket) -> None:
    while plain.recv(65536):
        pass


def test_a_reset_is_one_on_the_real_socket(cvp: MockCVP) -> None:
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
            read_to_the_end(plain)


def test_answers_can_be_held_back_and_throttled(cvp: MockCVP) -> None:
    # long enough for all three to come while the first is held back
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


def test_a_throttled_call_stays_throttled_and_is_not_told_as_too_large(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.throttle(0)
    cvp.delay(2)

    def lift() -> None:
        cvp.wait_for_calls(timeout=PATIENCE)
        cvp.throttle(5)

    # while the answer is held back, the limit is lifted: its body was not taken, and must not count as none
    lifting = threading.Thread(target=lift)
    lifting.start()
    synchronize(client, "media", status=503)
    lifting.join()
    (call,) = cvp.calls
    assert call.request.exceeded == 0
    assert cvp.synchronizations == []


@pytest.mark.parametrize(
    "plan",
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
def test_a_plan_that_is_not_valid_is_told(cvp: MockCVP, plan: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|is not a valid|can be set at the start alone"):
        plan(cvp)


def test_a_reset_brings_back_the_start(cvp: MockCVP, client: httpx.Client) -> None:
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


def test_a_reset_can_change_what_may_differ_per_test(cvp: MockCVP, client: httpx.Client) -> None:
    cvp.reset(unknown_servers="reject", password="other", max_body_bytes=10, journal_max_calls=1)
    assert cvp.auth == ("wsmadmin", "other")
    assert client.get("version").status_code == 401
    with cvp.client(timeout=PATIENCE) as right:
        synchronize(right, "nobody", status=413)
        cvp.reset(unknown_servers="reject")
    synchronize(client, "nobody", status=400)
    cvp.reset()
    synchronize(client, "nobody")


def test_a_call_that_was_held_back_does_not_reach_into_the_next_test(cvp: MockCVP) -> None:
    cvp.delay(2)
    with cvp.client(timeout=IMPATIENT) as client, pytest.raises(httpx.ReadTimeout):
        client.post(SYNCHRONIZE)
    cvp.wait_for_calls(timeout=PATIENCE)
    cvp.reset()
    cvp.throttle(1)
    cvp.fail_next(500)
    with cvp.client(timeout=PATIENCE) as client:
        assert client.get("version").status_code == 500
        # until the call that was held back would get its response
        time.sleep(2.5)
        assert [call.status for call in cvp.calls] == [500]
        assert cvp.synchronizations == []


def test_a_tenants_throttle_counts_its_own_calls(cvp: MockCVP) -> None:
    with cvp.tenant() as one, cvp.tenant() as two:
        one.delay(2)
        two.throttle(1)
        with one.client(timeout=IMPATIENT) as slow, pytest.raises(httpx.ReadTimeout):
            slow.get("version")
        with two.client(timeout=PATIENCE) as client:
            assert client.get("version").status_code == 200


def test_a_tenant_can_be_controlled_over_http_and_forgotten_only_once(cvp: MockCVP) -> None:
    first = cvp.tenant(username="run")
    cvp.reset()
    with cvp.tenant(username="run") as second, second.client() as client:
        first.stop()
        assert client.get("version").status_code == 200
        reported = client.get(f"{cvp.url.removesuffix('/cvp-config')}/__admin/cvp/tenants/run/requests").json()
        assert reported["meta"] == {"total": 1}
        with pytest.raises(ValueError, match="a tenant has no tenants"):
            second.tenant()
        with pytest.raises(ValueError, match="username can be set at the start alone"):
            second.reset(username="other")
        assert "run 1: 200 GET /cvp-config/version run" in cvp.log()
    with pytest.raises(RuntimeError, match="this tenant was stopped"):
        second.start()


def test_a_double_that_does_not_run_says_so() -> None:
    cvp = MockCVP()
    for ask in (lambda: cvp.url, lambda: cvp.calls, lambda: cvp.ssl_context(), lambda: cvp.reset()):
        with pytest.raises(RuntimeError, match="does not run"):
            ask()
    with pytest.raises(ValueError, match="log_level is the command's"):
        MockCVP(log_level="debug")


def test_a_client_that_does_not_trust_the_double_is_told_of(cvp: MockCVP) -> None:
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        client.get(f"{cvp.url}/version")
    wait_until(lambda: "no TLS with a client" in cvp.log())
    with pytest.raises(AssertionError, match="no TLS with 1 connections: the client does not trust the certificate"):
        cvp.wait_for_calls(timeout=0)


def test_many_calls_alike_are_told_in_one_line(cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client, {"refURL": "media", "sincetime": 5})
    for number in range(30):
        synchronize(client, {"refURL": f"{number}", "sincetime": -1 - number % 6}, status=400)
    with pytest.raises(AssertionError) as fault:
        cvp.assert_synchronized("media", sincetime=0)
    lines = str(fault.value).splitlines()
    assert lines[1].startswith("  5 calls (")
    assert "call 1: POST /cvp-config/command/synchronize: 202, sincetime was 5, not 0" in lines[5]
    assert lines[6] == "  and 10 more calls"


@pytest.mark.parametrize(
    "wanted",
    [{"status": "202"}, {"sincetime": "0"}, {"ref_url": 5}, {"path": "server?q=x"}, {"path": "https://x/server"}],
)
def test_what_can_never_match_is_refused(cvp: MockCVP, wanted: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="must be"):
        cvp.assert_not_called(**wanted)


def test_async_waits_take_no_thread_and_can_be_cancelled(cvp: MockCVP) -> None:
    async def test() -> None:
        waits = [asyncio.create_task(cvp.async_wait_for_calls(timeout=PATIENCE)) for _ in range(50)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cvp.async_wait_for_calls(99, timeout=PATIENCE), 0.05)
        with cvp.client(timeout=PATIENCE) as client:
            await asyncio.to_thread(client.get, "version")
        assert [len(calls) for calls in await asyncio.gather(*waits)] == [1] * 50

    asyncio.run(test())


def test_threads_that_move_the_clock_lose_no_move(cvp: MockCVP) -> None:
    cvp.clock.freeze()
    began = cvp.clock()
    with threads_that_take_turns_often():
        threads = [threading.Thread(target=lambda: [*map(cvp.clock.advance, [1] * 5000)]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert cvp.clock() == began + 10_000


def test_a_tenant_has_a_deployment_a_clock_faults_and_a_journal_of_its_own(cvp: MockCVP, client: httpx.Client) -> None:
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
            # a wrong password is its user's
            client.get("version", auth=("two", "wrong"))
            two.assert_called(status=401)
    with cvp.client(auth=("two", "2"), timeout=PATIENCE) as is_disconnected:
        assert is_disconnected.get("version").status_code == 401


@pytest.mark.parametrize("name", ["wsmadmin", "Administrator", "a/b", "", "x" * 65, "taken", "..", "a:b"])
def test_a_tenants_name_that_cannot_be_is_told(cvp: MockCVP, name: str) -> None:
    with cvp.tenant(username="taken"), pytest.raises(ValueError, match="name"):
        cvp.tenant(username=name)


def test_a_stop_does_not_wait_for_what_is_held_back() -> None:
    with MockCVP() as cvp:
        cvp.delay(600)
        connection = http.client.HTTPSConnection(cvp.url.split("/")[2], context=cvp.ssl_context())
        connection.request("GET", "/cvp-config/version")
        cvp.wait_for_calls(timeout=PATIENCE)
        began = time.monotonic()
        cvp.stop()
        assert time.monotonic() - began < PATIENCE
        connection.close()


def test_it_can_be_started_and_stopped_again() -> None:
    cvp = MockCVP()
    for _ in range(2):
        cvp.start()
        with pytest.raises(RuntimeError, match="runs already"):
            cvp.start()
        cvp.stop()
        cvp.stop()


def open_files() -> set[str]:
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return {os.readlink(link) for link in links if link.is_symlink()}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are read in /proc: run it on Linux")
def test_a_hundred_started_and_stopped_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    def test_it_can_be_used_from_unittest(self) -> None:
        cvp = self.enterContext(MockCVP())
        with cvp.client(timeout=PATIENCE) as client:
            self.assertEqual(client.get("version").status_code, 200)  # noqa: PT009 - what this is about


def test_the_package_loads_nothing_until_it_is_used() -> None:
    import subprocess

    code = (
        "import sys, mockcvp; assert not [n for n in sys.modules if n.startswith(('mockcvp.', 'fastapi', 'pydantic'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Settings().port == 8111
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        __import__("mockcvp").Nothing  # noqa: B018 - what this is about


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


def test_the_journals_of_all_tenants_are_bounded_together() -> None:
    with MockCVP(journal_max_bytes=1024**3) as cvp, cvp.client() as client:
        cvp.tenant()
        with pytest.raises(ValueError, match="give the mock server a smaller --journal-max-bytes"):
            cvp.tenant()
        assert client.post(f"{cvp.admin_url}/cvp/tenants").status_code == 422
        cvp.tenant(journal_max_bytes=0)
