"""Recognition of the mock server's own web pages by the Origin header."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mockcvp.admin.origin import is_own
from mockcvp.settings import Settings

FIRST, SECOND = x509.ObjectIdentifier("1.2.3.4.5"), x509.ObjectIdentifier("1.2.3.4.6")


def certificate_with_a_duplicate_extension() -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    for identifier in (FIRST, SECOND):
        builder = builder.add_extension(x509.UnrecognizedExtension(identifier, b"\x05\x00"), critical=False)
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    # the builder rejects duplicates
    der = der.replace(b"\x06\x04\x2a\x03\x04\x06", b"\x06\x04\x2a\x03\x04\x05")
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_with_duplicate_extensions_covers_no_name(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_bytes(certificate_with_a_duplicate_extension())
    assert not is_own("https://oamp.example", "oamp.example", Settings(), certificate)
    assert is_own("https://localhost", "localhost", Settings(), certificate)
