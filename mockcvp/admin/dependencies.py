"""The FastAPI dependencies of the control API's routes."""

from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mockcvp.admin.bodies import body
from mockcvp.state import MockState

Model = TypeVar("Model", bound=BaseModel)


# a coroutine, since FastAPI runs a plain function in a thread
async def current_state(request: Request) -> MockState:
    """Return the mock server that a request controls: the tenant that its path names, or the one that is served.

    Raises:
        HTTPException: there is no such tenant
    """
    state: MockState = request.app.state.mock
    name = request.path_params.get("tenant")
    return state if name is None else tenant_of(state, name)


def tenant_of(state: MockState, name: str) -> MockState:
    """Return the tenant of a name.

    Raises:
        HTTPException: there is no such tenant
    """
    if name not in state.tenants:
        raise HTTPException(404, f"there is no tenant {name!r}")
    return state.tenants[name]


State = Annotated[MockState, Depends(current_state)]


class JsonBody(Generic[Model]):
    """Reads the JSON body of a request as a model, whatever its ``Content-Type``: ``curl -d`` sends a form's.

    Args:
        model: the model
    """

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    async def __call__(self, request: Request) -> Model:
        """Return the body.

        Raises:
            Unprocessable: it is not JSON, or does not match the model
        """
        return await body(request, self._model)


def identity(text: str) -> UUID:
    """Return the UUID of a path parameter.

    Raises:
        HTTPException: it is not a UUID
    """
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(400, f"{text[:80]!r} is not a UUID") from None
