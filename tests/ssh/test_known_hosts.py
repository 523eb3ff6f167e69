"""Strict host keys: what known_hosts means, and what is said when a key is not in it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from buildorch.backends.ssh.known_hosts import check, fingerprint, known_keys, matches, preferred
from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import HostKeyChanged, HostKeyUnknown


def _key(kind: str, seed: bytes) -> tuple[str, bytes, str]:
    """Return a made-up key: its type, wire format, and the two fields of a line."""
    blob = len(kind).to_bytes(4, "big") + kind.encode() + seed
    return kind, blob, f"{kind} {base64.b64encode(blob).decode()}"


_GOOD = _key("ssh-ed25519", b"good")
_BAD = _key("ssh-ed25519", b"bad")
_RSA = _key("ssh-rsa", b"old")


def _host(tmp_path: Path, lines: str, **fields: object) -> ResolvedHost:
    file = tmp_path / "known_hosts"
    file.write_text(lines)
    values = {"name": "b", "host": "b.lab", "port": 22, "user": "ci", **fields}
    return ResolvedHost(known_hosts=(str(tmp_path / "missing"), str(file)), **values)  # type: ignore[arg-type] # its fields


def _accepts(host: ResolvedHost, key: tuple[str, bytes, str] = _GOOD) -> bool:
    try:
        check(host, "b", key[0], key[1])
    except (HostKeyUnknown, HostKeyChanged):
        return False
    return True


@pytest.mark.parametrize(
    ("patterns", "name", "expected"),
    [
        ("b.lab", "b.lab", True),
        ("B.Lab", "b.lab", True),
        ("a,b.lab", "b.lab", True),
        ("*.lab", "b.lab", True),
        ("?.lab", "bb.lab", False),
        ("*,!b.lab", "b.lab", False),
        ("!b.lab,*", "b.lab", False),
        ("b.lab", "[b.lab]:2222", False),
        ("[b.lab]:2222", "[b.lab]:2222", True),
        ("[b.lab]:*", "[b.lab]:2222", True),
        ("|1|x", "b.lab", False),
        ("|1|!|!", "b.lab", False),
    ],
)
def test_patterns_match_as_in_ssh(patterns: str, name: str, *, expected: bool) -> None:
    """Names, wildcards, exceptions and ports are compared as ssh compares them."""
    assert expected == matches(patterns, name)


@pytest.mark.parametrize("name", ["b.lab", "[b.lab]:2222"])
def test_names_hashed_by_ssh_keygen_are_found(tmp_path: Path, name: str) -> None:
    """A file hashed by `ssh-keygen -H` works like the plain one."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, encoded = key.with_suffix(".pub").read_text().split()[:2]
    host = _host(tmp_path, f"{name} {kind} {encoded}\n", port=2222 if ":" in name else 22)
    file = host.known_hosts[1]
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "b.lab" not in Path(file).read_text()
    assert _accepts(host, (kind, base64.b64decode(encoded), ""))
    assert not _accepts(host, _GOOD)


@pytest.mark.parametrize(
    ("lines", "fields", "accepted"),
    [
        (f"b.lab {_GOOD[2]}", {}, True),
        (f"b.lab\t{_GOOD[2]} comment", {}, True),
        (f"b.lab {_BAD[2]}\nb.lab {_GOOD[2]}", {}, True),
        (f"b.lab {_RSA[2]}\nb.lab {_GOOD[2]}", {}, True),
        (f"# b.lab {_GOOD[2]}", {}, False),
        (f"b.lab {_BAD[2]}", {}, False),
        (f"b.lab {_GOOD[2]}\n@revoked * {_GOOD[2]}", {}, False),
        (f"b.lab {_GOOD[2]}\n@revoked * {_BAD[2]}", {}, True),
        (f"@cert-authority *.lab {_GOOD[2]}", {}, False),
        (f"[b.lab]:2222 {_GOOD[2]}", {"port": 2222}, True),
        (f"b.lab {_GOOD[2]}", {"port": 2222}, True),
        (f"[b.lab]:2222 {_BAD[2]}\nb.lab {_BAD[2]}", {"port": 2222}, False),
        (f"farm {_GOOD[2]}", {"port": 2222, "host_key_alias": "farm"}, True),
        (f"b.lab {_GOOD[2]}", {"host_key_alias": "farm"}, False),
        ("b.lab ssh-ed25519 not-base64\nb.lab\n\x00\xff", {}, False),
        ("", {}, False),
    ],
)
def test_only_a_key_that_is_known_is_accepted(
    tmp_path: Path, lines: str, fields: dict[str, object], *, accepted: bool
) -> None:
    """Markers, several keys, ports and aliases are honoured; nothing else lets a key in."""
    assert accepted == _accepts(_host(tmp_path, lines + "\n", **fields))


def test_unknown_and_changed_are_told_apart(tmp_path: Path) -> None:
    """Each message names host, port, file and fingerprints, and what to do; none weakens checks."""
    with pytest.raises(HostKeyUnknown) as unknown:
        check(_host(tmp_path, ""), "b", *_GOOD[:2])
    with pytest.raises(HostKeyChanged) as changed:
        check(_host(tmp_path, f"\nb.lab {_BAD[2]}\n"), "b", *_GOOD[:2])
    with pytest.raises(HostKeyChanged) as revoked:
        check(_host(tmp_path, f"@revoked b.lab {_GOOD[2]}\n"), "b", *_GOOD[:2])
    known = tmp_path / "known_hosts"
    texts = [str(error.value) for error in (unknown, changed, revoked)]
    assert len(set(texts)) == 3
    for text, error in zip(texts, (unknown, changed, revoked), strict=True):
        assert "b (b.lab:22)" in text
        assert fingerprint(*_GOOD[:2]) in text
        assert "administrator" in text
        assert "StrictHostKeyChecking" not in text
        assert (error.value.server, error.value.host, error.value.port) == ("b", "b.lab", 22)
        assert not error.value.transient
    assert f"b.lab {_GOOD[2]}" in texts[0]
    assert f"{known}:2" in texts[1]
    assert fingerprint(*_BAD[:2]) in texts[1]
    assert f"ssh-keygen -R 'b.lab' -f '{known}'" in texts[1]
    assert "revoked" in texts[2]


def test_a_certificate_authority_alone_is_named_as_the_reason(tmp_path: Path) -> None:
    """A host that is known only by an authority is refused with that reason."""
    host = _host(tmp_path, f"@cert-authority *.lab {_BAD[2]}\n")
    with pytest.raises(HostKeyUnknown, match="known_hosts:1 trusts host certificates"):
        check(host, "b", *_GOOD[:2])


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    """People compare it with what `ssh-keygen -l` prints."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, encoded = key.with_suffix(".pub").read_text().split()[:2]
    printed = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True)
    assert fingerprint(kind, base64.b64decode(encoded)).split()[1] in printed.stdout


def test_a_key_that_is_known_is_asked_for_first(tmp_path: Path) -> None:
    """With an RSA key known, RSA is preferred, else paramiko's order is kept."""
    offered = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]
    known = known_keys(_host(tmp_path, f"b.lab {_RSA[2]}\n@revoked * {_GOOD[2]}\n"))
    assert ["rsa-sha2-512", "rsa-sha2-256", *offered[:2]] == preferred(offered, known)
    assert offered == preferred(offered, ())
