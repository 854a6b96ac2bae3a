"""The settings in the Python API as typed dictionaries, for editors and type checkers."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from pydantic import SecretStr

from mockcvp.messages import member, suggestion
from mockcvp.oamp.deployment import Deployment
from mockcvp.oamp.releases import ReleaseName


class ChangeableSettings(TypedDict, total=False):
    """The settings that a reset, a tenant and a test can change; ``mockcvp.Settings`` describes each one."""

    username: str
    password: str | SecretStr
    release: ReleaseName
    deployment: str | Path | Deployment | Mapping[str, Any] | None
    unknown_servers: Literal["accept", "reject"]
    max_body_bytes: int | str
    max_servers: int
    max_depth: int
    max_elements: int
    max_in_flight: int
    journal_max_calls: int
    journal_max_bytes: int | str


class MockCVPSettings(ChangeableSettings, total=False):
    """The settings of ``MockCVP`` and of the fixture ``mock_cvp_settings``."""

    host: str
    port: int
    cert: str | Path | None
    key: str | Path | None
    cert_dir: str | Path
    key_type: Literal["ecdsa", "rsa"]
    tls_names: str | list[str] | tuple[str, ...]
    mappings: str | Path | None
    admin_host: str | None
    admin_port: int | None
    admin_username: str | None
    admin_password: str | SecretStr | None
    admin_access: Literal["auto", "guarded", "open"]
    console: Literal["off", "read", "full"]
    max_header_bytes: int | str
    max_headers: int
    max_connections: int
    header_timeout: float
    body_timeout: float
    keep_alive_timeout: float


def check_names(given: Mapping[str, object], known: Collection[str], at_start: Collection[str] = ()) -> None:
    """Raise an error for settings that are unknown or cannot change.

    Args:
        given: the settings
        known: the names of the settings that can be given
        at_start: the names of the settings that cannot change

    Raises:
        ValueError: a setting is unknown or cannot change
    """
    if fixed := sorted(given.keys() & set(at_start)):
        raise ValueError(f"{', '.join(fixed)} can only be set at the start")
    if unknown := [name for name in given if name not in known]:
        raise ValueError("; ".join(f"{member(name)}: is not known here{suggestion(name, known)}" for name in unknown))
