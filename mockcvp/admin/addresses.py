"""The URLs of the OAMP and of the control API, as the client of a control request reaches them."""

from urllib.parse import urlsplit

from starlette.requests import Request

from mockcvp.admin import PATH, TENANTS_PATH
from mockcvp.oamp.http import BASE_PATH
from mockcvp.pipeline.extension import writer_of


def oamp_url(request: Request) -> str:
    """Return the base URL of the OAMP."""
    writer, root = writer_of(request.scope), request.scope.get("root_path", "")
    if writer is None or writer.admin_port is None:
        return f"https://{_host(request)}{root}{BASE_PATH}"
    name = urlsplit(f"//{_host(request)}").hostname or "localhost"
    return f"https://{f'[{name}]' if ':' in name else name}:{writer.port}{BASE_PATH}"


def control_url(request: Request) -> str:
    """Return the base URL of the control API, of a tenant's in the path of a tenant."""
    root, tenant = request.scope.get("root_path", ""), request.path_params.get("tenant")
    return f"https://{_host(request)}{root}{PATH if tenant is None else f'{TENANTS_PATH}/{tenant}'}"


def _host(request: Request) -> str:
    host: str = request.headers.get("host", "localhost")
    return host
