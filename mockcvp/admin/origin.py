"""The check of the ``Origin`` header, by which the mock server recognises its own web pages."""

import ipaddress
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from mockcvp.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "::1")


def is_own(origin: str, host: str | None, settings: Settings, certificate: Path | None) -> bool:
    """Return whether an ``Origin`` is one of the mock server's own pages.

    The certificate must cover the host, since a page whose DNS name resolves to this machine (DNS rebinding) sends a
    ``Host`` that equals its ``Origin``.

    Args:
        origin: the ``Origin`` header
        host: the ``Host`` header
        settings: the settings of the mock server
        certificate: the PEM file of its certificate; None where another ASGI server has the certificate
    """
    try:
        parts = urlsplit(origin)
        name = _normal(parts.hostname or "")
    except ValueError:
        return False
    if parts.netloc != host:
        return False
    names = _covered(certificate) if certificate else (settings.host, *settings.tls_names)
    return any(_matches(name, covered.lower()) for covered in (*_LOCAL, *names))


def _covered(certificate: Path) -> tuple[str, ...]:
    try:
        # a later start may have recreated the file
        return _names_in(certificate.read_bytes())
    except OSError:
        return ()


@lru_cache(maxsize=16)
def _names_in(pem: bytes) -> tuple[str, ...]:
    # imported only for a page in a browser, since the import takes long
    from cryptography import x509

    from mockcvp.server.self_signed import names

    try:
        return tuple(map(_normal, names(pem)))
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        # OpenSSL serves certificates that cryptography rejects
        return ()


def _normal(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def _matches(name: str, covered: str) -> bool:
    if covered.startswith("*."):
        return name.partition(".")[2] == covered[2:]
    return name == covered
