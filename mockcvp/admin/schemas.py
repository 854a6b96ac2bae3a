"""What control requests hold, and what is said of those that hold something else."""

import json
from typing import Annotated, Any, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from mockcvp.messages import error_lines, may_be_secret
from mockcvp.oamp.deployment import Outcome
from mockcvp.oamp.json_codec import members_once
from mockcvp.stubs.mapping_schema import check_writable

Model = TypeVar("Model", bound=BaseModel)


class Unprocessable(Exception):
    """A control request that cannot be done: why, in a phrase for each fault. Nothing has been changed."""

    def __init__(self, *titles: str) -> None:
        super().__init__(*titles)
        self.titles = titles


class Which(BaseModel):
    """Which calls of the journal are asked for: the newest, at most ``limit`` of them."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int | None, Field(ge=0)] = None


class WhichRequests(Which):
    """Which served requests are asked for."""

    since: AwareDatetime | None = None
    unmatched: bool = False


class WhichMappings(Which):
    """Which stub mappings are asked for: after the first ``offset``, at most ``limit``."""

    offset: Annotated[int, Field(ge=0)] = 0


class Change(BaseModel):
    """How the coming sync-ups of a server go; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    duration: Annotated[float | None, Field(strict=True)] = None
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("one of 'duration' (seconds) and 'outcome' (Success or Failure) is needed")
        return self


class ClockChange(BaseModel):
    """Where a clock is moved, and whether it stands still; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    frozen: Annotated[bool | None, Field(strict=True)] = None
    now: AwareDatetime | None = None
    advance: Annotated[float | None, Field(strict=True, ge=0, allow_inf_nan=False)] = None

    @model_validator(mode="after")
    def _one_move(self) -> Self:
        if self.now is not None and self.advance is not None:
            raise ValueError("'now' and 'advance' (seconds) exclude each other")
        if not self.model_dump(exclude_none=True):
            raise ValueError("one of 'frozen', 'now' and 'advance' (seconds) is needed")
        return self


async def content_of(request: Request) -> Any:
    """Return what the body of a control request holds as JSON, whatever its ``Content-Type``.

    Raises:
        Unprocessable: it is not JSON
    """
    try:
        return json.loads((await request.body()).decode("utf-8-sig"), object_pairs_hook=members_once)
    except (ValueError, RecursionError) as exc:
        # it may name a member
        why = "why is not shown, since it may hold a secret" if may_be_secret(str(exc)) else exc
        raise Unprocessable(f"the body is not JSON: {why}") from None


async def body(request: Request, model: type[Model], *, is_secret: bool = False) -> Model:
    """Return what the JSON body of a control request holds, whatever its ``Content-Type``.

    Args:
        request: the control request
        model: what the JSON must be like
        is_secret: whether an error must quote nothing of it

    Raises:
        Unprocessable: it is not JSON, or not of the model's form
    """
    content = await content_of(request)
    try:
        read = model.model_validate(content)
        check_writable(content)
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc, content, is_secret=is_secret)) from None
    except ValueError as exc:
        raise Unprocessable(f"the body is not JSON: {exc}") from None
    except RecursionError:
        raise Unprocessable("the body is nested too deeply") from None
    return read
