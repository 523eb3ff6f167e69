"""Strict host keys: what known_hosts says of a name, and what follows for the key that is shown.

paramiko's own reader knows neither patterns nor markers, and keeps one key of a kind, so the
files are read here. Nothing is ever added to them, and there is no way to switch this off.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from buildorch.backends.ssh.failures import failure
from buildorch.backends.ssh_config import ResolvedHost
from buildorch.errors import HostKeyChanged, HostKeyUnknown

_MARKERS = ("@revoked", "@cert-authority")


@attrs.frozen
class KnownKey:
    """One line of a known_hosts file that is about the host in question.

    Attributes:
        file: The file it stands in.
        line: 1-based line.
        kind: Type of the key, such as `ssh-ed25519`.
        blob: The public key in SSH's wire format.
        marker: `@revoked`, `@cert-authority`, or empty.
    """

    file: str
    line: int
    kind: str
    blob: bytes = attrs.field(repr=False)
    marker: str = ""

    @property
    def place(self) -> str:
        """File and line as editors take them."""
        return f"{self.file}:{self.line}"


def known_keys(host: ResolvedHost) -> tuple[KnownKey, ...]:
    """Return what the known_hosts files of *host* say about it; missing files say nothing."""
    return _look_up(host.known_hosts, host.key_name)


def preferred(kinds: Sequence[str], known: Iterable[KnownKey]) -> list[str]:
    """Return the algorithms *kinds* with those first for which a key is known.

    A server has several host keys; asking for one that we know avoids a false alarm.

    Example:
        >>> preferred(["ecdsa", "rsa-sha2-512"], [KnownKey("f", 1, "ssh-rsa", b"")])
        ['rsa-sha2-512', 'ecdsa']
    """
    wanted = {key.kind for key in known if not key.marker}
    return sorted(kinds, key=lambda kind: _key_kind(kind) not in wanted)


def _key_kind(algorithm: str) -> str:
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def check(host: ResolvedHost, server: str, kind: str, blob: bytes) -> None:
    """Return quietly if the key that *host* shows is known for it.

    Args:
        host: The host that was dialled.
        server: Alias of the server, for the error.
        kind: Type of the key.
        blob: The key in SSH's wire format.

    Raises:
        HostKeyUnknown: No line speaks of this host.
        HostKeyChanged: Lines do, and none has this key; or the key is revoked.
    """
    known = known_keys(host)
    revoked = [key for key in known if key.marker == "@revoked" and key.blob == blob]
    if revoked:
        raise failure(HostKeyChanged, _revoked(kind, blob, revoked[0]), host, server)
    trusted = [key for key in known if not key.marker]
    if any(key.blob == blob for key in trusted) or _known_without_port(host, blob):
        return
    if trusted:
        same_kind = [key for key in trusted if key.kind == kind] or trusted
        raise failure(
            HostKeyChanged, _changed(host, server, kind, blob, same_kind[0]), host, server
        )
    authorities = [key for key in known if key.marker]
    raise failure(HostKeyUnknown, _unknown(host, server, kind, blob, authorities), host, server)


def fingerprint(kind: str, blob: bytes) -> str:
    """Return a key as `ssh-keygen -l` names it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"{kind} SHA256:{digest}"


def _known_without_port(host: ResolvedHost, blob: bytes) -> bool:
    """As ssh does: a key known for the host on port 22 is good on its other ports."""
    if host.host_key_alias or host.key_name == host.host:
        return False
    known = _look_up(host.known_hosts, host.host)
    return any(key.blob == blob and not key.marker for key in known)


def _unknown(
    host: ResolvedHost, server: str, kind: str, blob: bytes, authorities: Sequence[KnownKey]
) -> str:
    file = host.known_hosts[0] if host.known_hosts else "known_hosts"
    line = f"{host.key_name} {kind} {base64.b64encode(blob).decode()}"
    about = (
        f" ({authorities[0].place} trusts host certificates, which are not supported)"
        if authorities
        else ""
    )
    return (
        "its host key is not in known_hosts, so nothing was sent to"
        f" it{about}. It shows {fingerprint(kind, blob)}. Ask its administrator for the"
        f" fingerprint, then compare: buildorch servers trust {shlex.quote(server)} shows it, asks,"
        f" and adds this line to {file}:\n{line}"
    )


def _changed(host: ResolvedHost, server: str, kind: str, blob: bytes, old: KnownKey) -> str:
    return (
        f"its host key is not the one in {old.place}, so nothing was"
        f" sent to it. It shows {fingerprint(kind, blob)}, known is"
        f" {fingerprint(old.kind, old.blob)}. Either it was installed anew or somebody is between"
        " you and it. Ask its administrator for the new fingerprint; only if it is the same,"
        f" remove the old key with: ssh-keygen -R '{host.key_name}' -f '{old.file}'"
        f" and add the new one with: buildorch servers trust {shlex.quote(server)}"
    )


def _revoked(kind: str, blob: bytes, line: KnownKey) -> str:
    return (
        f"it shows a host key that {line.place} marks as revoked"
        f" ({fingerprint(kind, blob)}), so nothing was sent to it. Ask its administrator for a"
        " new key and its fingerprint"
    )


def _look_up(files: Iterable[str], name: str) -> tuple[KnownKey, ...]:
    return tuple(key for file in files for key in _read(file, name))


def _read(file: str, name: str) -> Iterator[KnownKey]:
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.split("\n"), 1):
        key = _parse(line, name, file, number)
        if key is not None:
            yield key


def _parse(line: str, name: str, file: str, number: int) -> KnownKey | None:
    fields = line.split()
    marker = fields.pop(0) if fields and fields[0] in _MARKERS else ""
    if len(fields) < 3 or fields[0].startswith("#") or not matches(fields[0], name):  # noqa: PLR2004 - names, kind, key
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except binascii.Error:
        return None
    return KnownKey(file, number, fields[1], blob, marker)


def matches(patterns: str, name: str) -> bool:
    """Tell whether the first field of a known_hosts line is about *name*.

    Args:
        patterns: Names, patterns with `*` and `?`, `!` for exceptions, or one hashed name.
        name: Host name, or `[host]:port`.

    Example:
        >>> matches("*.lab,!old.lab", "new.lab"), matches("*.lab,!old.lab", "old.lab")
        (True, False)
    """
    if patterns.startswith("|1|"):
        return _hash_matches(patterns, name)
    found = False
    for pattern in patterns.lower().split(","):
        if _fits(pattern.removeprefix("!"), name.lower()):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _fits(pattern: str, name: str) -> bool:
    wild = {"*": ".*", "?": "."}
    expression = "".join(wild.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


def _hash_matches(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in hashed[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.lower().encode(), "sha1"), digest)
