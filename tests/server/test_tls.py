import fcntl
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mockcvp.server import self_signed, tls
from mockcvp.server.tls import CertificateError, certificate
from mockcvp.settings import Settings
from tests.server_process import PATIENCE, SYNCHRONIZE, XML, ServerProcess, error_line, mockcvp


def load_certificate(directory: Path, **settings: object) -> x509.Certificate:
    """Return the certificate that a server with these settings uses."""
    path = certificate(Settings.model_validate({"cert_dir": directory, **settings})).path
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(loaded: x509.Certificate) -> list[str]:
    return [str(name.value) for name in loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


def test_a_certificate_is_generated_once_and_stored(tmp_path: Path) -> None:
    first = load_certificate(tmp_path / "new" / "certs")
    assert load_certificate(tmp_path / "new" / "certs") == first
    assert sorted(path.name for path in (tmp_path / "new" / "certs").iterdir()) == ["mockcvp-key.pem", "mockcvp.pem"]


def test_the_certificate_covers_the_machine_and_tls_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Machine.example")
    covered = names(
        load_certificate(tmp_path, tls_names="OAMP.example, 10.78.26.124 *.cvp.example 2001:db8::1", host="127.0.0.2")
    )
    assert covered[:3] == ["localhost", "127.0.0.1", "::1"]
    assert "machine.example" in covered
    assert set(covered) >= {"oamp.example", "10.78.26.124", "*.cvp.example", "2001:db8::1", "127.0.0.2"}
    assert len(set(covered)) == len(covered)


def test_the_certificate_omits_a_generated_container_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        monkeypatch.setattr(socket, "gethostname", lambda number=number: f"0123456789a{number}")
        covered = names(load_certificate(tmp_path))
    assert covered == ["localhost", "127.0.0.1", "::1"]


def test_the_key_is_ecdsa_p_256_or_optionally_rsa_2048(tmp_path: Path) -> None:
    key = load_certificate(tmp_path).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    key = load_certificate(tmp_path, key_type="rsa").public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    earlier = os.umask(0)
    try:
        load_certificate(tmp_path)
    finally:
        os.umask(earlier)
    assert stat.S_IMODE((tmp_path / "mockcvp-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "mockcvp.pem").stat().st_mode) == 0o644
    assert "PRIVATE KEY" not in (tmp_path / "mockcvp.pem").read_text()


def test_the_mode_of_an_existing_key_is_corrected(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, key = load_certificate(tmp_path), tmp_path / "mockcvp-key.pem"
    key.chmod(0o644)
    assert load_certificate(tmp_path) == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert f"other users could access the key {key}: changed its mode from 644 to 600" in caplog.text
    caplog.clear()
    load_certificate(tmp_path)
    assert caplog.text == ""


def test_a_mode_that_cannot_be_corrected_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, key = load_certificate(tmp_path), tmp_path / "mockcvp-key.pem"
    key.chmod(0o640)

    def fail(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", fail)
    assert load_certificate(tmp_path) == first
    assert f"other users can access the key {key}, and its mode stays 640: Operation not permitted" in caplog.text


@pytest.mark.parametrize(("mode", "is_logged"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_users_key_that_everybody_can_read_is_logged(
    pairs: Path, caplog: pytest.LogCaptureFixture, mode: int, is_logged: bool
) -> None:
    key = pairs / "ec.key"
    key.chmod(mode)
    certificate(Settings(cert=pairs / "ec.crt", key=key))
    assert (f"every user can read the key {key}, whose mode is 644" in caplog.text) is is_logged
    assert stat.S_IMODE(key.stat().st_mode) == mode


@pytest.mark.parametrize(
    "line",
    [
        '{"names": ["localhost"], "expires": 1e300, "key_type": "ecdsa"}',
        '{"names": ["localhost"], "expires": NaN, "key_type": "ecdsa"}',
        '{"names": ["localhost"], "expires": -Infinity, "key_type": "ecdsa"}',
        '{"names": ["localhost"], "expires": "soon", "key_type": "ecdsa"}',
        f'{{"names": ["localhost"], "expires": 1{"0" * 400}, "key_type": "ecdsa"}}',
        '{"names": "localhost", "expires": 4102444800, "key_type": "ecdsa"}',
        '{"names": ["\\u00e9.example"], "expires": 4102444800, "key_type": "ecdsa"}',
        '{"names": [null], "expires": 4102444800, "key_type": "ecdsa"}',
        "[" * 100_000,
        "[]",
        "\0",
    ],
    ids=range(11),
)
def test_a_key_file_with_an_invalid_first_line_is_recreated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    first, key = load_certificate(tmp_path), tmp_path / "mockcvp-key.pem"
    key.write_text(line + "\n" + key.read_text().partition("\n")[2])
    second = load_certificate(tmp_path)
    assert second != first
    assert "since the stored one cannot be read" in caplog.text
    assert set(names(second)) == set(names(first))


@contextmanager
def locked(directory: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock on a directory, and yield a function that releases the lock."""
    descriptor = os.open(directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


@contextmanager
def starting(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mockcvp", "serve", "--port", "0", "--cert-dir", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_start_waits_for_a_lock_and_logs_the_wait(tmp_path: Path) -> None:
    with locked(tmp_path) as unlock, starting(tmp_path) as process:
        assert process.stdout
        assert f"waiting for the lock on {tmp_path}, which another process holds" in process.stdout.readline()
        unlock()
        lines = [process.stdout.readline() for _ in range(2)]
        assert "generated a certificate" in lines[0]
        assert "mockcvp is ready" in lines[1]


def test_a_start_that_waits_for_a_lock_stops_on_sigterm(tmp_path: Path) -> None:
    with locked(tmp_path), starting(tmp_path) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 0


def test_a_lock_that_is_never_released_is_an_error(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(CertificateError) as exc:
        certificate(Settings(cert_dir=tmp_path), lock_seconds=0.1)
    assert str(exc.value).startswith(f"another process has held the lock on {tmp_path} for 0.1 s; stop it")
    assert list(tmp_path.iterdir()) == []


class _Later(datetime):
    days = 0

    @classmethod
    def now(cls, _tz: object = None) -> datetime:  # type: ignore[override] # zones do not matter here
        return datetime.now(UTC) + timedelta(days=cls.days)


@pytest.mark.parametrize(("days", "is_stored"), [(822, True), (824, False), (900, False)])
def test_an_expired_certificate_is_regenerated_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, days: int, is_stored: bool
) -> None:
    first = load_certificate(tmp_path)
    monkeypatch.setattr(_Later, "days", days)
    monkeypatch.setattr(tls, "datetime", _Later)
    assert (load_certificate(tmp_path) == first) is is_stored
    assert ("expires on" in caplog.text) is not is_stored


def test_a_certificate_without_a_tls_name_is_regenerated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = load_certificate(tmp_path, tls_names="a.example")
    assert load_certificate(tmp_path) == first, "an additional name must not regenerate the certificate"
    second = load_certificate(tmp_path, tls_names="b.example")
    assert second != first
    assert "does not cover b.example; clients have to trust the new one" in caplog.text
    assert {"a.example", "b.example"} <= set(names(second)), (
        "two mock servers must not regenerate the certificate in turn"
    )


@pytest.mark.parametrize("damage", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_an_unreadable_certificate_is_regenerated(tmp_path: Path, damage: bytes) -> None:
    load_certificate(tmp_path)
    (tmp_path / "mockcvp-key.pem").write_bytes(damage)
    load_certificate(tmp_path)


def test_a_lost_or_stale_certificate_file_is_rewritten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = load_certificate(tmp_path)
    path = tmp_path / "mockcvp.pem"
    path.unlink()
    assert load_certificate(tmp_path) == first
    assert caplog.text == ""
    path.write_text("stale")
    assert load_certificate(tmp_path) == first
    # Clients may have the stale file.
    assert f"replaced {path}, which was not the certificate of {tmp_path / 'mockcvp-key.pem'}" in caplog.text


def test_a_failed_start_does_not_change_the_certificate(tmp_path: Path) -> None:
    first = load_certificate(tmp_path)
    error_line(mockcvp("serve", "--host", "localhst.invalid", "--port", "0", "--cert-dir", str(tmp_path)))
    assert load_certificate(tmp_path) == first


def test_replacing_a_file_not_generated_by_mockcvp_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mockcvp.pem").write_text("somebody's")
    load_certificate(tmp_path)
    assert "which mockcvp did not generate" in caplog.text


def test_a_damaged_or_mismatched_key_is_regenerated(tmp_path: Path) -> None:
    load_certificate(tmp_path / "a")
    load_certificate(tmp_path / "b")
    stored, other = ((tmp_path / name / "mockcvp-key.pem").read_text() for name in "ab")
    marker = "-----BEGIN CERTIFICATE-----"
    for key in (other.partition(marker)[0], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ""):
        (tmp_path / "a" / "mockcvp-key.pem").write_text(key + marker + stored.partition(marker)[2])
        load_certificate(tmp_path / "a")


@pytest.mark.parametrize("host", ["0:0:0:0:0:0:0:1", "::1", "fe80::1%lo", "LOCALHOST"])
def test_every_spelling_of_a_host_is_covered(tmp_path: Path, host: str) -> None:
    assert load_certificate(tmp_path, host=host) == load_certificate(tmp_path, host=host)


def test_a_stored_certificate_needs_no_cryptography_import(tmp_path: Path) -> None:
    load_certificate(tmp_path)
    code = (
        "import sys; from pathlib import Path; from mockcvp.server.tls import certificate; "
        "from mockcvp.settings import Settings; certificate(Settings(cert_dir=Path(sys.argv[1]))); "
        "assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_the_certificate_is_not_a_certificate_authority(tmp_path: Path) -> None:
    constraints = load_certificate(tmp_path).extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)


@pytest.mark.parametrize("wanted", [[], ["--tls-name", "new.example"]])
def test_servers_that_start_at_once_share_one_certificate(tmp_path: Path, wanted: list[str]) -> None:
    if wanted:
        load_certificate(tmp_path)
    served: list[bytes] = []

    def start() -> None:
        with ServerProcess(tmp_path, *wanted) as server:
            pem = ssl.get_server_certificate(("127.0.0.1", server.port))
            served.append(ssl.PEM_cert_to_DER_cert(pem))

    threads = [Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = ssl.PEM_cert_to_DER_cert((tmp_path / "mockcvp.pem").read_text())
    assert served == [stored] * 4


def run_openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a custom certificate and key, another key, a key with a pass phrase, and an empty file."""
    directory = tmp_path_factory.mktemp("own")
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("cert", "other"):
        files = ["-keyout", f"{directory}/{name}-key.pem", "-out", f"{directory}/{name}.pem"]
        run_openssl(*new, *files, "-subj", "/CN=own", "-addext", "subjectAltName=DNS:localhost,DNS:own.example")
    key, locked = f"{directory}/cert-key.pem", f"{directory}/locked-key.pem"
    run_openssl("pkey", "-aes128", "-passout", "pass:x", "-in", key, "-out", locked)
    (directory / "empty.pem").write_text("")
    return directory


needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is not on this machine: apt-get install openssl"
)


@needs_openssl
def test_a_custom_certificate_is_served(custom: Path, tmp_path: Path) -> None:
    options = ["--cert", str(custom / "cert.pem"), "--key", str(custom / "cert-key.pem")]
    with ServerProcess(tmp_path, *options) as server, server.client() as client:
        assert server.certificate == custom / "cert.pem"
        response = client.post(f"https://localhost:{server.port}/cvp-config/{SYNCHRONIZE}", headers={"Accept": XML})
        assert response.status_code == 202
    assert not (tmp_path / "mockcvp.pem").exists()


@needs_openssl
@pytest.mark.parametrize(
    ("cert", "key", "reported"),
    [
        ("missing.pem", "cert-key.pem", "cannot read {custom}/missing.pem: No such file or directory"),
        ("cert.pem", "missing.pem", "cannot read {custom}/missing.pem: No such file or directory"),
        ("cert.pem", ".", "cannot read {custom}: Is a directory"),
        ("cert.pem", "other-key.pem", "the key {custom}/other-key.pem does not fit the certificate {custom}/cert.pem"),
        ("cert.pem", "locked-key.pem", "the key {custom}/locked-key.pem has a pass phrase"),
        ("cert.pem", "empty.pem", "{custom}/empty.pem contains no private key"),
        ("empty.pem", "cert-key.pem", "{custom}/empty.pem contains no certificate"),
        ("cert-key.pem", "cert-key.pem", "{custom}/cert-key.pem contains no certificate"),
        ("cert.pem", "cert.pem", "{custom}/cert.pem contains no private key"),
    ],
)
def test_an_unusable_certificate_is_reported_in_one_line(
    custom: Path, tmp_path: Path, cert: str, key: str, reported: str
) -> None:
    result = mockcvp("serve", "--port", "0", "--cert", str(custom / cert), "--key", str(custom / key), cwd=tmp_path)
    assert reported.format(custom=custom) in error_line(result)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create certificates and keys of several types, valid and damaged."""
    directory = tmp_path_factory.mktemp("pairs")
    for name in ("ec", "ec2", "rsa"):
        generated = self_signed.generate(["localhost"], "rsa" if name == "rsa" else "ecdsa", timedelta(days=2))
        key, begin, rest = generated.partition(b"-----BEGIN CERT")
        cert, private = begin + rest, serialization.load_pem_private_key(key, None)
        pkcs8, traditional = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
        locked, plain = serialization.BestAvailableEncryption(b"x"), serialization.NoEncryption()
        der, pem = serialization.Encoding.DER, serialization.Encoding.PEM
        contents = {
            "crt": cert,
            "key": key,
            "key.old": private.private_bytes(pem, traditional, plain),
            "key.locked": private.private_bytes(pem, pkcs8, locked),
            "key.locked.old": private.private_bytes(pem, traditional, locked),
            "key.ssh": private.private_bytes(pem, serialization.PrivateFormat.OpenSSH, plain),
            "key.der": private.private_bytes(der, pkcs8, plain),
            "crt.der": x509.load_pem_x509_certificate(cert).public_bytes(der),
            "crt.cut": cert[:200],
            "key.cut": key[:100],
            "both": key + cert,
        }
        for suffix, content in contents.items():
            (directory / f"{name}.{suffix}").write_bytes(content)
    ec_cert, rsa_cert = (directory / "ec.crt").read_bytes(), (directory / "rsa.crt").read_bytes()
    (directory / "chain").write_bytes(ec_cert + rsa_cert)
    (directory / "damaged-chain").write_bytes(ec_cert + (directory / "ec.crt.cut").read_bytes())
    (directory / "empty").write_bytes(b"")
    (directory / "garbage").write_bytes(bytes(range(256)))
    return directory


@pytest.mark.parametrize(
    ("cert", "key"), [("ec.crt", "ec.key"), ("ec.crt", "ec.key.old"), ("ec.both", "ec.both"), ("chain", "ec.key")]
)
def test_a_matching_certificate_and_key_are_served(pairs: Path, cert: str, key: str) -> None:
    assert certificate(Settings(cert=pairs / cert, key=pairs / key)).path == pairs / cert


NO_CERTIFICATE = "{cert} contains no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----"
NO_KEY = "{key} contains no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("cert", "key", "message"),
    [
        ("ec.crt", "rsa.key", "the key {key} does not fit the certificate {cert}"),
        ("rsa.crt", "ec.key", "the key {key} does not fit the certificate {cert}"),
        ("ec.crt", "ec2.key", "the key {key} does not fit the certificate {cert}"),
        ("chain", "ec2.key", "the key {key} does not fit the certificate {cert}"),
        ("chain", "rsa.key", "the key {key} fits certificate 2 in {cert}, which must be the first one there"),
        ("damaged-chain", "ec.key", "certificate 2 in {cert} is damaged"),
        (
            "ec.key",
            "ec.crt",
            "--cert and --key are swapped: {cert} contains a private key, and {key} contains a certificate",
        ),
        ("ec.crt.der", "ec.key", "{cert} is in DER form, and PEM is needed, as `openssl x509 -inform der -in {cert}`"),
        ("ec.crt", "ec.key.der", "{key} is in DER form, and PEM is needed, as `openssl pkey -inform der -in {key}`"),
        ("ec.crt", "ec.key.locked", "the key {key} has a pass phrase"),
        ("ec.crt", "ec.key.locked.old", "the key {key} has a pass phrase"),
        ("ec.crt", "ec.key.ssh", "OpenSSL cannot read the private key in {key}"),
        ("ec.crt", "ec.key.cut", "OpenSSL cannot read the private key in {key}"),
        ("ec.crt.cut", "ec.key", "the certificate in {cert} is damaged"),
        ("empty", "ec.key", NO_CERTIFICATE),
        ("garbage", "ec.key", NO_CERTIFICATE),
        ("ec.key", "ec.key", NO_CERTIFICATE),
        ("empty", "empty", NO_CERTIFICATE),
        ("ec.crt", "empty", NO_KEY),
        ("ec.crt", "garbage", NO_KEY),
        ("ec.crt", "ec.crt", NO_KEY),
    ],
)
def test_the_error_names_the_problem_of_cert_or_key(pairs: Path, cert: str, key: str, message: str) -> None:
    with pytest.raises(CertificateError) as exc:
        certificate(Settings(cert=pairs / cert, key=pairs / key))
    assert str(exc.value).startswith(message.format(cert=pairs / cert, key=pairs / key))


def test_an_unwritable_directory_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reported = error_line(mockcvp("serve", "--port", "0", "--cert-dir", str(tmp_path / "file" / "certs")))
    assert reported.startswith(f"cannot store a certificate in {tmp_path}/file/certs: ")


def _fail_with_full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_reported_and_no_file_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "replace", _fail_with_full_disk)
    with pytest.raises(CertificateError, match="No space left on device; use a writable directory"):
        load_certificate(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("key_type", ["ecdsa", "rsa"])
def test_python_connects_with_strict_tls_1_2_and_1_3(tmp_path: Path, version: ssl.TLSVersion, key_type: str) -> None:
    with ServerProcess(tmp_path, "--key-type", key_type) as server:
        context = server.tls()
        context.minimum_version = context.maximum_version = version
        # Python 3.13 sets these flags by default.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        for host in ("localhost", "127.0.0.1", "::1"):
            plain = socket.create_connection(("127.0.0.1", server.port))
            with context.wrap_socket(plain, server_hostname=host) as connection:
                assert connection.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def test_a_client_that_rejects_the_certificate_is_logged(server: ServerProcess) -> None:
    plain = socket.create_connection(("127.0.0.1", server.port))
    with pytest.raises(ssl.SSLCertVerificationError), plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
    server.line("TLS handshake failed: the client does not trust the certificate")


def test_a_plain_http_request_is_logged(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        plain.sendall(b"GET /cvp-config/server HTTP/1.1\r\nHost: localhost\r\n\r\n")
        plain.settimeout(PATIENCE)
        assert not plain.recv(1000).startswith(b"HTTP")
    server.line("TLS handshake failed: the client speaks plain HTTP; the URL begins with https")


def test_an_expired_custom_certificate_is_logged(
    custom: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_Later, "days", 3)
    monkeypatch.setattr(tls, "datetime", _Later)
    certificate(Settings(cert=custom / "cert.pem", key=custom / "cert-key.pem"))
    assert "has expired on" in caplog.text


def test_the_certificate_is_invalid_for_another_host_name(server: ServerProcess) -> None:
    plain = socket.create_connection(("127.0.0.1", server.port))
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"), plain:
        server.tls().wrap_socket(plain, server_hostname="elsewhere.example")


@needs_openssl
@pytest.mark.parametrize(
    ("version", "can_connect"), [("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False), ("-tls1", False)]
)
def test_openssl_connects_only_with_tls_1_2_and_1_3(server: ServerProcess, version: str, can_connect: bool) -> None:
    # At its default security level, OpenSSL does not offer TLS 1.0 and 1.1.
    command = ["openssl", "s_client", version, "-cipher", "DEFAULT:@SECLEVEL=0", "-CAfile", str(server.certificate)]
    result = subprocess.run(
        [*command, "-verify_return_error", "-verify_hostname", "localhost", "-connect", f"127.0.0.1:{server.port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode == 0) is can_connect, result.stderr
    assert ("Cipher is (NONE)" in result.stdout) is not can_connect
    assert ("Verify return code: 0 (ok)" in result.stdout) or not can_connect


@pytest.fixture
def curl(server: ServerProcess) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not shutil.which("curl"):
        pytest.skip("curl is not on this machine: apt-get install curl")

    def call(*options: str) -> subprocess.CompletedProcess[str]:
        command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "--cacert", str(server.certificate), *options]
        url = f"https://localhost:{server.port}/cvp-config/{SYNCHRONIZE}"
        credentials = ["-u", "wsmadmin:wsmadmin"]
        return subprocess.run([*command, *credentials, "-X", "POST", url], capture_output=True, text=True, check=False)

    return call


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_connects_with_tls_1_2_and_1_3(
    curl: Callable[..., subprocess.CompletedProcess[str]], version: str
) -> None:
    assert curl(f"--tlsv{version}", "--tls-max", version).stdout == "202"


def test_curl_does_not_connect_with_tls_1_1(curl: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = curl("--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0")
    assert (result.returncode, result.stdout) == (35, "000"), result.stderr
