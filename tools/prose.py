"""Checks the terms of the documentation: ``python -m tools.prose``.

``terms.toml`` beside this module has the terms to avoid. Code, comments and the targets of links are not checked.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools.pages import DOCS, ROOT

# The contract quotes Cisco's guide.
_UNCHECKED = DOCS / "contract.md"
_NOT_PROSE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>```+|~~~+).*?^(?P=indent)(?P=fence)[ \t]*$"  # a fenced block
    r"|<!--.*?-->"
    r"|(?P<tick>`+)[^`].*?(?P=tick)"  # code in a line
    r"|(?<=\])\([^)\s]*\)|<?https?://[^\s>)]*>?",  # the target of a link
    re.DOTALL | re.MULTILINE,
)


def read_terms() -> list[tuple[re.Pattern[str], str]]:
    """Return the terms to avoid, each with the terms to use instead."""
    terms: dict[str, str] = tomllib.loads((Path(__file__).parent / "terms.toml").read_text("utf-8"))["terms"]
    return [
        (re.compile(rf"\b(?:{pattern.replace(' ', chr(92) + 's+')})\b", re.IGNORECASE), use)
        for pattern, use in terms.items()
    ]


def check(text: str, terms: list[tuple[re.Pattern[str], str]]) -> Iterator[tuple[int, int, str]]:
    """Find the terms to avoid in a page.

    Yields:
        the line and the column of a term, from 1, and a message
    """
    # Blanks in the place of code keep the lines and columns.
    prose = _NOT_PROSE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found = ((match.start(), " ".join(match[0].split()), use) for term, use in terms for match in term.finditer(prose))
    for start, term, use in sorted(found):
        yield text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), f"{term!r}: use {use}"


def pages() -> list[Path]:
    """Return the pages to check."""
    return [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page != _UNCHECKED)]


def main() -> None:
    """Print each term to avoid with its place, and exit with 1 if there is one."""
    terms = read_terms()
    problems = [
        f"{page.relative_to(ROOT)}:{line}:{column}: {message}"
        for page in pages()
        for line, column, message in check(page.read_text("utf-8"), terms)
    ]
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
