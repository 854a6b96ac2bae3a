"""The client's tests: nothing to configure, no waiting, every failure at will."""

from collections.abc import Iterator
from threading import Timer

import pytest
from sync_client import SyncClient, SyncFailed


@pytest.fixture
def client(mock_cvp) -> Iterator[SyncClient]:
    with mock_cvp.client() as http:
        yield SyncClient(http)


def test_it_starts_a_full_sync_up_of_the_vxml_servers(mock_cvp, client):
    client.synchronize(client.servers("VXML"))
    mock_cvp.assert_synchronized(client.servers("VXML")[0], sincetime=0, times=1)


def test_it_tells_how_a_sync_up_goes(mock_cvp, client):
    (server,) = client.servers("MEDIA")
    mock_cvp.set_outcome(server, "Failure", duration=60)
    mock_cvp.clock.freeze()
    client.synchronize([server], since=1900000000)
    assert client.status(server) == "In Progress"
    mock_cvp.clock.advance(60)
    assert client.status(server) == "Failure"


def test_it_tries_again_when_the_oamp_is_busy(mock_cvp, client):
    mock_cvp.fail_next(status=503)
    client.synchronize([])
    mock_cvp.assert_called(path="command/synchronize", times=2)


def test_it_tries_again_when_the_oamp_hangs_up(mock_cvp, client):
    mock_cvp.drop_next("CONNECTION_RESET_BY_PEER")
    client.synchronize([])
    mock_cvp.assert_synchronized(times=1)


def test_it_gives_up_with_the_oamps_own_words(mock_cvp, client):
    with pytest.raises(SyncFailed, match="invalidSinceTime"):
        client.synchronize(["a"], since=-1)
    mock_cvp.assert_called(status=400, times=1)


def test_a_call_of_another_thread_is_waited_for_and_not_slept_for(mock_cvp, client):
    nightly = Timer(0.05, client.synchronize, args=[[]])
    nightly.start()
    (call,) = mock_cvp.wait_for_calls(path="command/synchronize")
    assert call.json() == {"synchronize": {"servers": {"server": []}}}
    # the call is there, and its answer on the way
    nightly.join()


@pytest.mark.mock_cvp(unknown_servers="reject")
def test_a_server_that_the_deployment_lacks_is_refused(client):
    with pytest.raises(SyncFailed, match="invalidServerRef"):
        client.synchronize(["https://oamp/cvp-config/server/nobody"])
