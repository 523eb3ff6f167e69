"""A file lock that says who holds it; the kernel frees it whichever way the holder ends.

Owns flock and nothing else: who may hold what is decided by those who name the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from buildorch.errors import StoreUnwritable

#: Whoever only looks is in the way of whoever takes for about this many seconds ...
_GLANCE = 0.001

#: ... and is waited for so often, since it could have been stopped while it looks.
_GLANCES = 500


class FileLock:
    """An exclusive lock on a file, held by this process until it ends or releases.

    A forked child does not keep it. Threads may share it; take and release are not for two
    threads at once.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor
        # A child that was forked before an exec would keep the lock after our death.
        os.register_at_fork(after_in_child=_weak_release(weakref.ref(self)))

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """Return the lock on *path*, or None where somebody else holds it. Does not wait.

        Raises:
            StoreUnwritable: The file cannot be made or locked.
        """
        return take_first([path])

    def read(self) -> str:
        """Return the line that the last holder left; empty where there was none."""
        return _first_line(self._held())

    def write(self, text: str) -> None:
        """Replace the file's line by *text*, for people and programs that look.

        Raises:
            StoreUnwritable: The disk is full; the lock is free again, since nobody could see whose
                it is.
        """
        line = text.replace("\n", " ").encode("utf-8", "surrogateescape") + b"\n"
        try:
            with _ours(self.path):
                os.pwrite(self._held(), line, 0)
                os.ftruncate(self._held(), len(line))
        except StoreUnwritable:
            self.release()
            raise

    def release(self) -> None:
        """Free the lock; the file stays, since removing it could free somebody else's."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def discard(self) -> None:
        """Remove the file and free the lock."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.release()

    def _held(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"the lock on {self.path} was released before")
        return self._descriptor


def take_first(paths: Sequence[Path]) -> FileLock | None:
    """Return a lock on the first of *paths* that is free, or None where all are held.

    Raises:
        StoreUnwritable: A file cannot be made or locked.
    """
    for path in paths:
        with _ours(path):
            descriptor = _open_locked(path)
        if descriptor is not None:
            return FileLock(path, descriptor)
    return None


def held_line(path: Path) -> str | None:
    """Return the line of whoever holds the lock on *path*; None where nobody does.

    Raises:
        StoreUnwritable: The file cannot be read.
    """
    with _ours(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return None if _flock(descriptor, fcntl.LOCK_SH) else _first_line(descriptor)
        finally:
            os.close(descriptor)


def _open_locked(path: Path) -> int | None:
    """Return a descriptor that holds the lock on the file that is at *path* now, or None."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            locked = _lock(descriptor)
            if locked and _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not locked:
            return None
        # Else the file was removed between open and lock: the lock on it is worth nothing.


def _lock(descriptor: int) -> bool:
    for _ in range(_GLANCES):
        if _flock(descriptor, fcntl.LOCK_EX):
            return True
        # Whoever only looks holds a shared lock, which another shared one tells from a holder's.
        if not _flock(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(_GLANCE)
    return False


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _first_line(descriptor: int) -> str:
    return os.pread(descriptor, 4096, 0).partition(b"\n")[0].decode("utf-8", "replace")


def _weak_release(lock: weakref.ref[FileLock]) -> Callable[[], None]:
    def release() -> None:
        alive = lock()
        if alive is not None:
            alive.release()

    return release


@contextlib.contextmanager
def _ours(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnwritable(
            f"the lock file {path} cannot be used: {error.strerror}; repair that folder, or set "
            "BUILDORCH_HOME to a folder on a local disk that you can write"
        ) from error
