"""The page *Calls*."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from mockcvp import Fault, MockCVP
from tests.console.conftest import OpenPage, rows
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, XML

NEGATIVE = '{"synchronize": {"servers": {"server": {"refURL": "media-1", "sincetime": "-1"}}}}'
FULL = "<synchronize><servers><server>media-1</server></servers></synchronize>"


def synchronize(client: httpx.Client, body: str = NEGATIVE, form: str = JSON, **options: Any) -> httpx.Response:
    return client.post(SYNCHRONIZE, content=body, headers={"Content-Type": form}, **options)


def row(page: Page, number: int) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=f"Call {number}", exact=True))


def open_call(page: Page, number: int) -> Locator:
    """Open a call, and return its region."""
    page.get_by_role("link", name=f"Call {number}", exact=True).click()
    region = page.get_by_role("region", name="Call", exact=True)
    expect(region.get_by_role("heading", name=f"Call {number}")).to_be_visible()
    return region


def copied(page: Page, button: str) -> str:
    """Press a button that copies, and return the copied text."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_a_rejected_call_appears_by_itself(page: Page, client: httpx.Client) -> None:
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    synchronize(client)
    expect(row(page, 1)).to_contain_text("400")
    expect(row(page, 1)).to_contain_text("/cvp-config/command/synchronize")
    expect(row(page, 1)).to_contain_text("invalidInput.invalidSinceTime")


def test_why_names_the_check_and_the_place_in_the_body(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client, NEGATIVE.replace(", ", ",\n"))
    region = open_call(open_page(), 1)
    expect(region.get_by_role("heading", name="Why")).to_be_visible()
    failed = region.get_by_role("list", name="Checks").get_by_role("listitem").filter(has_text="failed")
    expect(failed.first).to_contain_text("values")
    expect(failed.first).to_contain_text("5. Start sync-up")
    expect(region.get_by_text("Body, line 2, column 15")).to_be_visible()
    expect(region.locator("mark").first).to_have_text("-1")
    expect(region.get_by_text("Correct the values of the body or the query.")).to_be_visible()


def test_an_ignored_member_is_named(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client, '{"synchronize": {"server": "media-1"}}')
    region = open_call(open_page(), 1)
    expect(region.get_by_text("synchronize/server", exact=True)).to_be_visible()
    expect(region.get_by_text("full sync-up of every server").first).to_be_visible()


def test_a_body_is_shown_pretty_and_raw(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client, FULL, XML)
    region = open_call(open_page(), 1)
    body = region.get_by_label("Body of the request", exact=True)
    expect(body).to_contain_text("  <servers>\n    <server>media-1</server>\n  </servers>")
    region.get_by_role("button", name="Raw").first.click()
    expect(body).to_contain_text(FULL)


def test_a_search_is_in_the_url_and_survives_a_reload(open_page: OpenPage, client: httpx.Client) -> None:
    client.get("version")
    synchronize(client)
    client.get("version", auth=("other", "x"))
    page = open_page()
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(3)
    page.get_by_role("searchbox").fill("MEDIA-1")
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    assert "text=MEDIA-1" in page.url
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("MEDIA-1")
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("1 call found")).to_be_visible()


@pytest.mark.parametrize(
    ("search", "numbers"),
    [("status=4xx", [3, 2]), ("status=200", [1]), ("user=other", [3]), ("error=sincetime", [2]), ("form=xml", [4])],
)
def test_a_search_finds_by_each_field(
    open_page: OpenPage, client: httpx.Client, search: str, numbers: list[int]
) -> None:
    client.get("version")
    synchronize(client)
    client.get("version", auth=("other", "x"))
    synchronize(client, FULL, XML)
    page = open_page(f"#/calls?{search}")
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(len(numbers))
    assert [int(re.split(r"\s", text.strip())[0]) for text in rows(page)] == numbers


def test_new_calls_are_searched_too(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page("#/calls?status=4xx")
    expect(page.get_by_text("No call matches the search")).to_be_visible()
    client.get("version")
    synchronize(client)
    expect(row(page, 2)).to_be_visible()
    expect(row(page, 1)).to_have_count(0)


def test_an_open_call_stays_open_as_calls_arrive(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client)
    page = open_page()
    region = open_call(page, 1)
    client.get("version")
    expect(row(page, 2)).to_be_visible()
    expect(region.get_by_role("heading", name="Call 1")).to_be_visible()
    page.reload()
    expect(region.get_by_role("heading", name="Call 1")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(region).to_have_count(0)


@pytest.mark.parametrize("user", ["wsmadmin", "o'neil $(id) `id`"])
@pytest.mark.parametrize(
    ("body", "form"),
    [(NEGATIVE, JSON), (FULL, XML), ('<it\'s "bad" $HOME `id` \\ \r\n!>', XML), ("{\x00\x01é😀}", JSON), ("", JSON)],
)
def test_a_copied_curl_command_sends_the_same_call(
    open_page: OpenPage, cvp: MockCVP, client: httpx.Client, tmp_path: Path, body: str, form: str, user: str
) -> None:
    synchronize(client, body, form, auth=(user, cvp.password))
    page = open_page("#/calls?call=1")
    command = copied(page, "Copy as curl")
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "mockcvp.pem").write_bytes(cvp.certificate.read_bytes())
    command = re.sub(r"--cacert \S+", "--cacert certs/mockcvp.pem", command)
    subprocess.run(
        ["bash", "-c", f"export OAMP_PASSWORD={cvp.password}; {command}"], cwd=tmp_path, capture_output=True, check=True
    )
    first, second = cvp.calls
    assert (second.method, second.request.target, second.status) == (first.method, first.request.target, first.status)
    assert (second.body, second.user) == (first.body, first.user)
    assert second.headers.get("content-type") == first.headers.get("content-type")


@pytest.mark.parametrize("kind", ["sync-up", "error", "version"])
def test_a_copied_assertion_passes(open_page: OpenPage, cvp: MockCVP, client: httpx.Client, kind: str) -> None:
    if kind == "version":
        client.get("version")
    else:
        synchronize(client, NEGATIVE if kind == "error" else FULL, JSON if kind == "error" else XML)
    assertion = copied(open_page("#/calls?call=1"), "Copy as pytest assertion")
    assert assertion.startswith("mock_cvp.assert_")
    exec(assertion, {"mock_cvp": cvp})  # noqa: S102 - this is what a user does with it
    cvp.reset()
    with pytest.raises(AssertionError):
        exec(assertion, {"mock_cvp": cvp})  # noqa: S102 - this is what a user does with it


def test_a_copied_stub_mapping_gives_the_same_response(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    first = synchronize(client)
    mapping = json.loads(copied(open_page("#/calls?call=1"), "Copy as stub mapping"))
    with cvp.client(timeout=PATIENCE) as control:
        assert control.post(f"{cvp.admin_url}/mappings", json=mapping).status_code == 201
    second = synchronize(client, FULL, XML)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert "matched-stub-id" in second.headers


def test_a_call_is_sent_again(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    synchronize(client)
    page = open_page("#/calls?call=1")
    page.get_by_role("button", name="Send again").click()
    expect(row(page, 2)).to_contain_text("invalidInput.invalidSinceTime")
    expect(page.get_by_role("status")).to_contain_text("call 2, status 400")
    assert cvp.calls[1].body == cvp.calls[0].body


def test_a_call_that_cannot_be_sent_again_is_an_alert(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client, " " * 3_000_000)
    page = open_page("#/calls?call=1")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("alert")).to_contain_text("the journal does not have the whole request of call 1")


def test_two_calls_are_compared(open_page: OpenPage, client: httpx.Client) -> None:
    synchronize(client)
    synchronize(client, NEGATIVE.replace("-1", "5"))
    page = open_page("#/calls?call=1")
    page.get_by_label("Compare with call").fill("2")
    page.get_by_role("button", name="Compare").click()
    difference = page.get_by_label("Difference")
    expect(difference).to_contain_text('"sincetime": "-1"')
    expect(difference).to_contain_text('"sincetime": "5"')
    assert "compare=2" in page.url


def test_a_call_without_a_response_is_shown(open_page: OpenPage, cvp: MockCVP, client: httpx.Client) -> None:
    cvp.drop_next(Fault.EMPTY_RESPONSE)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("version")
    region = open_call(open_page(), 1)
    expect(region.get_by_text("No response.")).to_be_visible()
    expect(region.get_by_role("list", name="Checks")).to_contain_text("decided")


def test_an_unknown_call_is_an_alert(open_page: OpenPage) -> None:
    page = open_page("#/calls?call=7")
    expect(page.get_by_role("alert")).to_contain_text("the journal has no call 7")


def test_a_first_call_can_be_sent_from_the_empty_page(page: Page) -> None:
    page.get_by_role("button", name="Send a first call").click()
    expect(row(page, 1)).to_contain_text("/cvp-config/version")
