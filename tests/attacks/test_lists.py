"""Long lists of the control API: they are streams, and cost what one client reads."""

import asyncio
import contextlib
import re
import sys
from pathlib import Path

import pytest

from mockcvp import MockCVP
from mockcvp.control.streaming import listed
from tests.running import JSON, SYNCHRONIZE, XML, Running

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the memory of a process is read from /proc: run it on Linux"
)
MIB = 1024**2


def resident(double: Running) -> int:
    """Return the memory that a process takes, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{double.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@LINUX
def test_readers_of_a_journal_that_do_not_read_cost_little(tmp_path: Path) -> None:
    # in JSON, each byte of these bodies takes six
    body, calls = b"\0" * MIB, 30
    with Running(tmp_path) as double, contextlib.ExitStack() as stack:
        with double.client(headers={"Accept": XML, "Content-Type": XML}) as client:
            for _ in range(calls):
                assert client.post(SYNCHRONIZE, content=body).status_code == 400
        before = resident(double)
        for _ in range(6):
            reader = stack.enter_context(double.connection())
            reader.sendall(b"GET /__admin/requests HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reader.recv(1000).startswith(b"HTTP/1.1 200 ")
        # each has an entry or two waiting, and not all of them
        double.journal(limit=1)
        assert resident(double) - before < 2 * calls * MIB
        # one that reads gets all
        assert len(double.journal()["requests"]) == calls


def test_a_list_has_at_most_1000_entries_unless_asked_otherwise() -> None:
    with MockCVP() as cvp, cvp.client(headers={"Accept": JSON}) as client:
        for _ in range(1001):
            client.post(SYNCHRONIZE)

        def got(path: str) -> tuple[int, dict[str, object]]:
            document = client.get(f"{cvp.admin_url}/{path}").json()
            entries = document.get("requests") or document["synchronizations"]
            return len(entries), document["meta"]

        assert got("requests") == (1000, {"total": 1001, "limit": 1000})
        assert got("requests?limit=1001") == (1001, {"total": 1001})
        assert got("requests?limit=5") == (5, {"total": 1001})
        assert got("cvp/synchronizations") == (1000, {"total": 1001, "exact": True, "limit": 1000})
        assert got("cvp/synchronizations?limit=2000") == (1001, {"total": 1001, "exact": True})
        # what a test counts is not cut
        found = client.post(f"{cvp.admin_url}/requests/find", json={}).json()["requests"]
        assert len(found) == 1001


def test_an_entry_that_cannot_be_written_ends_no_document() -> None:
    sent: list[bytes] = []

    def entry(number: int) -> str:
        if number == 100_000:
            raise ValueError("not this one")
        return "x" * 10

    async def receive() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message.get("body", b""))

    response = listed("entries", entry, range(200_000))
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(ValueError, match="not this one"):
        asyncio.run(response(scope, receive, send))
    document = b"".join(sent)
    assert document.startswith(b'{"entries":["xxxxxxxxxx",')
    assert not document.endswith(b"}")
