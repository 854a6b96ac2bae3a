"""The documents of the OAMP as pydantic models (contract, sections 5 to 8)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import BeforeValidator, Field, JsonValue, PlainSerializer, WithJsonSchema

from mockcvp.oamp.deployment import ADDRESS_SCHEMA, Server, ServerType, Version
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.sync_ups import SyncStatus

LARGEST_LONG = 2**63 - 1
_URI: dict[str, JsonValue] = {"format": "uri"}
_DIGITS: dict[str, JsonValue] = {"pattern": "^[0-9]+$"}
_STATES: dict[str, JsonValue] = {"enum": ["Not Started", "In Progress", "Success", "Failure"]}


def _digits(value: object) -> object:
    """Return decimal digits without leading zeros; pydantic would also take ``1_000`` and ``+5``."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            raise ValueError("must be decimal digits")
        return value.lstrip("0") or "0"
    return value


Long = Annotated[int, Field(ge=0, le=LARGEST_LONG), BeforeValidator(_digits), PlainSerializer(str, return_type=str)]
"""Java's ``long``, from 0, in decimal digits."""
_SINCETIME = (
    "0, `null` and none request a full sync-up, above 0 an incremental one. At most 9223372036854775807, in digits."
)

Time = Annotated[
    float,
    PlainSerializer(
        lambda seconds: datetime.fromtimestamp(int(seconds)).astimezone().isoformat(), when_used="unless-none"
    ),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2013-04-24T16:41:21-07:00"]}),
]
"""Seconds since 1970; on the wire, a time in whole seconds with the offset of the machine's time zone."""


_RefUrl = Annotated[
    str,
    Field(
        alias="refURL",
        description="The URL of the server, with the host that the client called.",
        json_schema_extra=_URI,
    ),
]


class ServerReference(OampModel):
    """A server, by its reference alone or as an object, such as an entry of the server list. Each server only once."""

    text_member: ClassVar[str] = "refURL"
    # Clients send back entries of the server lists unchanged.
    ignored_members: ClassVar[frozenset[str]] = frozenset(
        ["hostname", "ipaddr", "type", "lastFullSyncTime", "lastIncrementalSyncTime", "syncStatus"]
    )

    ref_url: Annotated[
        str,
        Field(
            alias="refURL",
            min_length=1,
            description="The `refURL` of a server. Its last segment, after `/server/`, is the id of the server, "
            "whatever the host. Any other text is an id.",
        ),
    ]
    sincetime: Annotated[Long, Field(description=_SINCETIME)] = 0


class ServerReferences(OampModel):
    """The servers to synchronize. None means every server.

    In XML there may be any number of `server`, each followed by a `sincetime` that belongs to it.
    """

    is_ordered: ClassVar[bool] = True

    server: tuple[ServerReference, ...] = ()
    sincetime: Annotated[
        str | None,
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": LARGEST_LONG}),
        Field(description="The `sincetime` of the `server` before it, if that has none."),
    ] = None

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """Return the data, with each ``sincetime`` in the ``server`` before it (contract, section 5)."""
        entries: list[dict[str, Any]] = []
        data: dict[str, Any] = {"server": entries}
        for key, value in pairs:
            if key == "server":
                entries.append(value)
            elif entries:
                entries[-1].setdefault("sincetime", value)
            else:
                data.setdefault("sincetime", value)
        return data


class Synchronize(OampModel):
    """The servers that a Start Sync-Up names (contract, section 5)."""

    root: ClassVar[str] = "synchronize"

    servers: ServerReferences = ServerReferences()


class ServerEntry(OampModel):
    """One server of the deployment (contract, section 7)."""

    root: ClassVar[str] = "server"

    ref_url: _RefUrl
    hostname: str
    ipaddr: Annotated[str, WithJsonSchema(ADDRESS_SCHEMA)]
    type: ServerType

    @classmethod
    def of(cls, server: Server, base_url: str) -> "ServerEntry":
        """Return the entry of a server. The base URL is the one that the client called."""
        reference = ref_url(server.id, base_url)
        return cls.model_construct(
            ref_url=reference, hostname=server.hostname, ipaddr=str(server.ipaddr), type=server.type
        )


class ServerEntries(OampModel):
    """The container of a list of servers."""

    server: tuple[ServerEntry, ...] = ()


class ServerList(OampModel):
    """The servers of the deployment (contract, section 7)."""

    root: ClassVar[str] = "results"

    servers: ServerEntries = ServerEntries()


class StatusEntry(OampModel):
    """The state of the sync-ups of one server (contract, section 6)."""

    root: ClassVar[str] = "server"

    hostname: str
    last_full_sync_time: Annotated[
        Time | None,
        Field(alias="lastFullSyncTime", description="The end of the latest successful full sync-up, if there was one."),
    ] = None
    last_incremental_sync_time: Annotated[
        Time | None,
        Field(
            alias="lastIncrementalSyncTime",
            description="The end of the latest successful incremental sync-up, if there was one.",
        ),
    ] = None
    ref_url: _RefUrl
    sincetime: Annotated[Long, Field(description="The latest one requested.", json_schema_extra=_DIGITS)]
    sync_status: Annotated[str, Field(alias="syncStatus", json_schema_extra=_STATES)]

    @classmethod
    def of(cls, server: Server, status: SyncStatus, base_url: str) -> "StatusEntry":
        """Return the entry of a server. The base URL is the one that the client called."""
        return cls.model_construct(
            hostname=server.hostname,
            last_full_sync_time=status.last_full,
            last_incremental_sync_time=status.last_incremental,
            ref_url=ref_url(server.id, base_url),
            sincetime=status.sincetime,
            sync_status=status.text,
        )


class StatusEntries(OampModel):
    """The container of a list of statuses."""

    server: tuple[StatusEntry, ...] = ()


class StatusList(OampModel):
    """The states of the sync-ups of all servers (contract, section 6)."""

    root: ClassVar[str] = "synchronize"

    servers: StatusEntries = StatusEntries()


class VersionDocument(Version, OampModel):
    """The version of the OAMP (contract, section 7)."""

    root: ClassVar[str] = "version"


def ref_url(server: str, base_url: str) -> str:
    """Return the refURL of the server with an id. The base URL is the one that the client called."""
    return f"{base_url}/server/{quote(server, safe='')}"
