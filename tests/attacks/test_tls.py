"""TLS as a hostile client tries it: old protocols, weak ciphers, compression, renegotiation."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.test_http import GOOD, assert_serves
from tests.server_process import PATIENCE, ServerProcess, read_response

# warned of by Python, since nobody should offer them
OLD = ["TLSv1", "TLSv1_1"]


@pytest.fixture(scope="module", params=["ecdsa", "rsa"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    key_type: str = request.param
    with ServerProcess(tmp_path_factory.mktemp("certs"), "--key-type", key_type) as server:
        yield server


def offering(lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    """A client that trusts everyone and offers just this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_NO_COMPRESSION
    context.minimum_version, context.maximum_version = lowest, highest
    context.set_ciphers(ciphers)
    return context


def agreed(server: ServerProcess, context: ssl.SSLContext) -> str | None:
    """Return the cipher that a client and the mock server agree on, if they do."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    try:
        with context.wrap_socket(plain) as connection:
            assert connection.compression() is None
            cipher = connection.cipher()
            assert cipher
            return cipher[0]
    except ssl.SSLError as exc:
        # the server's word, or its end; anything else would be a client that did not even ask
        assert "ALERT" in exc.reason or isinstance(exc, ssl.SSLEOFError), exc
        return None
    except ConnectionResetError:
        return None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", OLD)
def test_nothing_older_than_tls_1_2_is_spoken(shown: ServerProcess, version: str) -> None:
    only = ssl.TLSVersion[version]
    assert agreed(shown, offering(only, only, "ALL:@SECLEVEL=0")) is None
    shown.line("the client speaks no TLS 1.2 or 1.3")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_spoken_without_compression(shown: ServerProcess, version: str) -> None:
    only = ssl.TLSVersion[version]
    assert agreed(shown, offering(only, only, "DEFAULT")) is not None


def accepted(server: ServerProcess) -> set[str]:
    """Return every cipher of TLS 1.2 that a mock server accepts, of all that this OpenSSL can offer."""
    tls_1_2 = ssl.TLSVersion.TLSv1_2
    everything = offering(tls_1_2, tls_1_2, "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = [cipher["name"] for cipher in everything.get_ciphers() if not cipher["name"].startswith("TLS_")]
    # some of which are weak, or this would show nothing
    assert {"AES128-SHA", "ADH-AES128-SHA", "NULL-SHA256", "ECDHE-ECDSA-AES128-SHA"} <= set(names)
    # one that needs what a bare client lacks (a shared password) is not offered at all, and cannot be agreed on
    offered = [name for name in names if "PSK" not in name and "SRP" not in name]
    return {name for name in offered if agreed(server, offering(tls_1_2, tls_1_2, f"{name}:@SECLEVEL=0"))}


def test_no_weak_cipher_is_accepted(shown: ServerProcess) -> None:
    found = accepted(shown)
    assert found
    for name in found:
        assert name.startswith("ECDHE-"), "a recorded connection could be read with the key"
        assert "-GCM-" in name or name.endswith("-CHACHA20-POLY1305"), "what is changed on the way is not noticed"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not on this machine: apt-get install openssl")
@pytest.mark.parametrize("times", [1, 20])
def test_renegotiation_is_refused(shown: ServerProcess, times: int) -> None:
    command = [
        "openssl",
        "s_client",
        "-tls1_2",
        "-connect",
        f"127.0.0.1:{shown.port}",
        "-CAfile",
        str(shown.certificate),
    ]
    ended = subprocess.run(command, input="R\n" * times, capture_output=True, text=True, timeout=PATIENCE, check=False)
    said = ended.stdout + ended.stderr
    assert "Secure Renegotiation IS supported" in said
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said
    assert_serves(shown)


def test_a_resumed_connection_is_no_other(shown: ServerProcess) -> None:
    context = shown.tls()
    session: ssl.SSLSession | None = None
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", shown.port), timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
            connection.sendall(GOOD)
            assert read_response(connection).startswith(b"HTTP/1.1 202 ")
            session = connection.session


def test_the_key_is_readable_for_its_owner_alone(shown: ServerProcess) -> None:
    key: Path = shown.certificate.with_name("mockcvp-key.pem")
    assert key.stat().st_mode & 0o077 == 0
