"""Comparison of output with the output that a page shows.

`…` in a line of the page matches any text in that line. A line with only `…` matches any number of lines.
"""

import difflib
import re
from collections.abc import Sequence

ELLIPSIS = "…"


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without trailing white space, and without blank lines at the end."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def line_matches(shown: str, actual: str) -> bool:
    """Return whether a line matches the line that a page shows."""
    pattern = ".*".join(re.escape(part) for part in shown.split(ELLIPSIS))
    return re.fullmatch(pattern, actual) is not None


def matches(shown: Sequence[str], actual: Sequence[str]) -> bool:
    """Return whether the lines match those that a page shows, from the first to the last."""
    # The numbers of actual lines that the shown lines so far can match.
    matched = {0}
    for line in shown:
        if line.strip() == ELLIPSIS:
            matched = set(range(min(matched), len(actual) + 1)) if matched else set()
        else:
            matched = {count + 1 for count in matched if count < len(actual) and line_matches(line, actual[count])}
    return len(actual) in matched


def begins_with(shown: Sequence[str], actual: Sequence[str]) -> bool:
    """Return whether the first lines match those that a page shows."""
    return matches([*shown, ELLIPSIS], actual)


def missing_line(shown: Sequence[str], actual: Sequence[str]) -> str | None:
    """Return the first shown line that does not follow the lines before it in the output; None if all do."""
    rest = iter(actual)
    for line in shown:
        if line.strip() in ("", ELLIPSIS):
            continue
        if not any(line_matches(line, other) for other in rest):
            return line
    return None


def difference(shown: Sequence[str], actual: Sequence[str]) -> str:
    """Return the differences between the lines of a page and the output, as a unified diff."""
    return "\n".join(difflib.unified_diff(shown, actual, "the page", "the output", n=100, lineterm=""))
