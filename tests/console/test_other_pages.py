"""The pages *Sync-ups*, *Servers*, *Stubs*, *Tenants* and *Connect*, and the header."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from mockcvp import MockCVP
from tests.console.conftest import OpenPage, go
from tests.server_process import PATIENCE, SYNCHRONIZE


def synchronize(client: httpx.Client, server: Any = "media-1") -> None:
    client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": server}}})


def lane(page: Page, hostname: str) -> Locator:
    return page.get_by_role("row", name=hostname)


def test_the_clock_moves_a_sync_up_to_its_end(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    cvp.set_outcome("media-1", "Success", duration=3600)
    page = open_page("#/sync-ups")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("Frozen").first).to_be_visible()
    synchronize(client)
    expect(lane(page, "media-1")).to_contain_text("In Progress")
    page.get_by_role("spinbutton", name="Seconds").fill("3600")
    page.get_by_role("button", name="Advance").click()
    expect(lane(page, "media-1")).to_contain_text("Success")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Running").first).to_be_visible()
    assert not cvp.clock.frozen


def test_the_page_goes_to_the_next_end(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    cvp.clock.freeze()
    cvp.set_outcome("vxml-1", "Failure", duration=600)
    synchronize(client, "vxml-1")
    page = open_page("#/sync-ups")
    expect(lane(page, "vxml-1")).to_contain_text("In Progress")
    page.get_by_role("button", name="To the next end").click()
    expect(lane(page, "vxml-1")).to_contain_text("Failure")


def test_a_clock_that_another_client_moves_is_shown(page: Page, cvp: MockCVP) -> None:
    cvp.clock.freeze()
    cvp.clock.set(2211624000)
    expect(page.get_by_text("2040-01-31")).to_be_visible()


def test_the_next_sync_up_of_a_server_is_made_to_fail(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    page = open_page("#/servers")
    page.get_by_label("Outcome of media-1").select_option("Failure")
    expect(page.get_by_role("status")).to_contain_text("Changed media-1")
    page.get_by_label("Duration of media-1 in seconds").fill("0")
    synchronize(client)
    expect(page.get_by_role("row", name=re.compile("media-1"))).to_contain_text("Failure")
    assert cvp.synchronizations[0].state == "Failure"


@pytest.mark.parametrize(("button", "full"), [("Full sync-up", True), ("Incremental", False)])
def test_a_sync_up_is_started(open_page: OpenPage, cvp: MockCVP, button: str, full: bool) -> None:
    page = open_page("#/servers")
    page.get_by_role("row", name=re.compile("vxml-1")).get_by_role("button", name=re.compile(button)).first.click()
    cvp.wait_for_calls()
    (sync_up,) = cvp.synchronizations
    assert [(server.id, server.full) for server in sync_up.servers] == [("vxml-1", full)]


def test_a_server_is_added_edited_and_removed(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page("#/servers")
    page.get_by_role("button", name="Add server").click()
    form = page.get_by_role("form", name="Add a server")
    form.get_by_label("Id").fill("a/b")
    form.get_by_label("Hostname").fill("paris")
    form.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name=re.compile("paris"))
    expect(row).to_be_visible()
    assert client.get("server/a%2Fb").json()["server"]["hostname"] == "paris"
    row.get_by_role("button", name=re.compile("Edit")).click()
    page.get_by_role("form", name="Edit server a/b").get_by_label("Hostname").fill("berlin")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name=re.compile("berlin"))
    expect(row).to_be_visible()
    row.get_by_role("button", name=re.compile("Remove")).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert client.get("server/a%2Fb").status_code == 404


def test_a_server_that_is_not_valid_is_an_alert(open_page: OpenPage) -> None:
    page = open_page("#/servers")
    page.get_by_role("button", name="Add server").click()
    form = page.get_by_role("form", name="Add a server")
    form.get_by_label("Id").fill("x")
    form.get_by_label("Hostname").fill("x")
    form.get_by_label("IP address").fill("nowhere")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("ipaddr: must be an IP address")


def test_the_next_call_fails(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page("#/stubs")
    expect(page.get_by_role("heading", name="No stub mappings")).to_be_visible()
    page.get_by_role("button", name="Fail next").click()
    expect(page.get_by_role("table", name="Stub mappings").get_by_role("row")).to_have_count(2)
    assert client.get("version").status_code == 503
    expect(page.get_by_role("heading", name="No stub mappings")).to_be_visible()
    assert client.get("version").status_code == 200


def test_the_next_call_is_dropped(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page("#/stubs")
    page.get_by_role("button", name="Drop next").click()
    expect(page.get_by_role("table", name="Stub mappings").get_by_role("row")).to_have_count(2)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("version")


def test_responses_are_delayed(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    page = open_page("#/stubs")
    page.get_by_label("Milliseconds").fill("30")
    page.get_by_role("button", name="Delay").click()
    expect(page.get_by_role("status")).not_to_be_empty()
    client.get("version")
    assert cvp.calls[0].delay == 0.03


def test_a_stub_mapping_is_written_and_its_hits_are_counted(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page("#/stubs")
    page.get_by_role("button", name="New stub").click()
    mapping = '{"name": "mine", "request": {"urlPath": "/cvp-config/version"}, "response": {"status": 418}}'
    page.get_by_role("textbox", name="Stub mapping in WireMock's JSON").fill(mapping)
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name=re.compile("mine"))
    expect(row).to_contain_text("0 hits")
    assert client.get("version").status_code == 418
    expect(row).to_contain_text("1 hit")
    row.get_by_role("button", name=re.compile("Remove")).click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"request": {"urlPth": "/x"}}', "request: urlPth is not known here: is urlPath meant?"),
        ('{"response": {"status": 99}}', "response.status: must be 200 or above"),
        ("{", "JSON"),
    ],
)
def test_a_stub_mapping_that_is_not_valid_is_an_alert(open_page: OpenPage, text: str, message: str) -> None:
    page = open_page("#/stubs")
    page.get_by_role("button", name="New stub").click()
    page.get_by_role("textbox", name="Stub mapping in WireMock's JSON").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text(message)


def test_near_misses_of_unmatched_calls_are_listed(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    cvp.stub({"name": "mine", "request": {"urlPath": "/cvp-config/versions"}, "response": {"status": 200}})
    client.get("nothing")
    page = open_page("#/stubs")
    near = page.get_by_role("region", name="Near misses")
    expect(near).to_contain_text("mine")
    expect(near).to_contain_text("/cvp-config/nothing")


def test_a_tenant_has_its_own_console(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    page = open_page("#/tenants")
    expect(page.get_by_role("heading", name="No tenants")).to_be_visible()
    page.get_by_label("User name").fill("run-7")
    page.get_by_role("button", name="Add tenant").click()
    password = page.get_by_role("region", name="New tenant").locator("code").inner_text()
    client.get("version")
    client.get("version", auth=("run-7", password))
    page.get_by_role("list", name="Tenants").get_by_role("link", name="run-7").click()
    expect(page.get_by_text("Tenant: run-7")).to_be_visible()
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("table", name="Calls")).to_contain_text("run-7")
    assert len(cvp.calls) == 1


def test_a_tenant_is_removed_after_a_question(open_page: OpenPage, cvp: MockCVP) -> None:
    with cvp.client(timeout=PATIENCE) as control:
        control.post(f"{cvp.admin_url}/cvp/tenants", json={"username": "run-7"})
        page = open_page("#/tenants")
        page.get_by_role("button", name="Remove run-7").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("heading", name="No tenants")).to_be_visible()
        assert control.get(f"{cvp.admin_url}/cvp/tenants").json() == {"tenants": []}


def test_connect_has_the_certificate(open_page: OpenPage, cvp: MockCVP) -> None:
    page = open_page("#/connect")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download mockcvp.pem").click()
    assert download.value.path().read_bytes() == cvp.certificate.read_bytes()
    expect(page.get_by_role("region", name="Certificate")).to_contain_text(re.compile("([0-9A-F]{2}:){31}"))


@pytest.mark.parametrize("language", ["curl", "Java", "Node", "Go", "C#"])
def test_connect_has_code_with_the_values_of_this_mock_server(open_page: OpenPage, cvp: MockCVP, language: str) -> None:
    page = open_page("#/connect")
    page.get_by_role("button", name=language, exact=True).click()
    code = page.get_by_label(f"Code for {language}", exact=True)
    expect(code).to_contain_text(cvp.url.split("/")[2])
    expect(code).to_contain_text("wsmadmin")


def test_a_reset_needs_a_confirmation(page: Page, cvp: MockCVP, client: httpx.Client) -> None:
    client.get("version")
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog", name="Confirm reset").get_by_role("button", name="Cancel").click()
    assert len(cvp.calls) == 1
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog", name="Confirm reset").get_by_role("button", name="Reset").click()
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    assert cvp.calls == []


@pytest.mark.console(console="read")
def test_a_console_for_reading_shows_nothing_that_changes(open_page: OpenPage, cvp: MockCVP) -> None:
    with cvp.client(timeout=PATIENCE) as client:
        client.get("version", headers={"Accept": "application/xml"})
    page = open_page("#/calls?call=1")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_visible()
    expect(page.get_by_text("Read only")).to_be_visible()
    for name in ("Sync-ups", "Servers", "Stubs", "Tenants", "Calls"):
        go(page, name)
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        for button in ("Reset", "Send again", "Freeze", "Advance", "Add server", "Fail next", "New stub", "Add tenant"):
            expect(page.get_by_role("button", name=button)).to_have_count(0)
    status = page.evaluate("fetch('../reset', {method: 'POST'}).then((response) => response.status)")
    assert status == 403
    assert len(cvp.calls) == 1
