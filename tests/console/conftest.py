"""A browser, mock servers, and pages of their consoles."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect, sync_playwright

from mockcvp import MockCVP
from tests.server_process import JSON, PATIENCE

WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
PAGES = ("Calls", "Sync-ups", "Servers", "Stubs", "Tenants", "Connect")

OpenPage = Callable[..., Page]

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium. It stops with the module, since other tests run their own event loops in this thread."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for path in map(shutil.which, names) if path), None)
    if program is None:
        pytest.skip("there is no Chromium")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def cvp(request: pytest.FixtureRequest) -> Iterator[MockCVP]:
    """Run a mock server with the settings of ``@pytest.mark.console(…)``."""
    marker = request.node.get_closest_marker("console")
    with MockCVP(**(marker.kwargs if marker else {})) as cvp:
        yield cvp


@pytest.fixture
def client(cvp: MockCVP) -> Iterator[httpx.Client]:
    with cvp.client(timeout=PATIENCE, headers={"Accept": JSON}) as client:
        yield client


@pytest.fixture
def open_page(browser: Browser, cvp: MockCVP) -> Iterator[OpenPage]:
    """Return a function that opens a page of the console, and verify that no page had a problem.

    A problem is an error in the page, a violation of its policy, or a request to another site.
    """
    problems: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        # The page shows the errors of the control API, and a stopped mock server cannot respond.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            problems.append(message.text)

    def check(request: Request, site: str) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            problems.append(f"request to {request.url}")

    def opened(path: str = "", url: str = "", **options: Any) -> Page:
        console = url or f"{cvp.admin_url}/console/"
        settings: Any = {"viewport": WIDE, "ignore_https_errors": True} | options
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        site = str(httpx.URL(console).copy_with(path="/", query=None))
        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: check(request, site))
        page.goto(f"{console}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Open the console at its first page."""
    return open_page()


def go(page: Page, name: str) -> None:
    """Go to a page of the console."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()


def rows(page: Page) -> list[str]:
    """Return the texts of the rows of the table of calls."""
    return page.get_by_role("table", name="Calls").locator("tbody tr").all_inner_texts()
