"""The server's certificate: a generated one, which is stored between runs, or a custom one."""

import ipaddress
import json
import logging
import os
import re
import socket
import ssl
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NoReturn

from mockcvp.server.unused import HANDSHAKE
from mockcvp.settings import Settings

# The strictest clients accept no longer validity.
_VALID = timedelta(days=825)
# A certificate with less time left could expire while the mock server runs.
_MIN_LEFT = timedelta(days=1)
# The start of another process holds the lock for a shorter time.
_LOCK_REPORT_SECONDS = 1.0
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"

_log = logging.getLogger(__name__)
NOT_TRUSTED = "the client does not trust the certificate"
"""The reason of a failed handshake if the client does not trust the certificate."""

_CONTAINER_ID = re.compile("[0-9a-f]{12}")
# OpenSSL's reasons of the most common failures
_REASONS = {
    "TLSV1_ALERT_UNKNOWN_CA": NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": NOT_TRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not accept the certificate: is the host's name in it? (--tls-name)",
    "HTTP_REQUEST": "the client speaks plain HTTP; the URL begins with https",
    "WRONG_VERSION_NUMBER": "the client speaks plain HTTP, or no TLS at all; the URL begins with https",
    "UNSUPPORTED_PROTOCOL": "the client speaks no TLS 1.2 or 1.3",
    "NO_SHARED_CIPHER": "the client shares no cipher with the server; for old ones: --key-type rsa",
}
_NO_ERRORS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLZeroReturnError, ssl.SSLEOFError)


class CertificateError(Exception):
    """A certificate cannot be used. The message is one line."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate of a mock server.

    Attributes:
        path: the PEM file for clients
        context: the SSL context of the server, with TLS 1.2 and 1.3
    """

    path: Path
    context: ssl.SSLContext


class ReportingSSLObject(ssl.SSLObject):
    """An ``SSLObject`` that reports failed TLS handshakes."""

    report: Callable[[str], None]

    def do_handshake(self) -> None:
        """Perform the TLS handshake."""
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            handshake = HANDSHAKE.get()
            # The server knows the client's ciphers before it sends its certificate, and then waits for the client.
            if handshake is not None and self.shared_ciphers() is not None:
                handshake.has_certificate = True
            raise
        except ssl.SSLError as exc:
            self.report_error(exc)
            raise

    def report_error(self, exc: ssl.SSLError) -> None:
        """Report an error of the connection, but no normal event."""
        if not isinstance(exc, _NO_ERRORS):
            type(self).report(_REASONS.get(exc.reason, exc.reason))


def log_failure(reason: str) -> None:
    """Log a failed TLS handshake."""
    _log.warning("TLS handshake failed: %s", reason)


def certificate(
    settings: Settings, report: Callable[[str], None] = log_failure, lock_seconds: float = 30.0
) -> Certificate:
    """Return the custom certificate of the settings, or else the stored one, which is regenerated if it does not fit.

    Args:
        settings: the settings of the mock server
        report: called with the reason of each failed TLS handshake
        lock_seconds: the timeout for the lock on the directory

    Raises:
        CertificateError: a file cannot be read, written or used, or another process holds the lock
    """
    if settings.cert and settings.key:
        context = _context(settings.cert, settings.key, report)
        if _mode(settings.key) & stat.S_IROTH:
            _log.warning("every user can read the key %s, whose mode is %o", settings.key, _mode(settings.key))
        from mockcvp.server.self_signed import expiry

        # OpenSSL has accepted the certificate, and accepts more than cryptography does.
        with suppress(ValueError):
            expires = expiry(settings.cert.read_bytes())
            if datetime.now(UTC) > expires:
                _log.warning("the certificate %s has expired on %s", settings.cert, f"{expires:%Y-%m-%d}")
        return Certificate(settings.cert, context)
    try:
        settings.cert_dir.mkdir(parents=True, exist_ok=True)
        with _alone_in(settings.cert_dir, lock_seconds):
            return _generated(settings.cert_dir, _names(settings), settings.key_type, report)
    except OSError as exc:
        file = f" ({exc.filename})" if exc.filename and Path(exc.filename) != settings.cert_dir else ""
        problem = f"cannot store a certificate in {settings.cert_dir}{file}: {exc.strerror or exc}"
        raise CertificateError(f"{problem}; use a writable directory for --cert-dir") from None


def _names(settings: Settings) -> list[str]:
    machine = socket.gethostname()
    # Docker's default host name differs for each container, and no client uses it.
    own = [] if _CONTAINER_ID.fullmatch(machine) else [machine]
    hosts = [settings.host, settings.admin_host or ""]
    names = ["localhost", "127.0.0.1", "::1", *own, *hosts, *settings.tls_names]
    any_address = ("", "0.0.0.0", "::")  # noqa: S104 - only a comparison
    return list(dict.fromkeys(_normal(name) for name in names if name not in any_address and name.isascii()))


def _normal(name: str) -> str:
    try:
        # An address has several spellings, and a certificate has no zones.
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return name.lower()


def _generated(
    directory: Path, names: list[str], key_type: Literal["ecdsa", "rsa"], report: Callable[[str], None]
) -> Certificate:
    """Return the certificate in a directory, and regenerate it if it is missing or does not fit.

    One file has both the key and the certificate, so that they fit even if the process is killed between two writes.
    The other file has only the certificate, for clients.
    """
    path, key_path = directory / "mockcvp.pem", directory / "mockcvp-key.pem"
    misfit, had_both = None, key_path.exists() and path.exists()
    if key_path.exists():
        _restrict(key_path)
        stored = _Stored.of(key_path.read_bytes())
        misfit = stored.misfit(names, key_type) or _unusable(key_path)
        # Earlier names stay, so that two mock servers with different names do not replace each other's certificate.
        names = list(dict.fromkeys([*names, *stored.names]))
    elif path.exists():
        _log.warning("replacing %s, which mockcvp did not generate: use --cert for a custom certificate", path)
    if misfit or not key_path.exists():
        _write(key_path, _generate(names, key_type), mode=0o600)
        reason = f", since the stored one {misfit}; clients have to trust the new one" if misfit else ""
        _log.log(logging.WARNING if misfit else logging.INFO, "generated a certificate in %s%s", path, reason)
    context = _context(key_path, key_path, report)
    public = b"".join(key_path.read_bytes().partition(_CERTIFICATE)[1:])
    if not path.exists() or path.read_bytes() != public:
        _write(path, public, mode=0o644)
        if had_both and not misfit:
            _log.warning("replaced %s, which was not the certificate of %s", path, key_path)
    return Certificate(path, context)


def _restrict(key: Path) -> None:
    """Restrict access to a key to its owner."""
    mode = _mode(key)
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    try:
        key.chmod(0o600)
    except OSError as exc:
        # On a shared volume, another user may own the file.
        _log.warning("other users can access the key %s, and its mode stays %o: %s", key, mode, exc.strerror)
    else:
        _log.warning("other users could access the key %s: changed its mode from %o to 600", key, mode)


def _mode(path: Path) -> int:
    """Return the permissions of a file; 0 on Windows, where the mode does not have them."""
    return 0 if sys.platform == "win32" else stat.S_IMODE(path.stat().st_mode)


@dataclass(frozen=True, slots=True)
class _Stored:
    """The first line of a key file, which describes the certificate without `cryptography`."""

    names: list[str]
    expires: datetime
    key_type: str

    @classmethod
    def of(cls, content: bytes) -> "_Stored":
        try:
            line = json.loads(content.partition(b"\n")[0])
            names, key_type = line["names"], line["key_type"]
            # Other names cannot be in a certificate.
            if not isinstance(names, list) or not all(isinstance(name, str) and name.isascii() for name in names):
                raise ValueError("the names are not valid")
            return cls(names, datetime.fromtimestamp(line["expires"], UTC), str(key_type))
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            return cls([], datetime.fromtimestamp(0, UTC), "")

    def misfit(self, names: list[str], key_type: str) -> str | None:
        """Return the reason why the stored certificate does not fit, None if it fits."""
        if not self.key_type:
            return "cannot be read"
        if datetime.now(UTC) + _MIN_LEFT > self.expires:
            return f"expires on {self.expires:%Y-%m-%d}"
        if missing := sorted(set(names) - set(self.names)):
            return f"does not cover {', '.join(missing)}"
        return None if self.key_type == key_type else f"has no {key_type.upper()} key"


def _unusable(key_path: Path) -> str | None:
    try:
        _context(key_path, key_path, log_failure)
    except CertificateError:
        return "cannot be read"
    return None


def _generate(names: list[str], key_type: Literal["ecdsa", "rsa"]) -> bytes:
    # This import is slow, and most starts find a stored certificate.
    from mockcvp.server.self_signed import expiry, generate

    pem = generate(names, key_type, _VALID)
    description = {"names": names, "expires": expiry(pem).timestamp(), "key_type": key_type}
    # PEM permits comments before the first BEGIN line.
    return json.dumps(description).encode() + b"\n" + pem


@contextmanager
def _alone_in(directory: Path, seconds: float) -> Iterator[None]:
    """Hold the lock on a directory, so that no other process generates a certificate there.

    Raises:
        CertificateError: another process still holds the lock after a number of seconds
    """
    if sys.platform == "win32":
        # Windows has no such lock, so that one of two simultaneous starts may fail.
        yield
        return
    import fcntl

    def is_locked() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        began, is_reported = time.monotonic(), False
        while not is_locked():
            waited = time.monotonic() - began
            if waited > seconds:
                raise CertificateError(
                    f"another process has held the lock on {directory} for {seconds:g} s;"
                    " stop it, or use another directory for --cert-dir"
                )
            if waited > _LOCK_REPORT_SECONDS and not is_reported:
                is_reported = True
                _log.warning("waiting for the lock on %s, which another process holds", directory)
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file atomically."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _context(cert: Path, key: Path, report: Callable[[str], None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = type("ReportingSSLObject", (ReportingSSLObject,), {"report": staticmethod(report)})
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # These are the ciphers of TLS 1.2; all ciphers of TLS 1.3 are strong.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as exc:
            raise CertificateError(f"cannot read {path}: {exc.strerror}") from None
    try:
        # OpenSSL would prompt for a pass phrase at the terminal without this callback.
        context.load_cert_chain(cert, key, password=lambda: _no_pass_phrase(key))
    except OSError as exc:
        raise CertificateError(_reason(exc, cert, key)) from None
    return context


def _no_pass_phrase(key: Path) -> NoReturn:
    raise CertificateError(f"the key {key} has a pass phrase; give one without, as `openssl pkey -in {key}` writes it")


def _reason(exc: OSError, cert: Path, key: Path) -> str:
    """Return the message for a certificate and key that OpenSSL rejects."""
    # OpenSSL's reason is misleading if the types of the two keys differ.
    from mockcvp.server.self_signed import mismatch

    if reason := mismatch(cert, key):
        return reason
    reported = getattr(exc, "reason", None)
    if reported == "EE_KEY_TOO_SMALL":
        return f"the key of the certificate {cert} is too small; an RSA key needs 2048 bits"
    return f"OpenSSL rejects the certificate {cert} or its key {key}: {reported or exc}"
