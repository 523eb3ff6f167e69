"""Checksums of logs, computed piece by piece between other work."""

import os

from buildorch.remote.agent import folder, wire

_PIECE = 1 << 20


class Checksum:
    """The checksum of one log, as long as the log was when it was asked for."""

    def __init__(self, ident: str, place: folder.Folder) -> None:
        from hashlib import sha256  # noqa: PLC0415 - slow to load: the agent does it when idle

        self._ident = ident
        self._hash = sha256()
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
