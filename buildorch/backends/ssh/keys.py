"""Private key files as far as they can be read without their passphrase."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from pathlib import Path

import attrs

_MAGIC = b"openssh-key-v1\0"
_ARMOUR = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----(.*?)-----END", re.DOTALL)


@attrs.frozen
class KeyFile:
    """What a private key file says of itself.

    Attributes:
        path: The file.
        blob: The public key in SSH's wire format; None where only a passphrase would tell.
        encrypted: Whether the private half needs a passphrase.
    """

    path: str
    blob: bytes | None = attrs.field(default=None, repr=False)
    encrypted: bool = False

    @property
    def kind(self) -> str:
        """Type of the key, such as `ssh-ed25519`; empty where unknown."""
        return _string(self.blob)[0].decode(errors="replace") if self.blob else ""


def read_key_file(path: str) -> KeyFile:
    """Read the public half of a private key, from the file itself or from `.pub` beside it.

    Args:
        path: A private key, or a public one whose private half is in an agent.

    Raises:
        OSError: The file cannot be read.
    """
    data = Path(path).read_bytes()
    armour = _ARMOUR.search(data)
    if armour is None:
        return KeyFile(path, public_blob(data))
    if armour[1] == b"OPENSSH ":
        try:
            return _openssh(path, base64.b64decode(armour[2]))
        except (binascii.Error, struct.error, ValueError):
            return KeyFile(path)
    beside = Path(f"{path}.pub")
    blob = public_blob(beside.read_bytes()) if beside.is_file() else None
    return KeyFile(path, blob, encrypted=b"ENCRYPTED" in armour[1] + armour[2])


def public_blob(line: bytes) -> bytes | None:
    """Return the key of a `.pub` file's line in wire format, or None where there is none."""
    fields = line.split()
    try:
        return base64.b64decode(fields[1], validate=True)
    except (IndexError, binascii.Error):
        return None


def same_key(key: bytes, other: bytes) -> bool:
    """Tell whether *other* is the public key *key* or a certificate of it.

    A certificate holds the fields of the key behind its own type and nonce.
    """
    length = 4 + int.from_bytes(key[:4], "big")
    return other == key or (b"-cert-v01@" in other[:64] and key[length:] in other)


def _openssh(path: str, data: bytes) -> KeyFile:
    if not data.startswith(_MAGIC):
        return KeyFile(path)
    cipher, rest = _string(data[len(_MAGIC) :])
    for _ in ("kdf", "kdf options"):
        rest = _string(rest)[1]
    blob, _ = _string(rest[4:])  # behind the number of keys, which is 1
    return KeyFile(path, blob, encrypted=cipher != b"none")


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Split the first length-prefixed string from *data*."""
    (length,) = struct.unpack(">I", data[:4])
    return data[4 : 4 + length], data[4 + length :]
