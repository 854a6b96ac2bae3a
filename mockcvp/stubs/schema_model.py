"""The base class of the models of WireMock's JSON."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from mockcvp.messages import UnknownMembers, member, suggestion

# WireMock's members of request patterns, responses, stub mappings and settings that mockcvp does not support
_UNSUPPORTED = (
    "scheme host port clientIp cookies formParameters pathParameters multipartPatterns binaryEqualTo "
    "matchesJsonSchema schemaVersion equalToDateTime before after actualFormat truncateExpected "
    "truncateActual hasExactly includes anything equalToNumber greaterThanNumber lessThanNumber "
    "enablePlaceholders placeholderOpeningDelimiterRegex placeholderClosingDelimiterRegex "
    "exemptedComparisons ignoreOrderOfSameNode namespaceAwareness bodyFileName proxyBaseUrl "
    "additionalProxyRequestHeaders removeProxyRequestHeaders proxyUrlPrefixToRemove fromConfiguredStub "
    "postServeActions serveEventListeners insertionIndex extended"
)
_PARENTS = {"request": "a stub mapping", "mappings": "a mapping file", "response": "a stub mapping, beside request"}


class SchemaModel(BaseModel):
    """A model of WireMock's JSON that uses WireMock's member names and rejects unknown members."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _reject_unknown_members(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = [cls.alias(field) for field in cls.model_fields]
        unknown = [name for name in given if name not in known]
        if unknown:
            phrases = [_unknown_member(name, known) for name in unknown[: UnknownMembers.most]]
            raise UnknownMembers(phrases, len(unknown))
        return given

    @classmethod
    def alias(cls, field: str) -> str:
        """Return the JSON name of a field."""
        return cls.model_fields[field].alias or field


def _unknown_member(name: Any, known: list[str]) -> str:
    """Return why a member is rejected."""
    if name in _UNSUPPORTED.split():
        return f"{name}: WireMock supports this member, and mockcvp does not"
    belongs = f": it belongs to {_PARENTS[name]}" if name in _PARENTS else ""
    return f"{member(name)} is not known here{suggestion(name, known) or belongs}"
