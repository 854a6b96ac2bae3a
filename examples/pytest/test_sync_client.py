"""The tests of the client, with a mock server that needs no configuration."""

from collections.abc import Iterator
from threading import Timer

import pytest
from sync_client import SyncClient, SyncFailed


@pytest.fixture
def client(mock_cvp) -> Iterator[SyncClient]:
    with mock_cvp.client() as http:
        yield SyncClient(http)


def test_a_full_sync_up_of_the_vxml_servers_starts(mock_cvp, client):
    client.synchronize(client.servers("VXML"))
    mock_cvp.assert_synchronized(client.servers("VXML")[0], sincetime=0, times=1)


def test_the_status_of_a_sync_up_is_returned(mock_cvp, client):
    (server,) = client.servers("MEDIA")
    mock_cvp.set_outcome(server, "Failure", duration=60)
    mock_cvp.clock.freeze()
    client.synchronize([server], since=1900000000)
    assert client.status(server) == "In Progress"
    mock_cvp.clock.advance(60)
    assert client.status(server) == "Failure"


def test_a_busy_oamp_gets_a_second_request(mock_cvp, client):
    mock_cvp.fail_next(status=503)
    client.synchronize([])
    mock_cvp.assert_called(path="command/synchronize", times=2)


def test_a_reset_connection_leads_to_a_second_request(mock_cvp, client):
    mock_cvp.drop_next("CONNECTION_RESET_BY_PEER")
    client.synchronize([])
    mock_cvp.assert_synchronized(times=1)


def test_an_error_response_raises_its_text(mock_cvp, client):
    with pytest.raises(SyncFailed, match="invalidSinceTime"):
        client.synchronize(["a"], since=-1)
    mock_cvp.assert_called(status=400, times=1)


def test_a_call_in_another_thread_is_waited_for(mock_cvp, client):
    nightly = Timer(0.05, client.synchronize, args=[[]])
    nightly.start()
    (call,) = mock_cvp.wait_for_calls(path="command/synchronize")
    assert call.json() == {"synchronize": {"servers": {"server": []}}}
    # The call is in the journal before the client has its response.
    nightly.join()


@pytest.mark.mock_cvp(unknown_servers="reject")
def test_an_unknown_server_is_rejected(client):
    with pytest.raises(SyncFailed, match="invalidServerRef"):
        client.synchronize(["https://oamp/cvp-config/server/nobody"])
