"""The pages of the documentation, their navigation and their links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from mockcvp.settings import Settings
from tests.docs.blocks import PAGES, ROOT
from tools.pages import COPIES, DOCS, REFERENCE, copy, with_site_links
from tools.prose import check, read_terms

_CODE = re.compile(r"^[ \t]*(```+|~~~+).*?^[ \t]*\1[ \t]*$|(`+)[^`].*?\2", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)


def links(text: str) -> list[str]:
    return _LINK.findall(_CODE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in _HEADING.findall(text))
    return {re.sub(r"[-\s]+", "-", heading) for heading in headings}


def text_of(page: Path) -> str:
    """Return the text of a page, which may exist only in the site."""
    name = page.relative_to(DOCS).as_posix() if page.is_relative_to(DOCS) else ""
    return copy(name) if name in COPIES else page.read_text("utf-8")


@pytest.mark.parametrize("page", REFERENCE)
def test_a_generated_page_equals_the_code(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == REFERENCE[page](), "run make docs, and commit the page"


def test_the_options_have_every_setting() -> None:
    rows = re.findall(r"^\| `--[a-z-]+`<br>`(\w+)`<br>`(\w+)` \|", REFERENCE["reference/options.md"](), re.MULTILINE)
    assert [name for _, name in rows] == list(Settings.model_fields)
    assert all(variable == f"MOCKCVP_{name.upper()}" for variable, name in rows)


@pytest.mark.parametrize("page", [*PAGES, *(DOCS / name for name in COPIES)], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    assert [link for link in links(text_of(page)) if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    target, _, anchor = unquote(link).partition("#")
    if re.match(r"[a-z]+:", target):
        return True
    file = (page.parent / target).resolve() if target else page
    is_copy = file.is_relative_to(DOCS) and file.relative_to(DOCS).as_posix() in COPIES
    if not is_copy and not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in anchors(text_of(file))


def test_a_link_that_leaves_the_site_becomes_text() -> None:
    changelog = copy("about/changelog.md")
    assert "[SECURITY.md](security.md)" in changelog
    assert "`examples/extend`" in changelog
    assert "(examples/extend)" not in changelog.replace("(`examples/extend`)", "")


def test_a_link_to_a_file_of_the_top_directory_leads_to_its_page() -> None:
    assert with_site_links("index.md", "[a](../SECURITY.md#promises)") == "[a](about/security.md#promises)"
    assert with_site_links("guides/tls.md", "[a](../../SECURITY.md)") == "[a](../about/security.md)"
    assert with_site_links("guides/tls.md", "[a](stubs.md), [b](#b)") == "[a](stubs.md), [b](#b)"


def navigation(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for pages in entry.values():
                yield from navigation(pages)


def test_the_navigation_has_every_page_once() -> None:
    listed = list(navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    written = [page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)]
    assert sorted(listed) == sorted([*written, *COPIES])


# The contract quotes elements of XML.
WITHOUT_HTML = {*PAGES} - {DOCS / name for name in ("contract.md", *REFERENCE)}


@pytest.mark.parametrize("page", sorted(WITHOUT_HTML), ids=lambda page: page.name)
def test_a_page_has_one_title_and_no_html(page: Path) -> None:
    prose = re.sub(r"<!--.*?-->", "", _CODE.sub("", page.read_text("utf-8")), flags=re.DOTALL)
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    assert re.findall(r"</?[a-z]+[ />]", prose) == []


def test_the_site_loads_nothing_from_another_host() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    scripts = config["extra"]["polyfills"] + config["extra_javascript"]
    assert config["theme"]["font"] is False
    # The theme loads this shim from another host unless the configuration has one.
    assert any("iframe-worker" in script for script in scripts)
    assert all((DOCS / script).is_file() for script in scripts)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("OAMP rejects a call.", []),
        ("mockcvp refuses\na call.", [(1, 9)]),
        ("A stub\nanswers, and\n  is kept.", [(2, 1), (3, 6)]),
        ("It is held\nagainst a pattern", [(1, 7)]),
        ("`answer` and\n```js\nconst answer = 1;\n```\n<!-- answer -->", []),
        ("[the answer](answer.md)", [(1, 6)]),
        ("answered(), or answering", [(1, 1), (1, 16)]),
        ("unanswered, answerable", []),
    ],
)
def test_the_prose_check_finds_terms_outside_code(text: str, places: list[tuple[int, int]]) -> None:
    assert [(line, column) for line, column, _ in check(text, read_terms())] == places


def test_the_prose_check_proposes_a_term() -> None:
    assert [message for _, _, message in check("It Refuses.", read_terms())] == [
        "'Refuses': use reject, error response"
    ]
