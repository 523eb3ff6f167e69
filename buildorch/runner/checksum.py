"""The checksum of a file, or of its end."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path, start: int = 0) -> str:
    """Return the SHA-256 (hex) of the file *path* from byte *start* on."""
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.file_digest(file, "sha256").hexdigest()
