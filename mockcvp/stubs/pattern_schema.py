"""Request patterns as WireMock writes them in JSON. What is not known here is refused, and named."""

import difflib
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from mockcvp.messages import Invalid, UnknownMembers, error_lines, member, quoted, within
from mockcvp.stubs.content import Subject
from mockcvp.stubs.matchers import values
from mockcvp.stubs.matchers.values import Matcher
from mockcvp.stubs.pattern import (
    Part,
    RequestPattern,
    of_body,
    of_headers,
    of_method,
    of_path,
    of_query,
    of_status,
    of_sync_up,
    of_target,
    of_url,
)

_NEXT_TO_NOTHING = 0.001
_TEMPLATE_NAME = re.compile(r"\{[^{}/]+\}")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


# members of patterns, responses, mappings and settings
_NOT_HERE = (
    "scheme host port clientIp cookies formParameters pathParameters multipartPatterns binaryEqualTo "
    "matchesJsonSchema schemaVersion equalToDateTime before after actualFormat truncateExpected "
    "truncateActual hasExactly includes anything equalToNumber greaterThanNumber lessThanNumber "
    "enablePlaceholders placeholderOpeningDelimiterRegex placeholderClosingDelimiterRegex "
    "exemptedComparisons ignoreOrderOfSameNode namespaceAwareness bodyFileName proxyBaseUrl "
    "additionalProxyRequestHeaders removeProxyRequestHeaders proxyUrlPrefixToRemove fromConfiguredStub "
    "postServeActions serveEventListeners insertionIndex extended"
)
_INSIDE = {"request": "a stub mapping", "mappings": "a mapping file", "response": "a stub mapping, beside request"}


def _unknown(name: Any, known: list[str]) -> str:
    """Return what is wrong with a member that is not known."""
    if name in _NOT_HERE.split():
        return f"{name}: WireMock has it, and mockcvp has not"
    by_case = {one.lower(): one for one in known}
    # of a long name, looking for one that is like it would take long
    near = difflib.get_close_matches(str(name).lower()[:80], by_case, n=1)
    if near:
        return f"{member(name)} is not known here: is {by_case[near[0]]} meant?"
    return f"{member(name)} is not known here{f': it belongs to {_INSIDE[name]}' if name in _INSIDE else ''}"


class SchemaModel(BaseModel):
    """What is read from WireMock's JSON: its own names, and no member that nobody would heed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = [cls.alias(field) for field in cls.model_fields]
        wrong = [name for name in given if name not in known]
        if wrong:
            raise UnknownMembers([_unknown(name, known) for name in wrong[: UnknownMembers.most]], len(wrong))
        return given

    @classmethod
    def alias(cls, field: str) -> str:
        """Return what a field is called in JSON."""
        return cls.model_fields[field].alias or field


def _exactly_one_operator(schema: dict[str, Any]) -> None:
    """Complete the JSON schema of a content pattern: exactly one operator, and each option with its operator."""
    names = {field: ContentPattern.alias(field) for field in (*_OPERATORS, *_OPTIONS)}
    for field in _OPERATORS:
        schema["properties"][names[field]].pop("default", None)
    schema["oneOf"] = [{"required": [names[field]]} for field in _OPERATORS]
    schema["dependentRequired"] = {names[option]: [names[operator]] for option, operator in _OPTIONS.items()}


_PATH: dict[str, JsonValue] = {
    "description": "An expression, or an object that has also an operator for the values that the expression finds.",
    "oneOf": [
        {"type": "string"},
        {"type": "object", "required": ["expression"], "properties": {"expression": {"type": "string"}}},
    ],
}


class ContentPattern(SchemaModel):
    """What a value must be like, by one operator."""

    model_config = ConfigDict(json_schema_extra=_exactly_one_operator)

    equal_to: str = ""
    case_insensitive: bool = False
    contains: str = ""
    does_not_contain: str = ""
    matches: str = ""
    does_not_match: str = ""
    absent: Literal[True] = True
    equal_to_json: Any = None
    ignore_array_order: bool = False
    ignore_extra_elements: bool = False
    matches_json_path: Annotated[Any, Field(json_schema_extra=_PATH)] = None
    equal_to_xml: str = ""
    matches_xpath: Annotated[Any, Field(alias="matchesXPath", json_schema_extra=_PATH)] = None
    xpath_namespaces: Annotated[dict[str, str], Field(alias="xPathNamespaces")] = {}
    and_: Annotated[tuple["ContentPattern", ...], Field(alias="and", min_length=2, strict=False)] = ()
    or_: Annotated[tuple["ContentPattern", ...], Field(alias="or", min_length=2, strict=False)] = ()
    not_: Annotated["ContentPattern", Field(alias="not")] = None  # type: ignore[assignment] # read only where it was given

    _matcher: Matcher = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        given = [name for name in _OPERATORS if name in self.model_fields_set]
        if len(given) != 1:
            known = ", ".join(map(ContentPattern.alias, _OPERATORS))
            both = f", and not {' and '.join(map(ContentPattern.alias, given))} at once" if given else ""
            raise ValueError(f"must have exactly one of {known}{both}")
        for option, operator in _OPTIONS.items():
            if option in self.model_fields_set and operator != given[0]:
                raise ValueError(
                    f"{self.alias(option)} belongs to {self.alias(operator)}, not to {self.alias(given[0])}"
                )
        try:
            self._matcher = _OPERATORS[given[0]](self)
        except ValueError as exc:
            raise within(self.alias(given[0]), exc) from None
        return self

    @property
    def matcher(self) -> Matcher:
        """What values are held against."""
        return self._matcher


def _path(given: Any) -> tuple[str, Matcher | None]:
    """Return the expression of a path, and what is wanted of what it finds."""
    if isinstance(given, str):
        return given, None
    if not isinstance(given, dict) or not isinstance(given.get("expression"), str):
        raise ValueError("must be text, or an object with 'expression' (text) and an operator, as equalTo")
    inner = {member: value for member, value in given.items() if member != "expression"}
    try:
        return given["expression"], ContentPattern.model_validate(inner).matcher
    except ValidationError as exc:
        safe, full = ("; ".join(error_lines(exc, given, is_secret=is_secret)) for is_secret in (True, False))
        raise Invalid(safe, full, given["expression"]) from None


_OPERATORS: dict[str, Callable[[ContentPattern], Matcher]] = {
    "equal_to": lambda its: values.equal_to(its.equal_to, any_case=its.case_insensitive),
    "contains": lambda its: values.contains(its.contains),
    "does_not_contain": lambda its: values.without(
        values.contains(its.does_not_contain), f"anything without {its.does_not_contain!r}"
    ),
    "matches": lambda its: values.matches(its.matches),
    "does_not_match": lambda its: values.without(
        values.matches(its.does_not_match), f"anything that does not match {its.does_not_match!r}"
    ),
    "absent": lambda _: values.absent(),
    "equal_to_json": lambda its: values.equal_to_json(
        its.equal_to_json, any_order=its.ignore_array_order, more=its.ignore_extra_elements
    ),
    "matches_json_path": lambda its: values.json_path(*_path(its.matches_json_path)),
    "equal_to_xml": lambda its: values.equal_to_xml(its.equal_to_xml),
    "matches_xpath": lambda its: values.xpath(*_path(its.matches_xpath), its.xpath_namespaces),
    "and_": lambda its: values.all_of([one.matcher for one in its.and_]),
    "or_": lambda its: values.any_of([one.matcher for one in its.or_]),
    "not_": lambda its: values.without(its.not_.matcher, f"anything but {its.not_.matcher.description}"),
}
_OPTIONS = {
    "case_insensitive": "equal_to",
    "ignore_array_order": "equal_to_json",
    "ignore_extra_elements": "equal_to_json",
    "xpath_namespaces": "matches_xpath",
}


class Credentials(SchemaModel):
    """What a client sends by HTTP basic authentication."""

    username: str
    password: str


class OutcomePattern(SchemaModel):
    """What came of a call, which WireMock has no member for: its answer, and the sync-up that it started."""

    status: int | None = None
    synchronized: Literal[True] | None = None
    ref_url: Annotated[str | None, Field(alias="refURL")] = None
    sincetime: int | None = None


class CustomMatcher(SchemaModel):
    """WireMock's place for what is no part of WireMock."""

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
    headers: dict[str, ContentPattern] = {}
    query_parameters: dict[str, ContentPattern] = {}
    basic_auth_credentials: Credentials | None = None
    body_patterns: Annotated[tuple[ContentPattern, ...], Field(strict=False)] = ()
    custom_matcher: CustomMatcher | None = None

    _pattern: RequestPattern = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        if not _METHOD.fullmatch(self.method):
            problem = "method must be a method of HTTP, or ANY"
            raise Invalid(problem, f"{problem}, not {quoted(self.method)}", self.method)
        urls = [name for name in _URLS if getattr(self, name) is not None]
        if len(urls) > 1:
            raise ValueError(f"there can be one of {', '.join(map(self.alias, urls))} alone")
        self._pattern = RequestPattern(tuple(self._parts(urls)), self._described(urls))
        return self

    @property
    def pattern(self) -> RequestPattern:
        """What requests are held against."""
        return self._pattern

    def _parts(self, urls: list[str]) -> list[Part]:
        parts = [of_method(self.method)] if self.method != "ANY" else []
        parts += [self._url(name) for name in urls]
        headers = [(name, pattern.matcher) for name, pattern in self.headers.items()]
        if credentials := self.basic_auth_credentials:
            sent = b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
            headers.append(("Authorization", values.equal_to(f"Basic {sent}")))
        if headers:
            parts.append(of_headers(headers))
        if self.query_parameters:
            parts.append(of_query({name: pattern.matcher for name, pattern in self.query_parameters.items()}))
        if self.custom_matcher:
            parts += response_parts(self.custom_matcher.parameters)
        if self.body_patterns:
            parts.append(of_body(pattern.matcher for pattern in self.body_patterns))
        return parts

    def _url(self, name: str) -> Part:
        wanted: str = getattr(self, name)
        if not name.endswith("pattern") and not wanted.startswith("/"):
            problem = f"{self.alias(name)} must begin with '/', as /cvp-config/version"
            raise Invalid(problem, f"{problem}, not {quoted(wanted)}", wanted)
        if name in ("url_path", "url_path_template") and "?" in wanted:
            problem = f"{self.alias(name)} has no query; queryParameters are for that"
            raise Invalid(problem, f"{problem}, not {quoted(wanted)}", wanted)
        try:
            return _URLS[name](wanted)
        except ValueError as exc:
            raise within(self.alias(name), exc) from None

    def _described(self, urls: list[str]) -> str:
        named = [f"{self.alias(name)} {getattr(self, name)}" for name in urls]
        named += [
            self.alias(name)
            for name in type(self).model_fields
            if name in self.model_fields_set and name not in ("method", *_URLS)
        ]
        request = "a call" if self.method == "ANY" else f"a {self.method}"
        return f"{request} with {', '.join(named)}" if named else request


def response_parts(wanted: OutcomePattern) -> list[Part]:
    """Return what holds for calls of which something came."""
    parts = [] if wanted.status is None else [of_status(wanted.status)]
    if wanted.synchronized or wanted.ref_url is not None or wanted.sincetime is not None:
        parts.append(of_sync_up(wanted.ref_url, wanted.sincetime))
    return parts


def _target(subject: Subject) -> str:
    return subject.request.target


def _path_of(subject: Subject) -> str:
    return subject.path


def _template(template: str) -> Part:
    expression = "[^/]+".join(map(re.escape, _TEMPLATE_NAME.split(template)))
    # WireMock measures from what is left without the names
    near = values.equal_to(_TEMPLATE_NAME.sub("", template))
    # what is left may be the path, and still the path does not match
    matcher = Matcher(
        template, values.matches(expression).matches, lambda path: near.distance(path) or _NEXT_TO_NOTHING
    )
    return of_url("path", _path_of, matcher, template)


def _regular(name: str, part_of: Callable[[Subject], str]) -> Callable[[str], Part]:
    return lambda expression: of_url(name, part_of, values.matches(expression), f"anything that matches {expression}")


_URLS: dict[str, Callable[[str], Part]] = {
    "url": lambda url: of_target(url, values.equal_to(url)),
    "url_path": lambda path: of_path(path, values.equal_to(path)),
    "url_pattern": _regular("url", _target),
    "url_path_pattern": _regular("path", _path_of),
    "url_path_template": _template,
}
