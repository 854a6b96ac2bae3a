"""Tenants under ``/__admin/cvp/tenants``: test runs that share one mock server, each with its own user and state."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from mockcvp.admin import TENANTS_PATH, responses
from mockcvp.admin.bodies import Unprocessable, body
from mockcvp.admin.dependencies import State, tenant_of
from mockcvp.admin.openapi import DONE, UNKNOWN, UNPROCESSABLE, control_router, json_body, responds
from mockcvp.admin.parameters import NewTenant
from mockcvp.files import FileError
from mockcvp.messages import error_lines
from mockcvp.state import TooManyTenants, new_tenant

router = control_router("tenants")


@router.get("/tenants", responses=responds(200, "The names.", responses.Tenants))
async def list_tenants(state: State) -> JSONResponse:
    """List the names of the tenants."""
    return JSONResponse({"tenants": list(state.tenants)})


@router.post(
    "/tenants",
    status_code=201,
    openapi_extra=json_body(NewTenant, required=False),
    responses=responds(201, "The new tenant.", responses.Tenant) | UNPROCESSABLE,
)
async def add_tenant(state: State, request: Request) -> JSONResponse:
    """Add a tenant: a user whose calls have a separate deployment, clock, stub mappings and journal.

    Without a body, the user name and the password are random.
    """
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
    return JSONResponse({"username": name, "password": password, "admin": f"{TENANTS_PATH}/{name}"}, 201)


@router.delete("/tenants/{name}", responses=DONE | UNKNOWN)
async def remove_tenant(state: State, name: str) -> JSONResponse:
    """Remove a tenant."""
    tenant_of(state, name)
    del state.tenants[name]
    return JSONResponse({})
