"""What a private key file says without its passphrase, against ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from buildorch.backends.ssh.keys import public_blob, read_key_file, same_key


def _make(path: Path, *options: str, passphrase: str = "") -> bytes:
    words = ["ssh-keygen", "-q", "-N", passphrase, "-f", str(path), *options]
    subprocess.run(words, check=True)
    return public_blob(path.with_name(f"{path.name}.pub").read_bytes()) or b""


@pytest.mark.parametrize("passphrase", ["", "horse battery"])
@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ed25519"),
        ("-t", "ecdsa"),
        ("-t", "rsa", "-b", "1024"),
        ("-t", "rsa", "-b", "1024", "-m", "PEM"),
        ("-t", "ecdsa", "-m", "PKCS8"),
    ],
)
def test_public_half_and_encryption_are_known(
    tmp_path: Path, options: tuple[str, ...], passphrase: str
) -> None:
    """Every format tells whether it needs a passphrase, and which key it is."""
    blob = _make(tmp_path / "key", *options, passphrase=passphrase)
    found = read_key_file(str(tmp_path / "key"))
    assert blob == found.blob
    assert bool(passphrase) == found.encrypted
    assert found.kind.split("-")[0] in {"ssh", "ecdsa"}


def test_an_openssh_key_needs_no_pub_file(tmp_path: Path) -> None:
    """The public half stands in the private file, also in an encrypted one."""
    words = "horse battery"
    blob = _make(tmp_path / "key", "-t", "ed25519", passphrase=words)
    (tmp_path / "key.pub").unlink()
    assert blob == read_key_file(str(tmp_path / "key")).blob


def test_a_public_file_stands_for_a_key_in_the_agent(tmp_path: Path) -> None:
    """IdentityFile may name the `.pub` file."""
    blob = _make(tmp_path / "key", "-t", "ed25519")
    assert blob == read_key_file(str(tmp_path / "key.pub")).blob


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no key",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END",
        b"-----BEGIN RSA PRIVATE KEY-----\n!\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_is_no_key_has_no_public_half(tmp_path: Path, text: bytes) -> None:
    """Damaged files are no reason to fail here: loading them will say what is wrong."""
    (tmp_path / "key").write_bytes(text)
    found = read_key_file(str(tmp_path / "key"))
    assert (found.blob, found.kind) == (None, "")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_belongs_to_its_key_only(tmp_path: Path, kind: str) -> None:
    """A certificate is recognised by the key inside it."""
    ours = _make(tmp_path / "key", "-t", kind)
    other = _make(tmp_path / "other", "-t", kind)
    _make(tmp_path / "ca", "-t", "ed25519")
    sign = ["ssh-keygen", "-q", "-s", "ca", "-I", "me", "-n", "ci", "key.pub"]
    subprocess.run(sign, cwd=tmp_path, check=True)
    certificate = public_blob((tmp_path / "key-cert.pub").read_bytes()) or b""
    assert same_key(ours, certificate)
    assert same_key(ours, ours)
    assert not same_key(other, certificate)
    assert not same_key(ours, other)
