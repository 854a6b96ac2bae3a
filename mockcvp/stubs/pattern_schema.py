"""WireMock's request patterns in JSON."""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from mockcvp.messages import Invalid, quoted, within
from mockcvp.stubs.content import Subject
from mockcvp.stubs.matchers import operators
from mockcvp.stubs.matchers.content_pattern import ContentPattern
from mockcvp.stubs.matchers.operators import Matcher
from mockcvp.stubs.pattern import (
    Part,
    RequestPattern,
    match_body,
    match_headers,
    match_method,
    match_path,
    match_query,
    match_status,
    match_sync_up,
    match_target,
    match_url,
)
from mockcvp.stubs.schema_model import SchemaModel
from mockcvp.text import TOKEN

_MIN_DISTANCE = 0.001
_TEMPLATE_NAME = re.compile(r"\{[^{}/]+\}")


class Credentials(SchemaModel):
    """The credentials of HTTP basic authentication."""

    username: str
    password: str


class OutcomePattern(SchemaModel):
    """The expected response status and sync-up of a recorded call, an extension of WireMock's request pattern."""

    status: int | None = None
    synchronized: Literal[True] | None = None
    ref_url: Annotated[str | None, Field(alias="refURL")] = None
    sincetime: int | None = None


class CustomMatcher(SchemaModel):
    """WireMock's extension point for request patterns."""

    name: Literal["mockcvp"]
    parameters: OutcomePattern


class RequestPatternForm(SchemaModel):
    """A request pattern in JSON."""

    method: Annotated[str, Field(min_length=1)] = "ANY"
    url: str | None = None
    url_path: str | None = None
    url_pattern: str | None = None
    url_path_pattern: str | None = None
    url_path_template: str | None = None
    headers: Annotated[dict[str, ContentPattern], Field(default_factory=dict)]
    query_parameters: Annotated[dict[str, ContentPattern], Field(default_factory=dict)]
    basic_auth_credentials: Credentials | None = None
    body_patterns: Annotated[tuple[ContentPattern, ...], Field(strict=False)] = ()
    custom_matcher: CustomMatcher | None = None

    _pattern: RequestPattern = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Self:
        if not TOKEN.fullmatch(self.method):
            problem = "method must be an HTTP method, or ANY"
            raise Invalid(problem, f"{problem}, not {quoted(self.method)}", self.method)
        urls = [name for name in _URLS if getattr(self, name) is not None]
        if len(urls) > 1:
            raise ValueError(f"only one of {', '.join(map(self.alias, urls))} is allowed")
        self._pattern = RequestPattern(tuple(self._parts(urls)), self._description(urls))
        return self

    @property
    def pattern(self) -> RequestPattern:
        """The request pattern that this form describes."""
        return self._pattern

    def _parts(self, urls: list[str]) -> list[Part]:
        parts = [match_method(self.method)] if self.method != "ANY" else []
        parts += [self._url(name) for name in urls]
        headers = [(name, pattern.matcher) for name, pattern in self.headers.items()]
        if credentials := self.basic_auth_credentials:
            encoded = b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
            headers.append(("Authorization", operators.equal_to(f"Basic {encoded}")))
        if headers:
            parts.append(match_headers(headers))
        if self.query_parameters:
            parts.append(match_query({name: pattern.matcher for name, pattern in self.query_parameters.items()}))
        if self.custom_matcher:
            parts += _outcome_parts(self.custom_matcher.parameters)
        if self.body_patterns:
            parts.append(match_body(pattern.matcher for pattern in self.body_patterns))
        return parts

    def _url(self, name: str) -> Part:
        expected: str = getattr(self, name)
        if not name.endswith("pattern") and not expected.startswith("/"):
            problem = f"{self.alias(name)} must begin with '/', as /cvp-config/version"
            raise Invalid(problem, f"{problem}, not {quoted(expected)}", expected)
        if name in ("url_path", "url_path_template") and "?" in expected:
            problem = f"{self.alias(name)} has no query; queryParameters are for that"
            raise Invalid(problem, f"{problem}, not {quoted(expected)}", expected)
        try:
            return _URLS[name](expected)
        except ValueError as exc:
            raise within(self.alias(name), exc) from None

    def _description(self, urls: list[str]) -> str:
        members = [f"{self.alias(name)} {getattr(self, name)}" for name in urls]
        members += [
            self.alias(name)
            for name in type(self).model_fields
            if name in self.model_fields_set and name not in ("method", *_URLS)
        ]
        request = "a call" if self.method == "ANY" else f"a {self.method}"
        return f"{request} with {', '.join(members)}" if members else request


def _outcome_parts(outcome: OutcomePattern) -> list[Part]:
    parts = [] if outcome.status is None else [match_status(outcome.status)]
    if outcome.synchronized or outcome.ref_url is not None or outcome.sincetime is not None:
        parts.append(match_sync_up(outcome.ref_url, outcome.sincetime))
    return parts


def _target(subject: Subject) -> str:
    return subject.request.target


def _path(subject: Subject) -> str:
    return subject.path


def _match_template(template: str) -> Part:
    expression = "[^/]+".join(map(re.escape, _TEMPLATE_NAME.split(template)))
    # WireMock measures the distance from the template without its variables
    near = operators.equal_to(_TEMPLATE_NAME.sub("", template))
    # a path that equals the template without its variables does not match, so its distance is above 0
    matcher = Matcher(
        template, operators.matches(expression).matches, lambda path: near.distance(path) or _MIN_DISTANCE
    )
    return match_url("path", _path, matcher, template)


def _match_regex(name: str, read: Callable[[Subject], str]) -> Callable[[str], Part]:
    return lambda expression: match_url(
        name, read, operators.matches(expression), f"anything that matches {expression}"
    )


_URLS: dict[str, Callable[[str], Part]] = {
    "url": lambda url: match_target(url, operators.equal_to(url)),
    "url_path": lambda path: match_path(path, operators.equal_to(path)),
    "url_pattern": _match_regex("url", _target),
    "url_path_pattern": _match_regex("path", _path),
    "url_path_template": _match_template,
}
