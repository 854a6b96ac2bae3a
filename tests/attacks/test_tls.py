"""TLS with a hostile client: old versions, weak ciphers, compression, renegotiation."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.test_http import GOOD, assert_serves
from tests.server_process import PATIENCE, ServerProcess, read_response

# Python warns of these versions, because they are insecure.
OLD_VERSIONS = ["TLSv1", "TLSv1_1"]


@pytest.fixture(scope="module", params=["ecdsa", "rsa"])
def tls_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    key_type: str = request.param
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--key-type", key_type) as server:
        yield server


def create_context(lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    """Return a client context that offers only these versions and ciphers, and accepts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_NO_COMPRESSION
    context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers(ciphers)
    return context


def negotiate_cipher(server: ServerProcess, context: ssl.SSLContext) -> str | None:
    """Return the cipher of a TLS handshake with the mock server, or None if the handshake fails."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    try:
        with context.wrap_socket(plain) as connection:
            assert connection.compression() is None
            cipher = connection.cipher()
            assert cipher
            return cipher[0]
    except ssl.SSLError as exc:
        # The server sends an alert or closes the connection. Any other error is an error of the client.
        assert "ALERT" in exc.reason or isinstance(exc, ssl.SSLEOFError), exc
        return None
    except ConnectionResetError:
        return None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_tls_older_than_1_2_is_rejected(tls_server: ServerProcess, version: str) -> None:
    only = ssl.TLSVersion[version]
    assert negotiate_cipher(tls_server, create_context(only, only, "ALL:@SECLEVEL=0")) is None
    tls_server.line("the client speaks no TLS 1.2 or 1.3")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_accepted_without_compression(tls_server: ServerProcess, version: str) -> None:
    only = ssl.TLSVersion[version]
    assert negotiate_cipher(tls_server, create_context(only, only, "DEFAULT")) is not None


def find_accepted_ciphers(server: ServerProcess) -> set[str]:
    """Return every cipher of TLS 1.2 that this OpenSSL can offer and the mock server accepts."""
    tls_1_2 = ssl.TLSVersion.TLSv1_2
    context = create_context(tls_1_2, tls_1_2, "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]
    # The test needs an OpenSSL that can offer weak ciphers.
    assert {"AES128-SHA", "ADH-AES128-SHA", "NULL-SHA256", "ECDHE-ECDSA-AES128-SHA"} <= set(names)
    # OpenSSL does not offer a cipher with a shared password, PSK or SRP, if the client has no password.
    offered = [name for name in names if "PSK" not in name and "SRP" not in name]
    return {
        name for name in offered if negotiate_cipher(server, create_context(tls_1_2, tls_1_2, f"{name}:@SECLEVEL=0"))
    }


def test_no_weak_cipher_is_accepted(tls_server: ServerProcess) -> None:
    found = find_accepted_ciphers(tls_server)
    assert found
    for name in found:
        assert name.startswith("ECDHE-"), "the cipher has no forward secrecy"
        assert "-GCM-" in name or name.endswith("-CHACHA20-POLY1305"), "the cipher has no authenticated encryption"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not on this machine: apt-get install openssl")
@pytest.mark.parametrize("times", [1, 20])
def test_renegotiation_is_rejected(tls_server: ServerProcess, times: int) -> None:
    command = [
        "openssl",
        "s_client",
        "-tls1_2",
        "-connect",
        f"127.0.0.1:{tls_server.port}",
        "-CAfile",
        str(tls_server.certificate),
    ]
    completed = subprocess.run(
        command, input="R\n" * times, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    output = completed.stdout + completed.stderr
    assert "Secure Renegotiation IS supported" in output
    assert "RENEGOTIATING" in output
    assert "no renegotiation" in output
    assert_serves(tls_server)


def test_a_resumed_tls_session_is_served(tls_server: ServerProcess) -> None:
    context = tls_server.tls()
    session: ssl.SSLSession | None = None
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", tls_server.port), timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            connection.sendall(GOOD)
            assert read_response(connection).startswith(b"HTTP/1.1 202 ")
            session = connection.session


def test_only_the_owner_can_read_the_private_key(tls_server: ServerProcess) -> None:
    key: Path = tls_server.certificate.with_name("mockcvp-key.pem")
    assert key.stat().st_mode & 0o077 == 0
