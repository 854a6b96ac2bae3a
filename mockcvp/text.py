"""Texts in log lines and messages, and the syntax of an HTTP token."""

import re

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, such as a method or the name of a header."""


def printable(text: str) -> str:
    """Escape the characters that are not printable, so that a client cannot write a log line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shortened(text: str, limit: int = 200) -> str:
    """Return the first characters of a text, with an ellipsis if there are more."""
    return text if len(text) <= limit else f"{text[:limit]}…"
