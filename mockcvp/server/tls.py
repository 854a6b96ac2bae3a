"""The certificate that a mock server shows: its own, self-signed and kept between runs, or one of the user's."""

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

from mockcvp.settings import Settings

# as long as the strictest clients allow
_VALID = timedelta(days=825)
# made anew this long before it expires, so that it does not expire under a running mock server
_LEFT = timedelta(days=1)
# a start of another process takes less
_LOCK_REPORT_SECONDS = 1.0
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"

_log = logging.getLogger(__name__)
_CONTAINER_ID = re.compile("[0-9a-f]{12}")


# what a client's alert, or its first bytes, say of the likeliest mistakes
_REPORTED = {
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust the certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not trust the certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not accept the certificate: is the host's name in it? (--tls-name)",
    "HTTP_REQUEST": "the client speaks plain HTTP; the URL begins with https",
    "WRONG_VERSION_NUMBER": "the client speaks plain HTTP, or no TLS at all; the URL begins with https",
    "UNSUPPORTED_PROTOCOL": "the client speaks no TLS 1.2 or 1.3",
    "NO_SHARED_CIPHER": "the client shares no cipher with the server; for old ones: --key-type rsa",
}


_NO_FAULTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLZeroReturnError, ssl.SSLEOFError)


class CertificateError(Exception):
    """A certificate that cannot be used, in one line."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a mock server needs to serve TLS.

    Attributes:
        path: the PEM file that a client trusts
        context: what the server listens with: TLS 1.2 and 1.3
    """

    path: Path
    context: ssl.SSLContext


class ReportingSSLObject(ssl.SSLObject):
    """What a TLS connection is made from, so that a client that gives up on it is told of."""

    report: Callable[[str], None]

    def do_handshake(self) -> None:
        """Agree with the client."""
        try:
            super().do_handshake()
        except ssl.SSLError as exc:
            self.look_at(exc)
            raise

    def look_at(self, fault: ssl.SSLError) -> None:
        """Tell of what ended the connection, unless it is no fault."""
        if not isinstance(fault, _NO_FAULTS):
            type(self).report(_REPORTED.get(fault.reason, fault.reason))


def log_failure(why: str) -> None:
    """Tell in the log why there was no TLS with a client."""
    _log.warning("no TLS with a client: %s", why)


def certificate(
    settings: Settings, report: Callable[[str], None] = log_failure, lock_seconds: float = 30.0
) -> Certificate:
    """Return the certificate that the settings ask for; the mock server's own is made where there is none that fits.

    Args:
        settings: of the mock server
        report: called with the reason where a client gives up on a TLS connection
        lock_seconds: how long to wait for another process that holds the lock on the directory

    Raises:
        CertificateError: a file that cannot be read, written or used, or a lock that another process holds
    """
    if settings.cert and settings.key:
        context = _context(settings.cert, settings.key, report)
        if _mode(settings.key) & stat.S_IROTH:
            _log.warning("every user can read the key %s, whose mode is %o", settings.key, _mode(settings.key))
        from mockcvp.server.self_signed import expiry

        # OpenSSL, which has taken it, reads more forms than this does
        with suppress(ValueError):
            expires = expiry(settings.cert.read_bytes())
            if datetime.now(UTC) > expires:
                _log.warning("the certificate %s has expired on %s", settings.cert, f"{expires:%Y-%m-%d}")
        return Certificate(settings.cert, context)
    try:
        settings.cert_dir.mkdir(parents=True, exist_ok=True)
        with _alone_in(settings.cert_dir, lock_seconds):
            return _own(settings.cert_dir, _names(settings), settings.key_type, report)
    except OSError as exc:
        named = f" ({exc.filename})" if exc.filename and Path(exc.filename) != settings.cert_dir else ""
        where = f"cannot keep a certificate in {settings.cert_dir}{named}: {exc.strerror or exc}"
        raise CertificateError(f"{where}; name a directory that can be written to with --cert-dir") from None


def _names(settings: Settings) -> list[str]:
    machine = socket.gethostname()
    # the name that Docker makes up is another for each container, and nobody calls it by that
    own = [] if _CONTAINER_ID.fullmatch(machine) else [machine]
    hosts = [settings.host, settings.admin_host or ""]
    names = ["localhost", "127.0.0.1", "::1", *own, *hosts, *settings.tls_names]
    any_address = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
    return list(dict.fromkeys(_normal(name) for name in names if name not in any_address and name.isascii()))


def _normal(name: str) -> str:
    try:
        # an address has many spellings, and its zone means something on this machine alone
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return name.lower()


def _own(
    directory: Path, names: list[str], key_type: Literal["ecdsa", "rsa"], report: Callable[[str], None]
) -> Certificate:
    """Return the certificate kept in a directory, made anew where it is missing or no longer fits.

    The key's file holds the certificate too, so that a key and a certificate that do not belong together are never
    kept, wherever a process ends. The other file is what clients read.
    """
    path, key_path = directory / "mockcvp.pem", directory / "mockcvp-key.pem"
    misfit = None
    if key_path.exists():
        _restrict(key_path)
        stored = _Kept.of(key_path.read_bytes())
        misfit = stored.misfit(names, key_type) or _unusable(key_path)
        # names once wanted stay, so that two mock servers with names of their own do not take turns in making it anew
        names = list(dict.fromkeys([*names, *stored.names]))
    elif path.exists():
        _log.warning("%s is not the mock server's own, and is replaced: certificates of your own go with --cert", path)
    if misfit or not key_path.exists():
        _write(key_path, _made(names, key_type), mode=0o600)
        why = f", since the one kept {misfit}; clients have to trust the new one" if misfit else ""
        _log.log(logging.WARNING if misfit else logging.INFO, "made a certificate in %s%s", path, why)
    context = _context(key_path, key_path, report)
    public = b"".join(key_path.read_bytes().partition(_CERTIFICATE)[1:])
    if not path.exists() or path.read_bytes() != public:
        _write(path, public, mode=0o644)
    return Certificate(path, context)


def _restrict(key: Path) -> None:
    """Let the owner alone read a key."""
    mode = _mode(key)
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    try:
        key.chmod(0o600)
    except OSError as exc:
        # another user may own the file, on a volume that several containers share
        _log.warning("other users can access the key %s, and its mode stays %o: %s", key, mode, exc.strerror)
    else:
        _log.warning("other users could access the key %s: changed its mode from %o to 600", key, mode)


def _mode(path: Path) -> int:
    """Return the permissions of a file; 0 on Windows, which has others than a mode says."""
    return 0 if sys.platform == "win32" else stat.S_IMODE(path.stat().st_mode)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the first line of a kept key's file says of its certificate, so that it can be judged without reading it."""

    names: list[str]
    expires: datetime
    key_type: str

    @classmethod
    def of(cls, content: bytes) -> "_Kept":
        try:
            line = json.loads(content.partition(b"\n")[0])
            names, key_type = line["names"], line["key_type"]
            # anything else cannot be in a certificate
            if not isinstance(names, list) or not all(isinstance(name, str) and name.isascii() for name in names):
                raise ValueError("the names are not valid")
            return cls(names, datetime.fromtimestamp(line["expires"], UTC), str(key_type))
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            return cls([], datetime.fromtimestamp(0, UTC), "")

    def misfit(self, names: list[str], key_type: str) -> str | None:
        """Return what is wrong with the certificate that is kept, None where nothing is."""
        if not self.key_type:
            return "cannot be read"
        if datetime.now(UTC) + _LEFT > self.expires:
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


def _made(names: list[str], key_type: Literal["ecdsa", "rsa"]) -> bytes:
    # loaded only where one is made
    from mockcvp.server.self_signed import expiry, make

    pem = make(names, key_type, _VALID)
    said = {"names": names, "expires": expiry(pem).timestamp(), "key_type": key_type}
    # what stands before the first BEGIN is a comment in PEM
    return json.dumps(said).encode() + b"\n" + pem


@contextmanager
def _alone_in(directory: Path, seconds: float) -> Iterator[None]:
    """Hold the lock on a directory, which each process takes that starts with it.

    Raises:
        CertificateError: another process holds the lock for so many seconds
    """
    if sys.platform == "win32":
        # no such lock there; at worst one of two that start at once has to be started anew
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
                    " stop it, or name another directory with --cert-dir"
                )
            if waited > _LOCK_REPORT_SECONDS and not is_reported:
                is_reported = True
                _log.warning("waiting for the lock on %s, which another process holds", directory)
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file at one go, so that no one ever reads half of it."""
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
    # of TLS 1.2; those of TLS 1.3 are all strong
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as exc:
            raise CertificateError(f"cannot read {path}: {exc.strerror}") from None
    try:
        # without this, OpenSSL would ask for a pass phrase at the terminal, and wait
        context.load_cert_chain(cert, key, password=lambda: _no_pass_phrase(key))
    except OSError as exc:
        raise CertificateError(_reason(exc, cert, key)) from None
    return context


def _no_pass_phrase(key: Path) -> NoReturn:
    raise CertificateError(f"the key {key} has a pass phrase; give one without, as `openssl pkey -in {key}` writes it")


def _reason(exc: OSError, cert: Path, key: Path) -> str:
    """Return why OpenSSL rejects a certificate and its key."""
    # what OpenSSL reports of a mismatch is misleading: for keys of two types, that there is no certificate
    from mockcvp.server.self_signed import mismatch

    if reason := mismatch(cert, key):
        return reason
    reported = getattr(exc, "reason", None)
    if reported == "EE_KEY_TOO_SMALL":
        return f"the key of the certificate {cert} is too small; an RSA key needs 2048 bits"
    return f"OpenSSL rejects the certificate {cert} or its key {key}: {reported or exc}"
