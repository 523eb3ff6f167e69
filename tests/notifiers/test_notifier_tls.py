from __future__ import annotations

import datetime as dt
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from notifiers.chat_server import chat_server

from buildorch.notifiers.http import NotReachedError, post


@pytest.fixture(name="certificate")
def _certificate(tmp_path: Path) -> Path:
    """Return a file with a new key and its own certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(pem)
    )
    return path


def test_a_trusted_service_is_spoken_to_over_tls(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS works with the system's way of trusting a certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with chat_server(tls=_context(certificate)) as server:
        reply = post(f"{server.url}/x", {"a": "한"}, {}, connect=5, answer=5)
    assert reply.status == 200
    assert server.requests[0].json == {"a": "한"}


def test_an_untrusted_certificate_ends_before_anything_is_sent(certificate: Path) -> None:
    """The token is not given to whoever answers, and trying again cannot help."""
    with (
        chat_server(tls=_context(certificate)) as server,
        pytest.raises(NotReachedError, match="certificate is not trusted here: self") as caught,
    ):
        post(f"{server.url}/x", {"a": "b"}, {}, connect=5, answer=5)
    assert server.requests == []
    assert caught.value.retry_after is None


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
