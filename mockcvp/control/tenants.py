"""Tenants: several test runs share one double, each with a user, and so a double, of its own."""

from collections.abc import Callable
from secrets import token_hex, token_urlsafe
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Router
from starlette.types import ASGIApp

from mockcvp.control.bodies import Unprocessable, body
from mockcvp.double import Double


class NewTenant(BaseModel):
    """The user of a new tenant; what is left out is made up."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = None
    password: str | None = None


def new_tenant(double: Double, **settings: Any) -> Double:
    """Return a new tenant of a double, with its settings but for those given; user name and password are made up.

    Raises:
        ValueError: a name that is taken or that no tenant can have
        pydantic.ValidationError: a setting that is not valid
    """
    made_up = {"username": f"tenant-{token_hex(6)}", "password": token_urlsafe(12)}
    kept = double.settings.model_dump(exclude_unset=True)
    return double.add_tenant(type(double.settings).model_validate(kept | made_up | settings))


def router(double: Double, path: str, control_of: Callable[[Double], ASGIApp]) -> tuple[APIRouter, Router]:
    """Return the routes that make tenants, and the app with each one's control API below its name.

    Args:
        double: whose tenants
        path: that the app is mounted at
        control_of: makes the control API of one tenant
    """
    routes, controls = APIRouter(), Router(redirect_slashes=False)

    @routes.get("/tenants")
    async def tenants() -> JSONResponse:
        """Return the names of the tenants."""
        return JSONResponse({"tenants": list(double.tenants)})

    @routes.post("/tenants")
    async def add(request: Request) -> JSONResponse:
        """Make a tenant: a user whose calls see a deployment, a clock, faults and a journal of their own."""
        wanted = await body(request, NewTenant) if await request.body() else NewTenant()
        try:
            tenant = new_tenant(double, **wanted.model_dump(exclude_none=True))
        except ValueError as fault:
            raise Unprocessable(f"username: {fault}") from None
        name, password = tenant.settings.username, tenant.settings.password.get_secret_value()
        controls.routes.append(Mount(f"/{name}", control_of(tenant)))
        return JSONResponse({"username": name, "password": password, "admin": f"{path}/{name}"}, 201)

    @routes.delete("/tenants/{name}")
    async def remove(name: str) -> JSONResponse:
        """Forget a tenant."""
        if double.tenants.pop(name, None) is None:
            raise HTTPException(404, f"there is no tenant {name!r}")
        controls.routes[:] = [mount for mount in controls.routes if getattr(mount, "path", "") != f"/{name}"]
        return JSONResponse({})

    return routes, controls
