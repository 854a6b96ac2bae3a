"""The query parameters and JSON bodies that the control API reads."""

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from mockcvp.oamp.deployment import Outcome

_TENANT_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
TenantName = Annotated[str, Field(pattern=_TENANT_NAME)]


class Which(BaseModel):
    """The query parameter of every list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[
        int | None,
        Field(ge=0, description="The most entries to list. Lists of calls and sync-ups have at most 1,000 without it."),
    ] = None


class WhichRequests(Which):
    """The query parameters of the list of calls."""

    since: Annotated[AwareDatetime | None, Field(description="List only calls that came after this time.")] = None
    unmatched: Annotated[
        bool,
        Field(description="List only calls to which neither a stub mapping nor a resource of the OAMP responded."),
    ] = False


class WhichMappings(Which):
    """The query parameters of the list of stub mappings."""

    offset: Annotated[int, Field(ge=0, description="The number of stub mappings to skip at the beginning.")] = 0


class Change(BaseModel):
    """A change of the sync-ups of a server that start from now on. An absent member keeps its value."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    duration: Annotated[float | None, Field(strict=True, json_schema_extra={"minimum": 0, "maximum": 10**9})] = None
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("one of 'duration' (seconds) and 'outcome' (Success or Failure) is needed")
        return self


_BOTH_MOVES: dict[str, JsonValue] = {
    "required": ["now", "advance"],
    "properties": {"now": {"type": "string"}, "advance": {"type": "number"}},
}


class ClockChange(BaseModel):
    """A change of the clock. An absent member keeps its value; ``now`` and ``advance`` exclude each other."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1, "not": _BOTH_MOVES})

    frozen: Annotated[bool | None, Field(strict=True, description="Whether the clock stands still.")] = None
    now: Annotated[AwareDatetime | None, Field(description="A time with an offset, from 1970 to 9999.")] = None
    advance: Annotated[
        float | None,
        Field(strict=True, ge=0, allow_inf_nan=False, description="The seconds by which the clock moves forward."),
    ] = None

    @model_validator(mode="after")
    def _one_move(self) -> Self:
        if self.now is not None and self.advance is not None:
            raise ValueError("'now' and 'advance' (seconds) exclude each other")
        if not self.model_dump(exclude_none=True):
            raise ValueError("one of 'frozen', 'now' and 'advance' (seconds) is needed")
        return self


class NewTenant(BaseModel):
    """The user of a new tenant. An absent member is random."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str | None, Field(json_schema_extra={"pattern": _TENANT_NAME})] = None
    password: str | None = None


class NewCall(BaseModel):
    """A request that the mock server sends to its own OAMP. Without ``Authorization``, it is a request of the user."""

    model_config = ConfigDict(extra="forbid")

    method: Annotated[str, Field(pattern=r"^[A-Z]{1,20}$")] = "POST"
    path: Annotated[str, Field(pattern=r"^/[!-~]{0,4000}$", description="The path and the query, encoded.")]
    headers: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")],
            Annotated[str, Field(pattern=r"^[\t -~\xa0-\xff]{0,4000}$")],
        ],
        Field(max_length=50),
    ] = {}
    body: str = ""
