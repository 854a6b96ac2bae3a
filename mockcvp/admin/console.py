"""The console under ``/__admin/console/``: a web page of static files, and what it shows under *Connect*."""

import ssl
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from mockcvp.admin.addresses import control_url, oamp_url
from mockcvp.admin.call_responses import Connection
from mockcvp.admin.dependencies import State
from mockcvp.admin.openapi import control_router, responds
from mockcvp.pipeline.extension import writer_of
from mockcvp.settings import Settings, __version__

FILES = Path(__file__).parents[1] / "console"
"""The directory with the files of the console."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

router = control_router("mock server")


@router.get("/console", include_in_schema=False)
async def console_without_slash(state: State) -> Response:
    """Redirect to the console."""
    _check_is_on(state.settings)
    # The URLs of the page are relative, so its own URL ends with a slash.
    return RedirectResponse("console/")


@router.get("/console/{name:path}", include_in_schema=False)
async def console_file(state: State, name: str) -> Response:
    """Return a file of the console."""
    _check_is_on(state.settings)
    file = _files().get(name or "index.html")
    if file is None:
        raise HTTPException(404, f"the console has no file {name[:80]!r}")
    # A browser asks again each time, so that a new version of mockcvp never meets a file of an old one.
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return FileResponse(file, media_type=_MEDIA_TYPES[file.suffix], headers=headers)


@router.get("/cvp/connect", responses=responds(200, "The addresses, the user and the certificate.", Connection))
async def connect(state: State, request: Request) -> JSONResponse:
    """Return what a client needs to call the OAMP.

    The password is there only if it is the default, which everybody knows.
    """
    settings, writer = state.settings, writer_of(request.scope)
    password, default = settings.password, Settings.model_fields["password"].default
    content = {
        "url": oamp_url(request),
        "adminUrl": control_url(request),
        "username": settings.username,
        "password": password.get_secret_value() if password == default else None,
        "release": settings.release,
        "tenant": request.path_params.get("tenant"),
        "certificate": _certificate(writer.certificate) if writer and writer.certificate else None,
        "version": __version__,
    }
    return JSONResponse(content)


def _check_is_on(settings: Settings) -> None:
    if settings.console == "off":
        raise HTTPException(404, "the console is off: --console full or --console read")


@cache
def _files() -> dict[str, Path]:
    found = (file for file in FILES.rglob("*") if file.suffix in _MEDIA_TYPES and file.is_file())
    return {file.relative_to(FILES).as_posix(): file for file in found}


def _certificate(path: Path) -> dict[str, Any]:
    # This import is slow, and a start does not need it.
    from cryptography import x509

    pem = path.read_text()
    certificate = x509.load_pem_x509_certificate(pem.encode())
    digest = sha256(ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END CERTIFICATE-----") + 26])).hexdigest().upper()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return {
        "pem": pem,
        "fingerprint": ":".join(digest[place : place + 2] for place in range(0, len(digest), 2)),
        "names": [str(name.value) for name in names],
        "expires": certificate.not_valid_after_utc.isoformat(),
        "path": str(path),
    }
