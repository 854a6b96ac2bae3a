"""Generating and reading of certificates. `cryptography` is imported only here, since its import is slow."""

import ipaddress
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The clock of a container or virtual machine may be slow.
_BACKDATED = timedelta(days=1)

# The last block of a truncated file has no END line.
_PEM_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]*?)(CERTIFICATE|PRIVATE KEY)-----.*?(?:-----END \1\2-----|\Z)", re.DOTALL
)
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def expiry(pem: bytes) -> datetime:
    """Return the time when a certificate expires.

    Raises:
        ValueError: the certificate cannot be read
    """
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def names(pem: bytes) -> list[str]:
    """Return the DNS names and IP addresses in a certificate.

    Raises:
        ValueError: the certificate cannot be read
    """
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def generate(names: list[str], key_type: Literal["ecdsa", "rsa"], valid: timedelta) -> bytes:
    """Generate a private key and a self-signed certificate with some names, as PEM."""
    key = rsa.generate_private_key(65537, 2048) if key_type == "rsa" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mockcvp, a test double"),
            x509.NameAttribute(NameOID.COMMON_NAME, names[0]),
        ]
    )
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=key_type == "rsa",
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + valid)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # A client that trusts this certificate must not trust others that its key signs.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def mismatch(cert: Path, key: Path) -> str | None:
    """Return the reason why a certificate and a private key do not fit, None if there is no known one.

    Args:
        cert: a file with PEM certificates
        key: a file with a PEM private key without a pass phrase
    """
    certs, keys_beside = _pem_blocks(cert)
    certs_beside, keys = _pem_blocks(key)
    if keys_beside and certs_beside and not certs and not keys:
        return f"--cert and --key are swapped: {cert} contains a private key, and {key} contains a certificate"
    return _error_in_certificates(cert, certs) or _error_in_key(key, keys) or _misfit(cert, certs, key, keys[0])


def _error_in_certificates(path: Path, pems: list[bytes]) -> str | None:
    if not pems and _can_read(x509.load_der_x509_certificate, path.read_bytes()):
        return f"{path} is in DER form, and PEM is needed, as `openssl x509 -inform der -in {path}` writes it"
    if not pems:
        return f"{path} contains no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----"
    for number, pem in enumerate(pems, 1):
        if not _can_read(_verify_locations, pem):
            return f"{f'certificate {number}' if len(pems) > 1 else 'the certificate'} in {path} is damaged"
    return None


def _error_in_key(path: Path, pems: list[bytes]) -> str | None:
    if not pems and _can_read(lambda der: serialization.load_der_private_key(der, None), path.read_bytes()):
        return f"{path} is in DER form, and PEM is needed, as `openssl pkey -inform der -in {path}` writes it"
    if not pems:
        return f"{path} contains no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----"
    if not _can_read(lambda pem: serialization.load_pem_private_key(pem, None), pems[0]):
        return f"OpenSSL cannot read the private key in {path}: it is damaged, or of an unknown kind"
    return None


def _misfit(cert: Path, certs: list[bytes], key: Path, key_pem: bytes) -> str | None:
    public_key = serialization.load_pem_private_key(key_pem, None).public_key()
    fits = [_public_key(pem) == public_key for pem in certs]
    if not any(fits):
        return f"the key {key} does not fit the certificate {cert}"
    if not fits[0]:
        return f"the key {key} fits certificate {fits.index(True) + 1} in {cert}, which must be the first one there"
    return None


def _pem_blocks(path: Path) -> tuple[list[bytes], list[bytes]]:
    """Return the certificates and the private keys of a PEM file."""
    blocks = [(block[2], block[0]) for block in _PEM_BLOCK.finditer(path.read_bytes())]
    certs = [pem for label, pem in blocks if label == b"CERTIFICATE"]
    return certs, [pem for label, pem in blocks if label != b"CERTIFICATE"]


def _can_read(read: Callable[[bytes], object], content: bytes) -> bool:
    try:
        read(content)
    except (*_UNREADABLE, ssl.SSLError):
        return False
    return True


def _verify_locations(pem: bytes) -> None:
    # OpenSSL accepts some certificates that cryptography rejects.
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode())


def _public_key(pem: bytes) -> object:
    try:
        return x509.load_pem_x509_certificate(pem).public_key()
    except _UNREADABLE:
        return None
