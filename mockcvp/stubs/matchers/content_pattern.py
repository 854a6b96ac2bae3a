"""WireMock's content patterns in JSON: a new operator is one field of ``ContentPattern``."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, PrivateAttr, ValidationError, model_validator

from mockcvp.messages import Invalid, error_lines, within
from mockcvp.stubs.matchers import operators
from mockcvp.stubs.matchers.operators import Matcher
from mockcvp.stubs.schema_model import SchemaModel


class Operator:
    """The metadata that makes a field of ``ContentPattern`` an operator.

    Args:
        build: returns the matcher for the value of the field; each option is a keyword argument
        options: the fields that are options of this operator alone
    """

    def __init__(self, build: Callable[..., Matcher], *options: str) -> None:
        self.build, self.options = build, options


def _complete_schema(schema: dict[str, Any]) -> None:
    """Complete the JSON schema of a content pattern: exactly one operator, and each option with its operator."""
    names = {name: ContentPattern.alias(name) for name in _operators()}
    for name in names.values():
        schema["properties"][name].pop("default", None)
    schema["oneOf"] = [{"required": [name]} for name in names.values()]
    schema["dependentRequired"] = {
        ContentPattern.alias(option): [names[owner]]
        for owner, operator in _operators().items()
        for option in operator.options
    }


_PATH: dict[str, JsonValue] = {
    "description": "An expression, or an object that has also an operator for the values that the expression selects.",
    "oneOf": [
        {"type": "string"},
        {"type": "object", "required": ["expression"], "properties": {"expression": {"type": "string"}}},
    ],
}


class ContentPattern(SchemaModel):
    """The expected value of a header, query parameter or body, as one operator with its options."""

    model_config = ConfigDict(json_schema_extra=_complete_schema)

    equal_to: Annotated[str, Operator(operators.equal_to, "case_insensitive")] = ""
    contains: Annotated[str, Operator(operators.contains)] = ""
    does_not_contain: Annotated[str, Operator(operators.does_not_contain)] = ""
    matches: Annotated[str, Operator(operators.matches)] = ""
    does_not_match: Annotated[str, Operator(operators.does_not_match)] = ""
    absent: Annotated[Literal[True], Operator(lambda _: operators.absent())] = True
    equal_to_json: Annotated[
        Any,
        Operator(operators.equal_to_json, "ignore_array_order", "ignore_extra_elements"),
    ] = None
    matches_json_path: Annotated[
        Any,
        Field(json_schema_extra=_PATH),
        Operator(lambda path: operators.matches_json_path(*_parse_path(path))),
    ] = None
    equal_to_xml: Annotated[str, Operator(operators.equal_to_xml)] = ""
    matches_xpath: Annotated[
        Any,
        Field(alias="matchesXPath", json_schema_extra=_PATH),
        Operator(lambda path, **options: operators.matches_xpath(*_parse_path(path), **options), "xpath_namespaces"),
    ] = None
    and_: Annotated[
        tuple["ContentPattern", ...],
        Field(alias="and", min_length=2, strict=False),
        Operator(lambda patterns: operators.all_of([pattern.matcher for pattern in patterns])),
    ] = ()
    or_: Annotated[
        tuple["ContentPattern", ...],
        Field(alias="or", min_length=2, strict=False),
        Operator(lambda patterns: operators.any_of([pattern.matcher for pattern in patterns])),
    ] = ()
    not_: Annotated[
        "ContentPattern",
        Field(alias="not"),
        Operator(lambda pattern: operators.not_(pattern.matcher)),
    ] = None  # type: ignore[assignment] # the default is never read

    case_insensitive: bool = False
    ignore_array_order: bool = False
    ignore_extra_elements: bool = False
    xpath_namespaces: Annotated[dict[str, str], Field(alias="xPathNamespaces", default_factory=dict)]

    _matcher: Matcher = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Self:
        table = _operators()
        given = [name for name in table if name in self.model_fields_set]
        if len(given) != 1:
            known = ", ".join(map(self.alias, table))
            problem = f", and not {' and '.join(map(self.alias, given))} at once" if given else ""
            raise ValueError(f"must have exactly one of {known}{problem}")
        (name,) = given
        for owner, operator in table.items():
            for option in operator.options:
                if option in self.model_fields_set and owner != name:
                    raise ValueError(f"{self.alias(option)} belongs to {self.alias(owner)}, not to {self.alias(name)}")
        options = {option: getattr(self, option) for option in table[name].options}
        try:
            self._matcher = table[name].build(getattr(self, name), **options)
        except ValueError as exc:
            raise within(self.alias(name), exc) from None
        return self

    @property
    def matcher(self) -> Matcher:
        """The matcher that the operator describes."""
        return self._matcher


@cache
def _operators() -> dict[str, Operator]:
    return {
        name: operator
        for name, field in ContentPattern.model_fields.items()
        for operator in field.metadata
        if isinstance(operator, Operator)
    }


def _parse_path(given: Any) -> tuple[str, Matcher | None]:
    """Return the expression of a JSONPath or XPath, and the matcher for the values that it selects.

    Raises:
        ValueError: the value is neither an expression nor an object with an expression and an operator
    """
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
