"""The input of request patterns: a request, and its headers, parameters and body, each parsed at most once."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mockcvp.oamp.http import Request

if TYPE_CHECKING:
    from lxml.etree import _Element

    from mockcvp.journal import Call

NOT_JSON: Any = object()
"""A sentinel: the content is not JSON."""


class Content:
    """The value of a header, parameter or body, parsed on demand as text, JSON or XML.

    Args:
        raw: the value as bytes
        text: the value as text
        value: the value as JSON
    """

    def __init__(self, raw: bytes | None = None, text: str | None = None, value: Any = NOT_JSON) -> None:
        self._raw, self._text, self._value = raw, text, value

    @cached_property
    def text(self) -> str | None:
        """The value as text, decoded as UTF-8; None if the value is absent."""
        if self._text is None and self._value is not NOT_JSON:
            return _json_text(self._value)
        return self._text if self._raw is None else self._raw.decode(errors="replace")

    @cached_property
    def json(self) -> Any:
        """The value parsed as JSON; ``NOT_JSON`` if it is not JSON."""
        if self._value is not NOT_JSON:
            return self._value
        source = self._text if self._raw is None else self._raw
        try:
            return NOT_JSON if source is None else json.loads(source)
        except (ValueError, RecursionError):
            return NOT_JSON

    @cached_property
    def xml(self) -> "_Element | None":
        """The root element; None if the value is not XML or has a document type."""
        from mockcvp.stubs.matchers.xml_documents import encode, parse

        source = encode(self._text) if self._text is not None else self._raw
        return parse(source) if source else None

    @cached_property
    def xml_without_default_namespaces(self) -> "_Element | None":
        """The root element, after elements without a prefix are moved to no namespace."""
        from mockcvp.stubs.matchers.xml_documents import remove_default_namespaces

        return None if self.xml is None else remove_default_namespaces(self.xml)


ABSENT = Content()
"""A header or parameter that the request does not have, or an empty body."""
_ONLY_ABSENT = [ABSENT]


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Subject:
    """A request that patterns are matched against, with the recorded call if there is one.

    Args:
        request: the request
        call: the recorded call; None while the request has no response

    Attributes:
        undecided: the error message of each pattern part whose regular expression was stopped
    """

    def __init__(self, request: Request, call: "Call | None" = None) -> None:
        self.request = request
        self.call = call
        self.undecided: dict[object, str] = {}

    @cached_property
    def path(self) -> str:
        """The path of the request target, not decoded and without the query."""
        return self.request.target.partition("?")[0]

    @cached_property
    def body(self) -> Content:
        """The body of the request."""
        return Content(self.request.body) if self.request.body else ABSENT

    @cached_property
    def _query(self) -> dict[str, list[Content]]:
        values: dict[str, list[Content]] = {}
        for name, value in parse_qsl(self.request.query, keep_blank_values=True):
            values.setdefault(name, []).append(Content(text=value))
        return values

    @cached_property
    def _headers(self) -> dict[bytes, list[Content]]:
        values: dict[bytes, list[Content]] = {}
        for name, value in self.request.headers:
            values.setdefault(name, []).append(Content(text=value.decode("latin-1")))
        return values

    def query(self, name: str) -> list[Content]:
        """Return the decoded values of a query parameter, or ``ABSENT`` alone."""
        return self._query.get(name, _ONLY_ABSENT)

    def header(self, name: bytes) -> list[Content]:
        """Return the values of a header, or ``ABSENT`` alone; ``name`` is in lower case."""
        return self._headers.get(name, _ONLY_ABSENT)
