import base64
import gc
import time
import tracemalloc
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockcvp.journal import Call, Journal
from mockcvp.oamp.errors import INVALID_SINCETIME, ApiError
from mockcvp.oamp.http import Request, Response
from mockcvp.oamp.references import RequestedServer
from mockcvp.oamp.sync_ups import Run, SyncStatus, SyncUp
from tests.server_process import JSON, SYNCHRONIZE, XML, ServerProcess, frequent_thread_switches, read_response

BODY = '{"synchronize": {"servers": {"server": ["a", {"refURL": "b", "sincetime": "7"}]}}}'


def record_call(journal: Journal, body: bytes = b"", *, servers: int = 0) -> Call:
    request = Request("POST", "/", "/", ((b"host", b"localhost"),), body)
    requested = tuple(RequestedServer(ref_url=f"server {number}") for number in range(servers))
    return journal.record(0.0, 0.0, "127.0.0.1", request, Response(202, (), sync_up=SyncUp(requested)))


def latest(server: ServerProcess) -> dict[str, Any]:
    served: dict[str, Any] = server.journal(limit=1)["requests"][0]
    return served


def test_a_call_has_the_json_of_wiremock(server: ServerProcess, client: httpx.Client) -> None:
    server.forget()
    before = time.time()
    headers = [("Accept", JSON), ("Content-Type", JSON), ("X-Twice", "1"), ("X-Twice", "2")]
    client.post(f"{SYNCHRONIZE}?a=%20b&c", content=BODY, headers=headers)
    served = latest(server)
    request, response = served["request"], served["response"]
    assert request["method"] == "POST"
    assert request["url"] == "/cvp-config/command/synchronize?a=%20b&c"
    assert request["absoluteUrl"] == f"https://127.0.0.1:{server.port}{request['url']}"
    assert request["clientIp"] == "127.0.0.1"
    assert request["headers"]["content-type"] == JSON
    assert request["headers"]["x-twice"] == ["1", "2"]
    assert request["body"] == BODY
    assert base64.b64decode(request["bodyAsBase64"]) == BODY.encode()
    assert before * 1000 - 1 <= request["loggedDate"] <= time.time() * 1000
    logged = datetime.strptime(request["loggedDateString"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert round(logged.timestamp() * 1000) == request["loggedDate"]
    assert (response["status"], response["body"]) == (202, "")
    assert response["headers"]["server"] == "Apache-Coyote/1.1"
    assert served["wasMatched"] is True
    assert served["request"]["mockcvp"] | {"duration": 0} == {
        "number": 1,
        "path": "/cvp-config/command/synchronize",
        "query": "a=%20b&c",
        "user": "wsmadmin",
        "duration": 0,
        "complete": True,
        "delivered": True,
        "oversize": False,
        "unread": False,
        "refusal": None,
        "synchronization": {
            "servers": [
                {"refURL": "a", "sincetime": 0, "full": True},
                {"refURL": "b", "sincetime": 7, "full": False},
            ],
            "started": ["a", "b"],
        },
        "fault": None,
        "ignored": [],
    }
    assert 0 < served["request"]["mockcvp"]["duration"] < time.time() - before


def test_every_response_is_in_the_journal_newest_first(server: ServerProcess, client: httpx.Client) -> None:
    server.forget()
    headers = {"Accept": XML}
    client.post(SYNCHRONIZE, headers=headers)
    client.post(SYNCHRONIZE, auth=(("wsmadmin"), "wrong"), headers=headers)
    client.get("nothing", headers=headers)
    client.get(SYNCHRONIZE, headers=headers)
    client.head("version", headers=headers)
    client.post(SYNCHRONIZE, headers=headers | {"Content-Type": XML}, content=b"x" * 3 * 1024**2)
    journal = server.journal()
    head = journal["requests"].pop(1)
    assert (head["response"]["status"], head["response"]["body"]) == (200, "")
    assert journal["meta"] == {"total": 6}
    assert [call["request"]["mockcvp"]["number"] for call in journal["requests"]] == [6, 4, 3, 2, 1]
    assert [call["response"]["status"] for call in journal["requests"]] == [413, 405, 404, 401, 202]
    assert [call["wasMatched"] for call in journal["requests"]] == [True, False, False, True, True]
    assert len({call["id"] for call in journal["requests"]}) == 5
    assert "invalid.requestSize" in journal["requests"][0]["request"]["mockcvp"]["refusal"]
    assert journal["requests"][0]["request"]["mockcvp"]["oversize"] is True
    # The Content-Length leads to the error, so that the body is not read.
    assert journal["requests"][0]["request"]["mockcvp"]["unread"] is True
    assert journal["requests"][0]["request"]["body"] == ""


def test_a_body_is_stored_as_bytes(server: ServerProcess, client: httpx.Client) -> None:
    sent = bytes(range(256))
    client.post(SYNCHRONIZE, content=sent, headers={"Accept": XML, "Content-Type": XML})
    assert base64.b64decode(latest(server)["request"]["bodyAsBase64"]) == sent


def test_an_incomplete_request_is_in_the_journal(server: ServerProcess) -> None:
    server.forget()
    with server.connection() as connection:
        authorization = "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\n"
        head = f"POST /cvp-config/x HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: 10\r\n\r\n"
        connection.sendall(f"{head}five.".encode())
        server.wait_until_all_is_read()
    server.line("--- POST /cvp-config/x wsmadmin the connection was closed before the request was complete")
    served = latest(server)
    assert (served["response"]["status"], served["wasMatched"]) == (0, False)
    assert served["request"]["body"] == "five."
    assert served["request"]["mockcvp"]["complete"] is False
    assert served["request"]["mockcvp"]["delivered"] is False
    assert served["request"]["mockcvp"]["user"] == "wsmadmin"
    assert server.journal()["meta"]["total"] == 1


def test_the_limit_bounds_the_list_but_not_the_total(server: ServerProcess, client: httpx.Client) -> None:
    server.forget()
    for _ in range(3):
        client.post(SYNCHRONIZE, headers={"Accept": XML})
    assert [call["request"]["mockcvp"]["number"] for call in server.journal(limit=2)["requests"]] == [3, 2]
    assert server.journal(limit=0) == {
        "requests": [],
        "meta": {"total": 3},
        "requestJournalDisabled": False,
    }


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", ""])
def test_an_invalid_limit_is_rejected(server: ServerProcess, limit: str) -> None:
    with server.client(auth=None) as client:
        response = client.get(f"https://localhost:{server.port}/__admin/requests?limit={limit}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["title"].startswith("limit must be ")


@pytest.mark.parametrize("unknown", ["Limit=1", "matchingStub=a"])
def test_an_unknown_parameter_is_rejected(server: ServerProcess, unknown: str) -> None:
    with server.client(auth=None) as client:
        response = client.get(f"https://localhost:{server.port}/__admin/requests?{unknown}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["title"] == f"{unknown.split('=')[0]} is not known here"


def test_the_first_call_after_clearing_is_number_1(server: ServerProcess, client: httpx.Client) -> None:
    client.post(SYNCHRONIZE, headers={"Accept": XML})
    earlier = latest(server)["id"]
    server.forget()
    assert server.journal()["meta"] == {"total": 0}
    client.post(SYNCHRONIZE, headers={"Accept": XML})
    assert latest(server)["request"]["mockcvp"]["number"] == 1
    assert latest(server)["id"] != earlier


def test_calls_to_the_control_api_are_not_in_the_journal(server: ServerProcess) -> None:
    server.forget()
    with server.client(auth=None) as client:
        base = f"https://localhost:{server.port}"
        assert client.get(f"{base}/__admin/health").json()["status"] == "healthy"
        assert client.head(f"{base}/__admin/health").status_code == 200
        assert client.get(f"{base}/__admin/nothing").status_code == 404
        assert client.get(f"{base}/__admin").status_code == 307
        assert client.put(f"{base}/__admin/requests").status_code == 405
    assert server.journal()["meta"]["total"] == 0


def test_20000_calls_on_16_connections_are_numbered_in_order(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    total, connections = 20_000, 16
    call = (
        f"POST /cvp-config/{SYNCHRONIZE} HTTP/1.1\r\nHost: localhost\r\nAccept: {XML}\r\n"
        "Authorization: Basic d3NtYWRtaW46d3NtYWRtaW4=\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    options = ["--log-level", "warning", "--journal-max-calls", str(total), "--journal-max-bytes", "100MiB"]
    responded: list[int] = []
    with ServerProcess(tmp_path_factory.mktemp("certs"), *options) as server:

        def send() -> None:
            with server.connection() as connection:
                count = 0
                for _ in range(total // connections):
                    connection.sendall(call)
                    count += read_response(connection).startswith(b"HTTP/1.1 202 ")
                responded.append(count)

        threads = [Thread(target=send) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        journal = server.journal(limit=20_000)
    assert sum(responded) == total
    assert journal["meta"] == {"total": total}
    assert [call["request"]["mockcvp"]["number"] for call in journal["requests"]] == list(range(total, 0, -1))


@given(st.lists(st.integers(0, 5000), max_size=40), st.integers(0, 20), st.integers(0, 20_000))
def test_the_journal_stores_the_newest_calls_and_counts_all(sizes: list[int], max_calls: int, max_bytes: int) -> None:
    journal = Journal(max_calls, max_bytes)
    calls = [record_call(journal, bytes(size)) for size in sizes]
    expected: list[Call] = []
    for call in calls:
        if call.size <= max_bytes:
            expected.append(call)
        while len(expected) > max_calls or sum(stored.size for stored in expected) > max_bytes:
            expected.pop(0)
    page = journal.page()
    assert (page.position.recorded, page.position.stored) == (len(sizes), len(expected))
    assert page.calls == expected[::-1]


def test_several_threads_can_record_calls() -> None:
    journal = Journal(10**9, 10**9)
    with frequent_thread_switches():
        threads = [Thread(target=lambda: [record_call(journal) for _ in range(2000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [call.number for call in journal.page().calls] == list(range(16_000, 0, -1))


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
@pytest.mark.parametrize(("body", "servers"), [(0, 0), (200, 1), (100_000, 0), (2000, 50)])
def test_the_memory_of_the_journal_stays_within_its_limit(body: int, servers: int, letter: str) -> None:
    limit = 4 * 1024**2
    journal = Journal(10**9, limit)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        while journal.page(0).position.stored == journal.page(0).position.recorded:
            # A real connection creates new objects for each call.
            headers = tuple((f"header-{name}".encode(), f"value of {name}".encode()) for name in range(8))
            requested = tuple(
                RequestedServer(ref_url=f"https://host/{number}{letter * 30}") for number in range(servers)
            )
            runs = tuple(Run(f"{entry}", entry, SyncStatus(0.1, 0.2), time.time(), "Success") for entry in requested)
            request = Request(
                "POST", f"/{letter * 500}{time.time()}", f"/cvp-config/{time.time()}", headers, bytes(body)
            )
            journal.record(
                time.time(),
                0.1,
                "127.0.0.1",
                request,
                Response(202, (), sync_up=SyncUp(requested, runs), reason=str(time.time())),
            )
        gc.collect()
        allocated = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert limit / 4 < allocated < limit * 1.05


def test_the_errors_of_a_rejected_call_count_in_its_size() -> None:
    def errors(number: int) -> tuple[ApiError, ...]:
        return tuple(INVALID_SINCETIME.error(f"reason {n}", actual=f"-{n}", valid=f"{n}") for n in range(number))

    def memory_and_size(number: int) -> tuple[int, int]:
        request = Request("POST", "/", "/", ())
        tracemalloc.start()
        try:
            response = Response(400, (), errors=errors(number))
            memory = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        return memory, Journal(1, 10**9).record(0.0, 0.0, "", request, response).size

    (few, few_size), (many, many_size) = memory_and_size(10), memory_and_size(2000)
    assert 0.9 * (many - few) < many_size - few_size < 2 * (many - few)


def test_a_call_larger_than_the_journal_drops_no_other() -> None:
    journal = Journal(10, 5000)
    small = record_call(journal)
    record_call(journal, bytes(6000))
    assert (journal.page().position.recorded, journal.page().calls) == (2, [small])


def test_a_wait_ends_while_calls_are_recorded(journal_with_calls: Journal) -> None:
    def select(calls: list[Call]) -> list[Call]:
        # The other calls of a busy server are recorded during each search.
        assert len(calls) < 10_000
        record_call(journal_with_calls)
        return []

    assert journal_with_calls.wait_for(select, 1, 0.05) is None


def test_an_undelivered_call_can_be_removed(journal_with_calls: Journal) -> None:
    found = journal_with_calls.page().calls
    journal_with_calls.mark_undelivered(found[0])
    assert [call.number for call in journal_with_calls.remove(found[:2])] == [2, 3]
    assert [call.number for call in journal_with_calls.page().calls] == [1]


def test_a_call_from_before_a_clear_removes_no_later_call(journal_with_calls: Journal) -> None:
    found = journal_with_calls.page().calls
    journal_with_calls.clear()
    record_call(journal_with_calls)
    assert journal_with_calls.remove(found) == []


@pytest.fixture
def journal_with_calls() -> Journal:
    """A journal with three calls."""
    journal = Journal(10**9, 10**9)
    for _ in range(3):
        record_call(journal)
    return journal
