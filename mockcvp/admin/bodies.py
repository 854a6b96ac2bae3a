"""Reading the JSON bodies of control requests."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from mockcvp.messages import error_lines
from mockcvp.oamp.json_codec import members_once
from mockcvp.stubs.mapping_schema import check_writable

Model = TypeVar("Model", bound=BaseModel)


class Unprocessable(Exception):
    """A control request with errors. It has changed nothing.

    Args:
        titles: a message for each error
    """

    def __init__(self, *titles: str) -> None:
        super().__init__(*titles)
        self.titles = titles


async def content_of(request: Request) -> Any:
    """Return the JSON body of a control request, whatever its ``Content-Type``.

    Raises:
        Unprocessable: it is empty or not JSON
    """
    raw = await request.body()
    if not raw:
        raise Unprocessable("the body is empty")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=members_once)
    except (ValueError, RecursionError) as exc:
        raise Unprocessable(f"the body is not JSON: {exc}") from None


async def body(request: Request, model: type[Model], *, is_secret: bool = False) -> Model:
    """Return the JSON body of a control request as a model, whatever its ``Content-Type``.

    Args:
        request: the control request
        model: the model
        is_secret: whether an error must not quote the body

    Raises:
        Unprocessable: it is not JSON, or does not match the model
    """
    content = await content_of(request)
    try:
        read = model.model_validate(content)
        check_writable(content)
    except ValidationError as exc:
        raise Unprocessable(*error_lines(exc, content, model, is_secret=is_secret)) from None
    except ValueError as exc:
        raise Unprocessable(f"the body is not JSON: {exc}") from None
    except RecursionError:
        raise Unprocessable("the body is nested too deeply") from None
    return read
