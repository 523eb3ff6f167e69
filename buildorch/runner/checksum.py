"""The checksum of a file, or of its end, also while it grows."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PIECE = 1 << 20


def sha256_of(path: Path, start: int = 0) -> str:
    """Return the SHA-256 (hex) of the file *path* from byte *start* on."""
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.file_digest(file, "sha256").hexdigest()


class GrowingSum:
    """The SHA-256 of a file from a byte on, computed while it is written.

    What was written by others is read from the file, once the checksum is asked for.

    Args:
        path: The file.
        start: Its first byte that counts.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "log")
        ...     grown = GrowingSum(path, 1)
        ...     _ = path.write_bytes(b"abcd")
        ...     grown.written(2, b"cd")  # nobody told of the byte before: it is read
        ...     grown.hexdigest() == hashlib.sha256(b"bcd").hexdigest()
        True
    """

    def __init__(self, path: Path, start: int) -> None:
        self.start = start
        self._path = path
        self.restart()

    def restart(self) -> None:
        """Forget all that was written."""
        self._hash = hashlib.sha256()
        self._next = self.start

    def written(self, at: int, data: bytes) -> None:
        """Note that *data* was written at byte *at* of the file."""
        if at == self._next:
            self._hash.update(data)
            self._next += len(data)

    def hexdigest(self) -> str:
        """Return the SHA-256 (hex) up to the end of the file."""
        with self._path.open("rb") as file:
            file.seek(self._next)
            while piece := file.read(_PIECE):
                self.written(self._next, piece)
        return self._hash.hexdigest()
