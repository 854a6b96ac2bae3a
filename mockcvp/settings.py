"""The settings of a mock server.

``mockcvp.cli`` derives the options of the command and the ``MOCKCVP_…`` environment variables from the fields.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from mockcvp.messages import error_lines, phrases
from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.releases import ReleaseName

__version__ = "0.1.0"

ENVIRONMENT_PREFIX = "MOCKCVP_"
"""The names of environment variables that are settings start with this."""

AT_START = "at start"
"""Marks a setting that neither ``reset()`` nor a tenant can change."""

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

    Raises:
        pydantic.ValidationError: a setting is not valid
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AT_START] = Field(
        default="127.0.0.1", min_length=1, description="Address or host name to listen on."
    )
    port: Annotated[int, AT_START] = Field(
        default=8111, ge=0, le=65535, description="Port to listen on; 0 chooses a free one."
    )
    username: str = Field(default="wsmadmin", min_length=1, description="User with access to the OAMP.")
    password: SecretStr = Field(default=SecretStr("wsmadmin"), description="Password of that user.")
    cert: Annotated[Path | None, AT_START] = Field(
        default=None, description="Custom certificate, a PEM file; requires --key."
    )
    key: Annotated[Path | None, AT_START] = Field(
        default=None, description="Private key of the custom certificate, a PEM file without a pass phrase."
    )
    cert_dir: Annotated[Path, AT_START] = Field(
        default=Path("certs"), description="Directory of the generated certificate."
    )
    key_type: Annotated[Literal["ecdsa", "rsa"], AT_START] = Field(
        default="ecdsa",
        description="Key of the generated certificate: ecdsa (P-256), or rsa (2048) for old clients.",
    )
    tls_names: Annotated[tuple[Annotated[str, AfterValidator(_tls_name)], ...], AT_START] = Field(
        default=(), description="Further DNS name or IP address in the generated certificate; repeatable."
    )
    release: ReleaseName = Field(
        default="10.0", description="OAMP release, which decides the response headers and the version."
    )
    deployment: Path | Deployment | None = Field(
        default=None, description="File with the servers of the deployment, JSON or YAML; the default has five servers."
    )
    unknown_servers: Literal["accept", "reject"] = Field(
        default="accept", description="Sync-ups of servers outside the deployment: accept (and add them) or reject."
    )
    mappings: Annotated[Path | None, AT_START] = Field(
        default=None, description="Directory of WireMock mapping files (.json) to load at the start."
    )
    admin_host: Annotated[str | None, AT_START] = Field(
        default=None, min_length=1, description="Address or host name of the control API; requires --admin-port."
    )
    admin_port: Annotated[int | None, AT_START] = Field(
        default=None, ge=0, le=65535, description="Separate port of the control API; 0 chooses a free one."
    )
    admin_username: Annotated[str | None, AT_START] = Field(
        default=None, min_length=1, description="The only user with access to the control API."
    )
    admin_password: Annotated[SecretStr | None, AT_START] = Field(default=None, description="Password of that user.")
    admin_access: Annotated[Literal["auto", "guarded", "open"], AT_START] = Field(
        default="auto",
        description="Access to a control API without --admin-username: guarded requires the OAMP's user name and "
        "password, open requires none, auto is guarded if other machines can reach the control API.",
    )
    console: Annotated[Literal["off", "read", "full"], AT_START] = Field(
        default="full",
        description="Web console under /__admin/console/: full, read (a browser can change nothing), or off.",
    )
    max_body_bytes: ByteSize = Field(
        default=ByteSize(2 * 1024**2),
        ge=1,
        description="Maximum size of a request body, in bytes or as 512KiB, 2MiB; a larger one gets 413.",
    )
    max_servers: int = Field(
        default=2_000, ge=1, description="Maximum number of servers in one sync-up; a request with more gets 413."
    )
    max_depth: int = Field(
        default=100, ge=4, le=500, description="Maximum nesting depth of XML or JSON; a deeper body gets 400."
    )
    max_elements: int = Field(
        default=10_000,
        ge=10,
        description="Maximum number of elements, attributes and comments in XML, or of values in JSON; "
        "a body with more gets 400.",
    )
    max_header_bytes: Annotated[ByteSize, AT_START] = Field(
        default=ByteSize(8 * 1024),
        ge=256,
        description="Maximum size of the request line and headers, in bytes or as 8KiB; larger ones get 400.",
    )
    max_headers: Annotated[int, AT_START] = Field(
        default=100, ge=8, description="Maximum number of request headers; a request with more gets 400."
    )
    max_connections: Annotated[int, AT_START] = Field(
        default=2_000,
        ge=1,
        description="Maximum number of connections to each port after the TLS handshake; further ones are closed.",
    )
    header_timeout: Annotated[float, AT_START] = Field(
        default=20,
        gt=0,
        le=3600,
        description="Timeout of the TLS handshake and of the request headers, in seconds.",
    )
    body_timeout: Annotated[float, AT_START] = Field(
        default=60,
        gt=0,
        le=3600,
        description="Timeout of the request body, and of a client that stops reading a response, in seconds.",
    )
    keep_alive_timeout: Annotated[float, AT_START] = Field(
        default=20, gt=0, le=3600, description="Timeout of an idle connection, in seconds."
    )
    max_in_flight: int = Field(
        default=1000, ge=1, description="Maximum number of requests in flight; one more gets 503 processing.throttled."
    )
    journal_max_calls: int = Field(
        default=10_000, ge=0, description="Maximum number of calls in the journal, which drops the oldest."
    )
    journal_max_bytes: ByteSize = Field(
        default=ByteSize(64 * 1024**2), description="Maximum memory of the journal, in bytes or as 64MiB."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], AT_START] = Field(
        default="info",
        description="Minimum level of log lines; info logs each call, debug also headers and bodies.",
    )

    @classmethod
    def at_start(cls) -> set[str]:
        """Return the names of the settings that cannot change while the mock server runs."""
        return {name for name, field in cls.model_fields.items() if AT_START in field.metadata}

    @property
    def reaches_beyond(self) -> bool:
        """Whether other machines can reach the control API."""
        host = self.admin_host or self.host
        try:
            return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
        except ValueError:
            return host != "localhost"

    @property
    def admin_credentials(self) -> tuple[str, str] | None:
        """The user name and the password that the control API requires, None without."""
        if self.admin_username is not None and self.admin_password is not None:
            return self.admin_username, self.admin_password.get_secret_value()
        if self.admin_access == "guarded" or (self.admin_access == "auto" and self.reaches_beyond):
            return self.username, self.password.get_secret_value()
        return None

    @property
    def remote_admin_credentials(self) -> tuple[str, str] | None:
        """The user name and the password that the control API requires from other machines, None without."""
        if self.admin_username is None and self.admin_access == "auto":
            return self.username, self.password.get_secret_value()
        return self.admin_credentials

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings of the ``MOCKCVP_…`` environment variables; an empty variable is like none.

        Raises:
            ValueError: a variable is not valid
        """
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            if value := os.environ.get(f"{ENVIRONMENT_PREFIX}{name.upper()}"):
                given[name] = value.split() if get_origin(field.annotation) is tuple else value
        try:
            return cls(**given)
        except ValidationError as exc:
            found = phrases(exc)
            lines = [f"{ENVIRONMENT_PREFIX}{place.partition('[')[0].upper()}: {message}" for place, message in found]
            raise ValueError("; ".join(lines)) from None

    @field_validator("username", "admin_username")
    @classmethod
    def _check_username(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if ":" in value or not value.isprintable():
            raise ValueError("a user name of HTTP basic authentication has no colon and no control character")
        return value

    @field_validator("password", "admin_password")
    @classmethod
    def _check_password(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            (value or SecretStr("")).get_secret_value().encode()
        except UnicodeEncodeError:
            raise ValueError("must be UTF-8") from None
        return value

    @field_validator("cert", "key", "cert_dir", "deployment", "mappings", mode="before")
    @classmethod
    def _check_path(cls, value: object) -> object:
        if value == "":
            raise ValueError("must not be empty")
        return value

    @field_validator("deployment", mode="before")
    @classmethod
    def _check_deployment(cls, value: object) -> object:
        if value is None or isinstance(value, str | Path | Deployment):
            return value
        if not isinstance(value, Mapping):
            raise ValueError("must be the path of a file, or an object with servers")
        try:
            return Deployment.model_validate(value)
        except ValidationError as exc:
            raise ValueError("; ".join(error_lines(exc, value, Deployment))) from None

    @field_validator("log_level", "key_type", "unknown_servers", "admin_access", "console", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("tls_names", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            return value
        return [name for text in texts for name in text.replace(",", " ").split()]

    @model_validator(mode="after")
    def _check_combinations(self) -> "Settings":
        if (self.cert is None) != (self.key is None):
            given, missing = ("--cert", "--key") if self.key is None else ("--key", "--cert")
            raise ValueError(f"--cert and --key go together: {given} is given, {missing} is not")
        if (self.admin_username is None) != (self.admin_password is None):
            missing = "--admin-password" if self.admin_password is None else "--admin-username"
            raise ValueError(f"--admin-username and --admin-password go together: {missing} is missing")
        if self.admin_host is not None and self.admin_port is None:
            raise ValueError("--admin-host needs --admin-port")
        if self.admin_port and self.admin_port == self.port:
            raise ValueError(f"--admin-port must not be --port, and both are {self.port}")
        if self.cert and self.model_fields_set & {"tls_names", "key_type"}:
            raise ValueError("--tls-name and --key-type configure the generated certificate, not a custom one (--cert)")
        return self
