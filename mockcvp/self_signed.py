"""Making a self-signed certificate, and reading one: what needs `cryptography`, which takes time to load."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# clocks of containers and virtual machines lag
_BACKDATED = timedelta(days=1)


def expiry(pem: bytes) -> datetime:
    """Return when a certificate expires.

    Raises:
        ValueError: it is none that can be read
    """
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def names(pem: bytes) -> list[str]:
    """Return the DNS names and IP addresses that a certificate covers.

    Raises:
        ValueError: the certificate cannot be read
    """
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = covered.get_values_for_type(x509.IPAddress)
    return [*covered.get_values_for_type(x509.DNSName), *map(str, addresses)]


def make(names: list[str], key_type: Literal["ecdsa", "rsa"], valid: timedelta) -> bytes:
    """Return a new private key and its self-signed certificate for some names, as PEM."""
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
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + valid)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # no authority: whoever trusts it trusts this server and nothing else
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
    return private + made.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
