"""The ASGI app of one double: the only place that knows all the rooms."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from mockcvp.control import PATH
from mockcvp.control import api as control
from mockcvp.control.guard import Guard
from mockcvp.control.tenants import Controls
from mockcvp.control.tenants import router as router_of_tenants
from mockcvp.double import Double
from mockcvp.exchange import Exchange
from mockcvp.settings import Settings


def create_app(settings: Settings | None = None, *, double: Double | None = None) -> FastAPI:
    """Return the app of a double, ready for any ASGI server.

    Args:
        settings: of a new double; the defaults where neither this nor ``double`` is given
        double: the double to serve, instead of a new one
    """
    double = double or Double(settings or Settings())
    exchange = Middleware(
        Exchange,
        control_path=PATH,
        double=double,
    )
    settings = double.settings
    guards = []
    if settings.admin_username is not None and settings.admin_password is not None:
        password = settings.admin_password.get_secret_value()
        guards = [Middleware(Guard, settings.admin_username, password, f"{PATH}/health")]
    app = FastAPI(
        title="mockcvp",
        middleware=[exchange, *guards],
        exception_handlers=control.ERROR_HANDLERS,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.include_router(control.router(double), prefix=PATH)
    tenants = f"{PATH}/cvp/tenants"
    app.include_router(router_of_tenants(double, tenants), prefix=f"{PATH}/cvp")
    app.mount(tenants, Controls(double, _control_of_tenant))
    return app


def _control_of_tenant(tenant: Double) -> FastAPI:
    app = FastAPI(exception_handlers=control.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
    routes = control.router(tenant)
    app.include_router(routes)
    # WireMock's own clients put this before every path
    app.include_router(routes, prefix=PATH)
    return app
