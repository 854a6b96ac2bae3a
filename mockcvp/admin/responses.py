"""The JSON bodies of the control API's responses, as models for the OpenAPI document.

Most responses are streamed, so no response is built from these models. The tests validate responses against them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from mockcvp.admin.parameters import TenantName
from mockcvp.oamp.deployment import Server, Version
from mockcvp.stubs.mapping_schema import HeaderFields, ResponseForm, SettingsForm, StubMappingForm
from mockcvp.stubs.pattern_schema import RequestPatternForm
from mockcvp.stubs.response import Fault

MOST_COMPARED = 100
"""How many unmatched calls are compared with each stub mapping."""


def _sometimes(description: str, **constraints: Any) -> Any:
    """Return the field of a member that some responses lack."""
    return Field(default_factory=lambda: None, description=description, **constraints)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, defer_build=True)


class Empty(_Body):
    """An object without members."""


class OpenApiDocument(BaseModel):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class Error(_Body):
    """One error of a control request."""

    code: Literal[10]
    title: Annotated[str, Field(description="The reason: where in the request the error is, and what is valid there.")]


class Errors(_Body):
    """The errors of a control request."""

    errors: Annotated[list[Error], Field(min_length=1)]


class Health(_Body):
    """The health of the mock server."""

    status: Literal["healthy"]
    message: str
    version: str


class MockVersion(_Body):
    """The version of the mock server."""

    version: str


Dropped = Annotated[int, Field(ge=1)]
_DROPPED = "The number of calls that the journal dropped for lack of memory. Absent where there is none."
_LIMIT = "The most entries that the list has without `limit`. Absent where the list has every entry."


class RequestedServer(_Body):
    """A server that the request for a sync-up names."""

    ref_url: Annotated[str, Field(alias="refURL")]
    sincetime: Annotated[int, Field(ge=0)]
    full: bool


class AcceptedSyncUp(_Body):
    """The sync-up that a call started."""

    servers: Annotated[list[RequestedServer], Field(description="The servers of the request. None means every server.")]
    started: Annotated[list[str], Field(description="The ids of the servers whose sync-ups the call started.")]


class MockcvpExtension(_Body):
    """The members of a call that WireMock does not have."""

    number: Annotated[int, Field(ge=1, description="The place of the call in the order of the responses, from 1.")]
    path: Annotated[str, Field(description="The decoded path.")]
    query: str
    user: Annotated[str | None, Field(description="The user name that the client sent, right or wrong.")]
    duration: Annotated[float, Field(ge=0, description="In seconds.")]
    complete: Annotated[bool, Field(description="Whether the client sent the whole request.")]
    delivered: Annotated[bool, Field(description="Whether the client was connected until the whole response was sent.")]
    oversize: Annotated[bool, Field(description="Whether the body of the request was too large.")]
    unread: Annotated[
        bool,
        Field(
            description="Whether the mock server did not read the body: the headers led to an error, and the body is "
            "chunked or larger than 64 KiB."
        ),
    ]
    refusal: Annotated[str | None, Field(description="The reason for an error response.")]
    synchronization: AcceptedSyncUp | None
    fault: Annotated[Fault | None, Field(description="The socket fault that a stub mapping asked for.")]
    ignored: Annotated[list[str], Field(description="The parts of the body that mean nothing to the OAMP.")]
    differences: list[str] = _sometimes("The differences from a pattern. Only near misses have it.")


class QueryParameter(_Body):
    """A query parameter and its values."""

    key: str
    values: Annotated[list[str], Field(min_length=1)]


Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]


class LoggedRequest(_Body):
    """The request of a call."""

    url: Annotated[str, Field(description="The path and the query as the client sent them.")]
    absolute_url: str
    method: str
    client_ip: str
    headers: HeaderFields
    cookies: Empty
    browser_proxy_request: Literal[False]
    logged_date: Annotated[int, Field(description="In milliseconds since 1970.")]
    body_as_base64: Annotated[Base64, Field(alias="bodyAsBase64")]
    body: str
    protocol: Literal["HTTP/1.1"]
    scheme: Literal["https"]
    host: str
    port: int
    logged_date_string: datetime
    query_params: dict[str, QueryParameter]
    form_params: Empty
    mockcvp: MockcvpExtension


Status = Annotated[int, Field(ge=0, le=599, description="0 where there was no response.")]


class ResponseDefinition(_Body):
    """The part of a response definition by which WireMock's client for Java sees what matched."""

    status: Status
    from_configured_stub: Annotated[bool, Field(description="The same as `wasMatched`.")]


class LoggedResponse(_Body):
    """The response to a call."""

    status: Status
    headers: HeaderFields
    body: str
    body_as_base64: Annotated[Base64, Field(alias="bodyAsBase64")]


class Timing(_Body):
    """The times of a call in milliseconds."""

    added_delay: int
    process_time: int
    response_send_time: int
    serve_time: int
    total_time: int


_UUID: dict[str, JsonValue] = {"format": "uuid"}


class StoredMapping(StubMappingForm):
    """A stub mapping as the client sent it, with its id, and with ``method`` and ``status`` where it lacked them."""

    id: Annotated[str, Field(json_schema_extra=_UUID)]
    uuid: Annotated[str, Field(json_schema_extra=_UUID)]
    request: RequestPatternForm
    response: ResponseForm


class ServedRequest(_Body):
    """A call and its response."""

    id: UUID
    request: LoggedRequest
    response_definition: ResponseDefinition
    response: LoggedResponse
    was_matched: Annotated[
        bool,
        Field(description="False for 404, 405 and a call without a response, unless a stub mapping matched."),
    ]
    timing: Timing
    sub_events: Annotated[list[Any], Field(max_length=0)]
    stub_mapping: StoredMapping = _sometimes("The stub mapping that matched. Absent where the OAMP responded.")


class RequestsMeta(_Body):
    """The number of calls."""

    total: Annotated[
        int,
        Field(
            ge=0,
            description="The number of calls since the journal was cleared, without those that a client removed. With "
            "`since` or `unmatched`, the number of calls in the journal that match.",
        ),
    ]
    dropped: Dropped = _sometimes(_DROPPED)
    limit: Literal[1000] = _sometimes(_LIMIT)


class Requests(_Body):
    """The calls of the journal."""

    requests: list[ServedRequest]
    meta: RequestsMeta
    request_journal_disabled: Literal[False]


class FoundRequests(_Body):
    """The calls that match."""

    requests: list[LoggedRequest]
    request_journal_disabled: Literal[False]
    dropped: Dropped = _sometimes(_DROPPED)


class Count(_Body):
    """The number of calls that match."""

    count: Annotated[int, Field(ge=0)]
    request_journal_disabled: Literal[False]
    dropped: Dropped = _sometimes(_DROPPED)


class Removed(_Body):
    """The removed calls."""

    serve_events: list[ServedRequest]


class MatchResult(_Body):
    """The distance of a near miss."""

    sub_events: Annotated[list[Any], Field(max_length=0)]
    diff_descriptions: Annotated[list[Any], Field(max_length=0)]
    distance: Annotated[float, Field(ge=0, le=1)]


class NearMiss(_Body):
    """A call, and the pattern or stub mapping that it nearly matches."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["requestPattern"]}, {"required": ["stubMapping"]}]}
    )

    request: LoggedRequest
    request_pattern: RequestPatternForm = _sometimes("The pattern.")
    stub_mapping: StoredMapping = _sometimes("The stub mapping.")
    match_result: MatchResult


class NearMisses(_Body):
    """Near misses, the nearest first."""

    near_misses: list[NearMiss]
    limit: Literal[100] = _sometimes(
        "The number of unmatched calls whose near misses are listed. Absent where these are all unmatched calls."
    )


class MappingsMeta(_Body):
    """The number of stub mappings."""

    total: Annotated[int, Field(ge=0)]


class Mappings(_Body):
    """The stub mappings."""

    mappings: list[StoredMapping]
    meta: MappingsMeta


class ListedScenario(_Body):
    """A scenario, its state and its stub mappings."""

    id: str
    name: str
    state: str
    possible_states: list[str]
    mappings: list[StoredMapping]


class Scenarios(_Body):
    """The scenarios."""

    scenarios: list[ListedScenario]


class SettingsDocument(_Body):
    """The global settings."""

    settings: SettingsForm


class DeploymentNow(_Body):
    """The deployment with every change."""

    servers: list[Server]
    version: Version


class ClockNow(_Body):
    """The clock that determines the states of sync-ups."""

    frozen: bool
    now: datetime


class SyncUpServer(_Body):
    """A server of a sync-up."""

    id: str
    ref_url: Annotated[str, Field(alias="refURL", description="The reference that the client sent.")]
    sincetime: Annotated[int, Field(ge=0)]
    full: bool
    sync_status: Annotated[
        Literal["In Progress", "Success", "Failure", "Started Over"],
        Field(description="The state of this sync-up. `Started Over`: a later one replaced it while it ran."),
    ]


class SyncUp(_Body):
    """An accepted sync-up."""

    number: Annotated[int, Field(ge=1, description="The number of the call.")]
    time: Annotated[datetime, Field(description="By the clock of the OAMP.")]
    user: str
    servers: list[SyncUpServer]


class SyncUpsMeta(_Body):
    """The number of sync-ups."""

    total: Annotated[int, Field(ge=0)]
    exact: Annotated[bool, Field(description="False where the journal has dropped calls.")]
    limit: Literal[1000] = _sometimes(_LIMIT)


class SyncUps(_Body):
    """The accepted sync-ups."""

    synchronizations: list[SyncUp]
    meta: SyncUpsMeta


class Tenants(_Body):
    """The names of the tenants."""

    tenants: list[TenantName]


class Tenant(_Body):
    """A new tenant."""

    username: TenantName
    password: str
    admin: Annotated[str, Field(description="The path of the tenant's control API.")]
