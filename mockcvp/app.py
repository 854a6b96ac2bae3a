"""The ASGI app of one double: the only place that knows all the rooms."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from mockcvp.control import api as control
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
        control_path=control.PATH,
        double=double,
    )
    app = FastAPI(
        title="mockcvp",
        middleware=[exchange],
        exception_handlers=control.ERROR_HANDLERS,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.include_router(control.router(double), prefix=control.PATH)
    tenants = f"{control.PATH}/cvp/tenants"
    app.include_router(router_of_tenants(double, tenants), prefix=f"{control.PATH}/cvp")
    app.mount(tenants, Controls(double, _control_of_tenant))
    return app


def _control_of_tenant(tenant: Double) -> FastAPI:
    app = FastAPI(exception_handlers=control.ERROR_HANDLERS, openapi_url=None, redirect_slashes=False)
    app.include_router(control.router(tenant))
    return app
