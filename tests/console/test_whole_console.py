"""Every page: accessibility, narrow screens, hostile clients, load, restarts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from mockcvp import MockCVP, create_app
from tests.console.conftest import NARROW, PAGES, WIDE, OpenPage, go
from tests.server_process import JSON, PATIENCE, SYNCHRONIZE, XML

# WCAG 2.2 AA
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "\u202egnp.exe\u202c \u2066hidden\u2069",
    "nul \x00 bell \x07 escape \x1b[31m",
    "javascript:alert(3)",
    "&lt;b&gt; ${alert(4)} {{alert(5)}}",
]


def fill(cvp: MockCVP) -> None:
    """Give every page something to show."""
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        client.post(
            SYNCHRONIZE, json={"synchronize": {"servers": {"server": {"refURL": "media-1", "sincetime": "-1"}}}}
        )
        cvp.set_outcome("vxml-1", "Failure", duration=3600)
        client.post(SYNCHRONIZE, content="<synchronize/>", headers={"Content-Type": XML})
        client.get("nothing")
        cvp.stub({"name": "mine", "request": {"urlPath": "/cvp-config/versions"}, "response": {"status": 200}})
        client.post(f"{cvp.admin_url}/cvp/tenants", json={"username": "run-7"})


def shown(page: Page, name: str) -> None:
    """Go to a page, with the first call open on the page *Calls*."""
    go(page, name)
    if name == "Calls":
        page.get_by_role("link", name="Call 1", exact=True).click()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
    else:
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(open_page: OpenPage, cvp: MockCVP, name: str, scheme: str) -> None:
    fill(cvp)
    page = open_page(color_scheme=scheme)
    shown(page, name)
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_narrow_screen(open_page: OpenPage, cvp: MockCVP, name: str) -> None:
    fill(cvp)
    page = open_page(viewport=NARROW)
    shown(page, name)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if name == "Calls":
        page.get_by_role("button", name="Back").click()
        expect(page.get_by_role("table", name="Calls")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_every_control_is_reached_by_the_keyboard(open_page: OpenPage, cvp: MockCVP) -> None:
    fill(cvp)
    page = open_page()
    expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    assert {*PAGES, "Reset", "Help", "Call 1", "Call 2", "Call 3", "Skip to the content"} <= reached


def test_keys_search_open_and_close_calls(open_page: OpenPage, cvp: MockCVP) -> None:
    fill(cvp)
    page = open_page()
    expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
    for key, heading in (("j", "Call 3"), ("j", "Call 2"), ("k", "Call 3")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Call", exact=True)).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jk?/")
    expect(page.get_by_role("searchbox")).to_have_value("jk?/")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_key_shows_the_help(page: Page) -> None:
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "bidi", "control", "url", "template"])
def test_hostile_text_is_only_text(open_page: OpenPage, cvp: MockCVP, text: str) -> None:
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        body = {"synchronize": {"servers": {"server": {"refURL": text, "sincetime": text}}}, text: text}
        client.post(SYNCHRONIZE, json=body, auth=(text.replace(":", ""), "x"))
        client.post(SYNCHRONIZE, json=body)
        client.post(SYNCHRONIZE, content=f"<synchronize>{text}</synchronize>", headers={"Content-Type": XML})
        plain = text.encode("ascii", "ignore").replace(b"\x00", b"").replace(b"\x07", b"").replace(b"\x1b", b"")
        client.get("version", headers={"X-Hostile": plain.decode()})
        client.post(SYNCHRONIZE, json={"synchronize": {"servers": {"server": f"x{text}x"}}})
    page = open_page()
    for number in range(1, 6):
        page.get_by_role("link", name=f"Call {number}", exact=True).click()
        expect(page.get_by_role("heading", name=f"Call {number}")).to_be_visible()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
    for name in PAGES:
        go(page, name)
    assert page.locator("img, script:not([src]), iframe, object").count() == 0


def test_a_large_body_is_cut(open_page: OpenPage, cvp: MockCVP) -> None:
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        client.post(SYNCHRONIZE, content=b'{"a": "' + b"x" * 1_000_000 + b'"}', headers={"Content-Type": JSON})
    page = open_page("#/calls?call=1")
    expect(page.get_by_role("button", name="Show all").first).to_be_visible()
    assert page.evaluate("document.body.innerText.length") < 300_000


def test_thousands_of_calls_are_shown_in_small_steps(page: Page, cvp: MockCVP) -> None:
    expect(page.get_by_text("Live")).to_be_visible()
    # benchmarks/console.py measures the time of these steps.
    page.evaluate("""() => {
        window.steps = [];
        new MutationObserver((records) => {
            const added = records.flatMap((record) => [...record.addedNodes]);
            window.steps.push(added.filter((node) => node.nodeName === "TR").length);
        }).observe(document.querySelector("main"), { childList: true, subtree: true });
    }""")

    def call() -> None:
        with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
            for number in range(5000):
                client.get("version" if number % 2 else "nothing")

    caller = threading.Thread(target=call)
    caller.start()
    while caller.is_alive():
        page.wait_for_timeout(200)
    caller.join()
    expect(page.get_by_text("5,000 calls")).to_be_visible()
    steps = page.evaluate("window.steps")
    assert max(steps) <= 505
    assert page.get_by_role("row").count() <= 501
    # Every call can be reached, also those that no event had.
    page.reload()
    first = page.get_by_role("link", name="Call 1", exact=True)
    while not first.count():
        last = page.get_by_role("table", name="Calls").locator("tbody tr").last.inner_text()
        page.get_by_role("button", name="Older calls").click()
        expect(page.get_by_role("table", name="Calls").locator("tbody tr").last).not_to_have_text(last)


def test_calls_that_no_event_had_are_shown_as_a_gap(page: Page, cvp: MockCVP) -> None:
    expect(page.get_by_text("Live")).to_be_visible()
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        client.get("version")
        expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
        page.context.set_offline(True)
        for _ in range(250):
            client.get("version")
        page.context.set_offline(False)
    expect(page.get_by_text("251 calls")).to_be_visible()
    expect(page.get_by_role("link", name="Call 251", exact=True)).to_be_visible()


def test_the_page_reconnects_after_a_restart(open_page: OpenPage, cvp: MockCVP) -> None:
    with MockCVP() as first:
        port = httpx.URL(first.url).port or 0
        url = f"{first.admin_url}/console/"
        page = open_page(url=url)
        expect(page.get_by_text("Live")).to_be_visible()
    expect(page.get_by_text("Reconnecting")).to_be_visible()
    with MockCVP(port=port) as second, second.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        expect(page.get_by_text("Live")).to_be_visible()
        client.get("version")
        expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
    assert cvp.calls == []


@contextmanager
def mounted(certificate: MockCVP) -> Iterator[str]:
    """Serve an app that has the mock server below a prefix."""
    site = FastAPI()
    site.mount("/oamp", create_app())
    pem = certificate.certificate
    config = uvicorn.Config(
        site, port=0, log_level="error", ssl_certfile=str(pem), ssl_keyfile=str(pem.with_name("mockcvp-key.pem"))
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port: Any = server.servers[0].sockets[0].getsockname()[1]
    yield f"https://127.0.0.1:{port}/oamp"
    server.should_exit = server.force_exit = True
    thread.join()


def test_the_console_works_below_a_prefix(open_page: OpenPage, cvp: MockCVP) -> None:
    with mounted(cvp) as url:
        page = open_page(url=f"{url}/__admin/console/")
        page.get_by_role("button", name="Send a first call").click()
        expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
        go(page, "Connect")
        expect(page.get_by_text(f"{url}/cvp-config", exact=True)).to_be_visible()
        page.context.close()


@pytest.mark.console(admin_username="control", admin_password="secret")
def test_a_guarded_console_asks_for_the_user(open_page: OpenPage, cvp: MockCVP) -> None:
    page = open_page(http_credentials={"username": "control", "password": "secret"}, viewport=WIDE)
    expect(page.get_by_text("Live")).to_be_visible()
    page.get_by_role("button", name="Send a first call").click()
    expect(page.get_by_role("link", name="Call 1", exact=True)).to_be_visible()
    assert cvp.calls[0].user == "wsmadmin"
