"""What a pattern is held against: a request, and the texts in it, read at most once however many patterns look."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mockcvp.oamp.http import Request

if TYPE_CHECKING:
    from lxml.etree import _Element

    from mockcvp.journal import Call

NOT_JSON: Any = object()
"""What stands for the JSON of a text that is none."""


class Content:
    """A text, or the absence of one, in every form that a pattern asks for.

    Args:
        raw: its bytes, where it came as such
        text: itself, where it did not
        value: what it holds as JSON, where that is known
    """

    def __init__(self, raw: bytes | None = None, text: str | None = None, value: Any = NOT_JSON) -> None:
        self._raw, self._text, self._value = raw, text, value

    @cached_property
    def text(self) -> str | None:
        """The text, by UTF-8; None where there is none."""
        if self._text is None and self._value is not NOT_JSON:
            return _json_text(self._value)
        return self._text if self._raw is None else self._raw.decode(errors="replace")

    @cached_property
    def json(self) -> Any:
        """What it holds as JSON, ``NOT_JSON`` where it is none."""
        if self._value is not NOT_JSON:
            return self._value
        source = self._text if self._raw is None else self._raw
        try:
            return NOT_JSON if source is None else json.loads(source)
        except (ValueError, RecursionError):
            return NOT_JSON

    @cached_property
    def xml(self) -> "_Element | None":
        """The root of what it holds as XML; None where it is none, or has a document type."""
        from mockcvp.stubs.matchers.xml_values import encoded, parsed

        source = encoded(self._text) if self._text is not None else self._raw
        return parsed(source) if source else None

    @cached_property
    def xml_without_default_namespaces(self) -> "_Element | None":
        """The same document, with its elements without a prefix in no namespace."""
        from mockcvp.stubs.matchers.xml_values import without_default_namespaces

        return None if self.xml is None else without_default_namespaces(self.xml)


ABSENT = Content()
"""A header or member that is not there; also an empty body."""
_NONE = [ABSENT]


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Subject:
    """A request as patterns look at it, and the call that it became, where it has.

    Args:
        request: the request
        call: None where the request is not answered yet

    Attributes:
        undecided: the messages of the parts of patterns whose regular expressions were stopped
    """

    def __init__(self, request: Request, call: "Call | None" = None) -> None:
        self.request = request
        self.call = call
        self.undecided: dict[object, str] = {}

    @cached_property
    def path(self) -> str:
        """The path as it came, without the query."""
        return self.request.target.partition("?")[0]

    @cached_property
    def body(self) -> Content:
        """The body."""
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
        """Return the values of a query parameter, decoded; absence where there is none."""
        return self._query.get(name, _NONE)

    def header(self, name: bytes) -> list[Content]:
        """Return the values of a header, whose name is given in lower case; absence where there is none."""
        return self._headers.get(name, _NONE)
