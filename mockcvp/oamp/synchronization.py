"""The body of Start Sync-Up (contract, section 5)."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from mockcvp.oamp import errors
from mockcvp.oamp.codecs import Codec
from mockcvp.oamp.errors import ApiError, OampError
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.models import LARGEST_LONG, ServerReference, Synchronize
from mockcvp.oamp.references import RequestedServer, server_id

_BELOW_0 = re.compile("-0*[1-9][0-9]*")
# Most small bodies of a client are the same.
_SMALL = 1000
_NOTHING: dict[str, Any] = {"servers": {"server": []}}


class SyncUpRequest(NamedTuple):
    """The body of a Start Sync-Up.

    Attributes:
        data: the data of the body, not validated
        requested: the servers that it names; None if a value is not valid
        ignored: the names of members without effect
    """

    data: dict[str, Any]
    requested: tuple[RequestedServer, ...] | None
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: bytes, codec: Codec | None, charset: str | None, limits: Limits) -> "SyncUpRequest":
        """Read a body; without a codec, there is none. See ``read_request``."""
        return read_request(body, codec, charset, limits) if codec else EVERY_SERVER


EVERY_SERVER = SyncUpRequest(_NOTHING, ())
"""A request without a body, which synchronises every server."""


def read_request(body: bytes, codec: Codec, charset: str | None, limits: Limits) -> SyncUpRequest:
    """Read the body of a request.

    Args:
        body: a body that is not empty
        codec: its format
        charset: the charset in its ``Content-Type``, None without one
        limits: its limits

    Raises:
        OampError: the body cannot be read, or names too many servers
    """
    return (_cached if len(body) <= _SMALL else _read)(body, codec, charset, limits)


def _read(body: bytes, codec: Codec, charset: str | None, limits: Limits) -> SyncUpRequest:
    data, ignored = codec.decode(body, charset, Synchronize, limits)
    # This check precedes those of the values, since each server may have several errors, which are all reported.
    if len(_entries(data)) > limits.servers:
        raise OampError(errors.TOO_LARGE.error(f"the body names more than {limits.servers} servers"))
    try:
        requested = requested_servers(data)
    except OampError:
        requested = None
    return SyncUpRequest(data, requested, tuple(ignored))


_cached = lru_cache(maxsize=256)(_read)


def requested_servers(
    data: dict[str, Any], objection: Callable[[str], ApiError | None] = lambda _: None
) -> tuple[RequestedServer, ...]:
    """Return the servers that a body names, in its order. An empty tuple means every server.

    Args:
        data: the data of the body
        objection: returns the error of a reference, None for a valid one

    Raises:
        OampError: all errors of the body together
    """
    found: list[tuple[int, ApiError]] = []
    entries = _entries(data)
    references: tuple[ServerReference, ...] = ()
    try:
        document = Synchronize.model_validate(data)
        references = document.servers.server
    except ValidationError as exc:
        found = [_located(error["loc"], entries) for error in exc.errors(include_url=False, include_context=False)]
    misplaced = data.get("servers", {}).get("sincetime")
    if misplaced is not None:
        reason, valid = "a sincetime must follow the server that it belongs to", "a server before it"
        found.append((-1, errors.INVALID_SINCETIME.error(reason, actual=misplaced, valid=valid)))
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        if reference := entry.get("refURL", ""):
            if error := objection(reference):
                found.append((place, error))
            named = server_id(reference)
            if named in seen:
                reason = "the same server is named more than once"
                found.append((place, errors.DUPLICATE_SERVER.error(reason, actual=reference)))
            seen.add(named)
    if found:
        found.sort(key=lambda place_and_error: place_and_error[0])
        raise OampError(*(error for _, error in found))
    return tuple([RequestedServer(reference.ref_url, reference.sincetime) for reference in references])


def _entries(data: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = data.get("servers", {}).get("server", [])
    return entries


def _located(location: tuple[int | str, ...], entries: list[dict[str, Any]]) -> tuple[int, ApiError]:
    """Return the place of the entry that has an error, and the error."""
    _, _, place, member = location
    assert isinstance(place, int), location
    if member == "refURL":
        reason = f"refURL is required and must not be blank (server {place + 1} of the list)"
        return place, errors.MISSING_FIELD.error(reason)
    return place, _invalid_sincetime(entries[place]["sincetime"])


def _invalid_sincetime(sent: str) -> ApiError:
    if sent.isascii() and sent.isdigit():
        reason, valid = f"sincetime must be {LARGEST_LONG} or below", f"0 to {LARGEST_LONG}"
        return errors.INVALID_SINCETIME.error(reason, actual=sent, valid=valid)
    if _BELOW_0.fullmatch(sent):
        return errors.INVALID_SINCETIME.error(actual=sent)
    reason = "sincetime must be a whole number in decimal digits, 0 or above"
    return errors.INVALID_SINCETIME.error(reason, actual=sent)
