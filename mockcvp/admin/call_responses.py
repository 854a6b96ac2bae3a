"""The JSON bodies of the responses for people, as models for the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mockcvp.admin.responses import ServedRequest, StoredMapping
from mockcvp.oamp.deployment import Outcome, Server
from mockcvp.oamp.releases import ReleaseName
from mockcvp.stubs.mapping_schema import SettingsForm
from mockcvp.stubs.response import Fault

Number = Annotated[int, Field(ge=1, description="The number of the call.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, defer_build=True)


class CallRow(_Body):
    """A call in one row."""

    number: Number
    id: UUID
    time: datetime
    duration: Annotated[float, Field(ge=0, description="In seconds.")]
    client: str
    method: str
    path: str
    query: str
    user: str | None
    status: Annotated[int | None, Field(description="Null where there was no response.")]
    error_type: str | None
    reason: Annotated[str | None, Field(description="The reason of an error response.")]
    effect: Annotated[str, Field(description="What the call came to, as in the log.")]
    form: Literal["json", "xml", None]
    stub: Annotated[str | None, Field(description="The name or the id of the stub mapping that responded.")]
    fault: Fault | None
    sync_up: bool
    delivered: bool


class CallsMeta(_Body):
    """The numbers of calls."""

    total: Annotated[int, Field(ge=0, description="The number of stored calls that match.")]
    recorded: Annotated[int, Field(ge=0, description="The number of calls since the journal was cleared.")]
    dropped: Annotated[int, Field(ge=0, description="The number of calls that the journal dropped.")]


class Calls(_Body):
    """The calls that match, newest first."""

    calls: list[CallRow]
    meta: CallsMeta


class CheckResult(_Body):
    """A check of the OAMP, in the order of the checks."""

    name: str
    result: Literal["passed", "failed", "decided", "not reached"]
    section: Annotated[str | None, Field(description="The section of the contract that describes the check.")]
    standing: Literal["doc", "client", "infer", "ours"]


class Place(_Body):
    """A place in the text of a body. `start` and `end` count UTF-16 code units, as JavaScript and Java do."""

    line: Annotated[int, Field(ge=1)]
    column: Annotated[int, Field(ge=1)]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class ExplainedError(_Body):
    """An error of the response."""

    type: str
    field: str | None
    reason: str
    sent: str | None
    valid: str | None
    place: Annotated[Place | None, Field(description="Its place in the body of the request, if it has one.")]


class Why(_Body):
    """Why a call got its response."""

    checks: list[CheckResult]
    errors: list[ExplainedError]
    ignored: Annotated[list[str], Field(description="The parts of the body that mean nothing to the OAMP.")]
    advice: Annotated[str | None, Field(description="What to change in the client.")]


class CallDetails(_Body):
    """A call with its explanation."""

    call: CallRow
    event: ServedRequest
    why: Why


class Sent(_Body):
    """A call that the mock server sent. Both are null where a reset came meanwhile."""

    number: int | None
    status: Annotated[int | None, Field(description="Null where there was no response.")]


class ServerNow(Server):
    """A server with the state of its sync-ups."""

    model_config = ConfigDict(alias_generator=to_camel)

    ref_url: Annotated[str, Field(alias="refURL")]
    synchronized: Annotated[bool, Field(description="Whether servers of this type have sync-ups.")]
    sync_status: Literal["Not Started", "In Progress", "Success", "Failure", None]
    last_full_sync_time: datetime | None
    last_incremental_sync_time: datetime | None
    ends: Annotated[datetime | None, Field(description="The end of the latest sync-up.")]


class ServersNow(_Body):
    """The servers of the deployment."""

    servers: list[ServerNow]


class RunNow(_Body):
    """A sync-up of one server. The times are those of the clock."""

    server: Annotated[str, Field(description="The id of the server.")]
    hostname: str
    number: Number
    start: datetime
    ends: datetime
    outcome: Outcome
    full: bool
    sincetime: Annotated[int, Field(ge=0)]
    state: Literal["In Progress", "Success", "Failure", "Started Over"]


class Runs(_Body):
    """The sync-ups of single servers."""

    runs: list[RunNow]
    now: datetime
    frozen: bool
    dropped: Annotated[int, Field(ge=0, description="The number of calls that the journal dropped.")]


class StubNow(_Body):
    """A stub mapping with the number of its responses."""

    id: UUID
    name: str | None
    description: Annotated[str, Field(description="The request pattern in words.")]
    response: str
    hits: Annotated[int, Field(ge=0)]
    left: Annotated[int | None, Field(description="The number of responses until the mapping is removed.")]
    scenario: str | None
    state: Annotated[str | None, Field(description="The state of the scenario.")]
    mapping: StoredMapping


class StubsNow(_Body):
    """The stub mappings and the global settings."""

    stubs: list[StubNow]
    settings: SettingsForm


class CertificateNow(_Body):
    """The certificate of the mock server."""

    pem: str
    fingerprint: Annotated[str, Field(description="SHA-256.")]
    names: list[str]
    expires: datetime
    path: str


class Connection(_Body):
    """What a client needs to call the OAMP."""

    url: str
    admin_url: str
    username: str
    password: Annotated[str | None, Field(description="Null if it is not the default.")]
    release: ReleaseName
    tenant: str | None
    certificate: CertificateNow | None
    version: str
