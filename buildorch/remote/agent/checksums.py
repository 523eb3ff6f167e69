"""Checksums of logs, computed piece by piece between other work."""

import os

from buildorch.remote.agent import folder, report, wire

_PIECE = 1 << 20


class Running:
    """The checksum of a log that is read from its beginning; of a small one nobody needs it here.

    Attributes:
        size: How many bytes it is of.
    """

    def __init__(self) -> None:
        self._hash = None  # type: hashlib._Hash | None
        self.size = 0

    def add(self, log: int, offset: int, data: bytes) -> None:
        """Take *data*, which was read from the file *log*, unless bytes before it are missing."""
        if offset != self.size:
            return
        self.size += len(data)
        if self._hash is not None:
            self._hash.update(data)
        elif self.size > report.SMALL_LOG:
            self._hash = _sha256(os.pread(log, self.size, 0))

    def field(self) -> bytes:
        """Return the field of a record with the checksum; nothing for a small log."""
        if self._hash is None:
            return b""
        return b"log_sha256 " + self._hash.hexdigest().encode("ascii") + b"\n"


class Checksum:
    """The checksum of one log, as long as the log was when it was asked for."""

    def __init__(self, ident: str, place: folder.Folder) -> None:
        self._ident = ident
        self._hash = _sha256(b"")
        self._done = 0
        try:
            self._fd = os.open(place.at("log"), os.O_RDONLY | os.O_CLOEXEC)
            self._size = os.fstat(self._fd).st_size
        except OSError:
            self._fd = -1
            self._size = -1

    def step(self, out: wire.Outbox) -> bool:
        """Read on; return whether the answer was sent."""
        if self._fd >= 0 and self._done < self._size:
            data = os.pread(self._fd, min(_PIECE, self._size - self._done), self._done)
            if data:
                self._hash.update(data)
                self._done += len(data)
                return False
        if self._fd >= 0:
            os.close(self._fd)
            self._size = self._done
        out.put("K", self._ident, self._size, self._hash.hexdigest())
        return True


def _sha256(data: bytes) -> "hashlib._Hash":
    from hashlib import sha256  # noqa: PLC0415 - slow to load: the agent does it when idle

    return sha256(data)


TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
