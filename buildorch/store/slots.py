"""How many stages run on a server at once, over all runs of this user on this machine.

A slot is a lock file, so a controller that dies gives its slots back at once.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Self

import attrs

from buildorch.errors import StoreUnwritable
from buildorch.store.locks import FileLock, held_line, take_first
from buildorch.store.places import Places


class SlotLease:
    """A slot of a server, until it is released or this process ends.

    Attributes:
        server: Name of the server.
    """

    def __init__(self, server: str, lock: FileLock) -> None:
        self.server = server
        self._lock = lock

    def release(self) -> None:
        """Give the slot back; a second call does nothing."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@attrs.frozen
class Slots:
    """The slots of all servers.

    Attributes:
        places: The state folder.
    """

    places: Places

    def try_take(self, server: str, count: int, owner: str) -> SlotLease | None:
        """Take a slot without waiting.

        Args:
            server: Name of the server.
            count: How many slots it has.
            owner: What takes it, in words, such as `0714-2 yocto-image`.

        Returns:
            The slot, or None where all are taken.

        Raises:
            StoreUnwritable: The slot's file cannot be made.
        """
        folder = self._folder(server)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreUnwritable(
                f"the slots' folder {folder} cannot be made: {error.strerror}; repair it, or set "
                "BUILDORCH_HOME to a folder on a local disk that you can write"
            ) from error
        lock = take_first([folder / str(index) for index in range(count)])
        if lock is None:
            return None
        lock.write(owner)
        return SlotLease(server, lock)

    def holders(self, server: str) -> tuple[str, ...]:
        """Return the owners of the slots of *server* that are taken now, in no special order."""
        folder = self._folder(server)
        if not folder.is_dir():
            return ()
        lines = (held_line(path) for path in sorted(folder.iterdir()))
        return tuple(line for line in lines if line is not None)

    def _folder(self, server: str) -> Path:
        # Any script and length, user@host:port of an alias too: readable, and never the same.
        digest = hashlib.sha256(server.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return self.places.slots / f"{re.sub(r'[^A-Za-z0-9.-]', '_', server)[:60]}-{digest}"
