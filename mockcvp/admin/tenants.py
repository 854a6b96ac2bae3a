"""Tenants: several test runs share one double, each with a user, and so a double, of its own."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mockcvp.admin.schemas import Unprocessable, body
from mockcvp.files import FileError
from mockcvp.messages import told
from mockcvp.state import Double, TooManyTenants, new_tenant


class NewTenant(BaseModel):
    """The user of a new tenant; what is left out is made up."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = None
    password: str | None = None


class Controls:
    """The ASGI app that holds the control API of each tenant, below its name.

    Args:
        double: whose tenants
        control_of: makes the control API of one
    """

    def __init__(self, double: Double, control_of: Callable[[Double], ASGIApp]) -> None:
        self._double = double
        self._control_of = control_of
        self._made: dict[str, tuple[Double, ASGIApp]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the tenant whom the path names be controlled."""
        name = scope["path"].removeprefix(scope["root_path"]).strip("/").partition("/")[0]
        tenant = self._double.tenants.get(name)
        if tenant is None:
            raise HTTPException(404, f"there is no tenant {name!r}")
        # none is kept for a tenant that has gone
        self._made = {name: made for name, made in self._made.items() if self._double.tenants.get(name) is made[0]}
        if name not in self._made:
            self._made[name] = tenant, self._control_of(tenant)
        control = self._made[name][1]
        await control({**scope, "root_path": f"{scope['root_path']}/{name}"}, receive, send)


def router(double: Double, path: str) -> APIRouter:
    """Return the routes that make and forget the tenants of a double.

    Args:
        double: whose tenants
        path: below which each one's control API is
    """
    routes = APIRouter()

    @routes.get("/tenants")
    async def tenants() -> JSONResponse:
        """Return the names of the tenants."""
        return JSONResponse({"tenants": list(double.tenants)})

    @routes.post("/tenants")
    async def add(request: Request) -> JSONResponse:
        """Make a tenant: a user whose calls see a deployment, a clock, faults and a journal of their own."""
        wanted = await body(request, NewTenant, is_secret=True) if await request.body() else NewTenant()
        try:
            tenant = new_tenant(double, **wanted.model_dump(exclude_none=True))
        except ValidationError as error:
            raise Unprocessable(*told(error, is_secret=True)) from None
        except FileError as fault:
            raise Unprocessable(f"{fault.setting}: {fault}") from None
        except TooManyTenants as exc:
            raise Unprocessable(str(exc)) from None
        except ValueError as fault:
            raise Unprocessable(f"username: {fault}") from None
        name, password = tenant.settings.username, tenant.settings.password.get_secret_value()
        return JSONResponse({"username": name, "password": password, "admin": f"{path}/{name}"}, 201)

    @routes.delete("/tenants/{name}")
    async def remove(name: str) -> JSONResponse:
        """Forget a tenant."""
        if double.tenants.pop(name, None) is None:
            raise HTTPException(404, f"there is no tenant {name!r}")
        return JSONResponse({})

    return routes
