"""Tenants: several test runs share one mock server, each with a user, and so a mock server, of its own."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.admin.schemas import Unprocessable, body
from mockcvp.files import FileError
from mockcvp.messages import error_lines
from mockcvp.state import MockState, TooManyTenants, new_tenant


class NewTenant(BaseModel):
    """The user of a new tenant; what is left out is made up."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = None
    password: str | None = None


class Controls:
    """The ASGI app that holds the control API of each tenant, below its name.

    Args:
        state: whose tenants
        control_of: makes the control API of one
    """

    def __init__(self, state: MockState, control_of: Callable[[MockState], ASGIApp]) -> None:
        self._state = state
        self._control_of = control_of
        self._made: dict[str, tuple[MockState, ASGIApp]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the tenant whom the path names be controlled."""
        name = scope["path"].removeprefix(scope["root_path"]).strip("/").partition("/")[0]
        tenant = self._state.tenants.get(name)
        if tenant is None:
            raise HTTPException(404, f"there is no tenant {name!r}")
        # none is kept for a tenant that has gone
        self._made = {name: made for name, made in self._made.items() if self._state.tenants.get(name) is made[0]}
        if name not in self._made:
            self._made[name] = tenant, self._control_of(tenant)
        control = self._made[name][1]
        await control({**scope, "root_path": f"{scope['root_path']}/{name}"}, receive, send)


def router(state: MockState, path: str) -> APIRouter:
    """Return the routes that make and forget the tenants of a mock server.

    Args:
        state: whose tenants
        path: below which each one's control API is
    """
    routes = APIRouter()

    @routes.get("/tenants")
    async def tenants() -> JSONResponse:
        """Return the names of the tenants."""
        return JSONResponse({"tenants": list(state.tenants)})

    @routes.post("/tenants")
    async def add(request: Request) -> JSONResponse:
        """Make a tenant: a user whose calls see a deployment, a clock, faults and a journal of their own."""
        wanted = await body(request, NewTenant, is_secret=True) if await request.body() else NewTenant()
        try:
            tenant = new_tenant(state, **wanted.model_dump(exclude_none=True))
        except ValidationError as exc:
            raise Unprocessable(*error_lines(exc, is_secret=True)) from None
        except FileError as exc:
            raise Unprocessable(f"{exc.setting}: {exc}") from None
        except TooManyTenants as exc:
            raise Unprocessable(str(exc)) from None
        except ValueError as exc:
            raise Unprocessable(f"username: {exc}") from None
        name, password = tenant.settings.username, tenant.settings.password.get_secret_value()
        return JSONResponse({"username": name, "password": password, "admin": f"{path}/{name}"}, 201)

    @routes.delete("/tenants/{name}")
    async def remove(name: str) -> JSONResponse:
        """Forget a tenant."""
        if state.tenants.pop(name, None) is None:
            raise HTTPException(404, f"there is no tenant {name!r}")
        return JSONResponse({})

    return routes
