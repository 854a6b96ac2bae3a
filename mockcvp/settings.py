"""Every setting of a mock server, once: its name, type, default and meaning.

The command line and the ``MOCKCVP_…`` environment variables are both made from the fields below.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.releases import ReleaseName

_DNS_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*")


def _tls_name(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if len(name) > 253 or not _DNS_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is neither a DNS name nor an IP address") from None
        return name.lower()


class Settings(BaseModel):
    """The settings of one mock server.

    Raises ``pydantic.ValidationError`` for a value that is not valid; ``mockcvp.messages`` puts that into words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", min_length=1, description="Address or name to listen on.")
    port: int = Field(default=8111, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    username: str = Field(default="wsmadmin", min_length=1, description="User who may call the OAMP.")
    password: SecretStr = Field(default=SecretStr("wsmadmin"), description="That user's password.")
    cert: Path | None = Field(default=None, description="Certificate of your own, a PEM file; goes with --key.")
    key: Path | None = Field(
        default=None, description="Private key of that certificate, a PEM file without a pass phrase."
    )
    cert_dir: Path = Field(
        default=Path("certs"), description="Where the mock server makes and keeps its own certificate."
    )
    key_type: Literal["ecdsa", "rsa"] = Field(
        default="ecdsa",
        description="Key of the mock server's own certificate: ecdsa (P-256), or rsa (2048) for old clients.",
    )
    tls_names: tuple[Annotated[str, AfterValidator(_tls_name)], ...] = Field(
        default=(),
        description="A further DNS name or IP address for the mock server's own certificate; may be given repeatedly.",
    )
    release: ReleaseName = Field(
        default="10.0", description="Release of the OAMP whose response headers and version the mock has."
    )
    deployment: Path | Deployment | None = Field(
        default=None, description="File with the servers of the deployment, JSON or YAML; without it, five of them."
    )
    unknown_servers: Literal["accept", "reject"] = Field(
        default="accept", description="Sync-ups of servers that the deployment lacks: accept (and add them) or reject."
    )
    mappings: Path | None = Field(
        default=None, description="Directory of stub mappings, WireMock's .json files, that are there from the start."
    )
    admin_host: str | None = Field(
        default=None, min_length=1, description="Address or name for the control API, where --admin-port is given."
    )
    admin_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port for the control API alone, apart from the OAMP's; 0: a free one.",
    )
    admin_username: str | None = Field(
        default=None, min_length=1, description="User who alone may use the control API."
    )
    admin_password: SecretStr | None = Field(default=None, description="That user's password.")
    admin_access: Literal["auto", "guarded", "open"] = Field(
        default="auto",
        description="Whether a control API that has no --admin-username wants the OAMP's user name and password: "
        "guarded, open, or auto, which guards it where other machines reach it.",
    )
    max_body_bytes: ByteSize = Field(
        default=ByteSize(2 * 1024**2),
        ge=1,
        description="Largest request body, in bytes or as 512KiB, 2MiB; a larger one gets 413.",
    )
    max_servers: int = Field(
        default=2_000, ge=1, description="Servers that one sync-up may name; one that names more gets 413."
    )
    max_depth: int = Field(
        default=100,
        ge=4,
        le=500,
        description="How deep XML, or the objects and arrays of JSON, may be nested; deeper gets 400.",
    )
    max_elements: int = Field(
        default=10_000,
        ge=10,
        description="Elements, attributes and comments in XML, or values in JSON; a body with more gets 400.",
    )
    max_header_bytes: ByteSize = Field(
        default=ByteSize(8 * 1024),
        ge=256,
        description="Largest request line and headers, in bytes or as 8KiB; larger ones get 400.",
    )
    max_headers: int = Field(default=100, ge=8, description="Headers that a request may have; one with more gets 400.")
    max_connections: int = Field(
        default=2_000,
        ge=1,
        description="Connections that have agreed on TLS, to each port at once; further ones are closed.",
    )
    header_timeout: float = Field(
        default=20,
        gt=0,
        le=3600,
        description="Time to agree on TLS, and to send a request's headers, before a hang-up.",
    )
    body_timeout: float = Field(
        default=60,
        gt=0,
        le=3600,
        description="Time to send a request's body, or to go on reading an answer, before a hang-up.",
    )
    keep_alive_timeout: float = Field(
        default=20, gt=0, le=3600, description="Time that an idle connection is kept for the next request."
    )
    max_in_flight: int = Field(
        default=1000, ge=1, description="Requests in process at the same time; one more gets 503 processing.throttled."
    )
    journal_max_calls: int = Field(
        default=10_000, ge=0, description="Calls that the journal keeps; the oldest go first."
    )
    journal_max_bytes: ByteSize = Field(
        default=ByteSize(64 * 1024**2), description="Memory that the journal may take, in bytes or as 64MiB."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least serious log line that is written; info has a line for each call, debug headers and bodies.",
    )

    @property
    def reaches_beyond(self) -> bool:
        """Whether other machines reach the control API."""
        host = self.admin_host or self.host
        try:
            return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
        except ValueError:
            return host != "localhost"

    @property
    def admin_credentials(self) -> tuple[str, str] | None:
        """The user name and the password that the control API wants; None: everyone may use it."""
        if self.admin_username is not None and self.admin_password is not None:
            return self.admin_username, self.admin_password.get_secret_value()
        if self.admin_access == "guarded" or (self.admin_access == "auto" and self.reaches_beyond):
            return self.username, self.password.get_secret_value()
        return None

    @field_validator("username", "admin_username")
    @classmethod
    def _sendable(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if ":" in value or not value.isprintable():
            raise ValueError("a user name of HTTP basic authentication has no colon and no control character")
        return value

    @field_validator("password", "admin_password")
    @classmethod
    def _encodable(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            (value or SecretStr("")).get_secret_value().encode()
        except UnicodeEncodeError:
            raise ValueError("must be UTF-8") from None
        return value

    @field_validator("cert", "key", "cert_dir", "deployment", "mappings", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if value == "":
            raise ValueError("must not be empty")
        return value

    @field_validator("log_level", "key_type", "unknown_servers", "admin_access", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("tls_names", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            return value
        return [name for text in texts for name in text.replace(",", " ").split()]

    @model_validator(mode="after")
    def _pair(self) -> "Settings":
        if (self.cert is None) != (self.key is None):
            given, missing = ("--cert", "--key") if self.key is None else ("--key", "--cert")
            raise ValueError(f"--cert and --key go together: {given} is given, {missing} is not")
        if (self.admin_username is None) != (self.admin_password is None):
            missing = "--admin-password" if self.admin_password is None else "--admin-username"
            raise ValueError(f"--admin-username and --admin-password go together: {missing} is missing")
        if self.admin_host is not None and self.admin_port is None:
            raise ValueError("--admin-host needs --admin-port: without it, the control API is served beside the OAMP's")
        if self.admin_port and self.admin_port == self.port:
            raise ValueError(f"--admin-port must not be --port, and both are {self.port}")
        if self.cert and self.model_fields_set & {"tls_names", "key_type"}:
            raise ValueError("--tls-name and --key-type are for the mock server's own certificate, and not for --cert")
        return self
