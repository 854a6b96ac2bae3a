"""The servers of a deployment, and the version of its OAMP (contract, section 7)."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    JsonValue,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Outcome = Literal["Success", "Failure"]


class ServerType(StrEnum):
    """The types of servers."""

    VXML = "VXML"
    MEDIA = "MEDIA"
    CALL = "CALL"
    VXML_STANDALONE = "VXML_STANDALONE"
    RPT = "RPT"

    @property
    def synchronized(self) -> bool:
        """Whether sync-ups reach servers of this type (contract, section 6)."""
        return self in (ServerType.MEDIA, ServerType.VXML, ServerType.VXML_STANDALONE)


def _id(text: str) -> str:
    # A path and a refURL with this id must both be parsed to this id.
    if text != text.strip("/ \t\r\n") or not text:
        raise ValueError("an id must not be blank, nor begin or end with a slash or white space")
    if text in (".", ".."):
        raise ValueError("an id must not be '.' or '..', which clients remove from a path")
    if text == "synchronize" or text.endswith("/synchronize"):
        raise ValueError("an id must not be or end with 'synchronize', which names another resource")
    return text


def _written_out(address: object) -> object:
    # Pydantic would accept the number 10 as 0.0.0.10.
    if not isinstance(address, str | IPv4Address | IPv6Address):
        raise PydanticCustomError("ip_any_address", "must be text")
    return address


def _no_truth_value(number: object) -> object:
    if isinstance(number, bool):
        raise PydanticCustomError("float_type", "must be a number")
    return number


_ID_SCHEMA: dict[str, JsonValue] = {
    "pattern": r"^[^/ \t\r\n]([\s\S]*[^/ \t\r\n])?$",
    "not": {"pattern": r"^\.{1,2}$|^(.*/)?synchronize$"},
    "description": "The last segment of the server's refURL.",
}
ADDRESS_SCHEMA: dict[str, Any] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
"""The JSON schema of the address of a server."""


class Server(BaseModel):
    """One server of a deployment.

    Attributes:
        id: the last segment of its refURL
        hostname: its host name in the server list
        ipaddr: its IP address in the server list
        type: its type
        duration: the duration of its sync-ups, in seconds
        outcome: the final state of its sync-ups
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=255, json_schema_extra=_ID_SCHEMA), AfterValidator(_id)]
    hostname: str = Field(min_length=1, max_length=255)
    ipaddr: Annotated[IPvAnyAddress, BeforeValidator(_written_out), WithJsonSchema(ADDRESS_SCHEMA)]
    type: ServerType
    duration: Annotated[float, BeforeValidator(_no_truth_value)] = Field(default=0, ge=0, le=10**9, allow_inf_nan=False)
    outcome: Outcome = "Success"


_Part = Annotated[str, WithJsonSchema({"type": ["string", "number"]})]


class Version(BaseModel):
    """The version that an OAMP reports."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, coerce_numbers_to_str=True
    )

    major_version: _Part = "12"
    minor_version: _Part = "6"
    maintenance_version: _Part = "2"
    sr_version: _Part = "0"
    es_version: _Part = "0"
    build_version: _Part = "254"
    build_date: _Part = "2022-09-14"


class Deployment(BaseModel):
    """The servers that an OAMP manages, and its version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Version = Version()
    servers: tuple[Server, ...]

    @model_validator(mode="after")
    def _each_id_once(self) -> Self:
        seen: dict[str, int] = {}
        for place, server in enumerate(self.servers):
            if server.id in seen:
                raise ValueError(f"servers[{place}] has the id {server.id!r} of servers[{seen[server.id]}]")
            seen[server.id] = place
        return self


BUILT_IN = Deployment(
    servers=tuple(
        Server(id=name, hostname=name, ipaddr=IPv4Address(address), type=kind)
        for name, address, kind in (
            ("media-1", "192.0.2.11", ServerType.MEDIA),
            ("vxml-1", "192.0.2.12", ServerType.VXML),
            ("vxml-standalone-1", "192.0.2.13", ServerType.VXML_STANDALONE),
            ("call-1", "192.0.2.14", ServerType.CALL),
            ("reporting-1", "192.0.2.15", ServerType.RPT),
        )
    )
)
