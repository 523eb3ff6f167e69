"""What can be wrong with the database, in our words: exceptions of sqlite3 stop here."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from buildorch.errors import StoreDamaged, StoreError, StoreTooNew, StoreUnwritable

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH})
_CUT_SHORT = sqlite3.SQLITE_IOERR_SHORT_READ
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_FULL = frozenset({sqlite3.SQLITE_FULL})


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what sqlite3 and the file system raise inside as our own exceptions.

    Args:
        path: The database, for the messages.

    Raises:
        StoreDamaged: It is not whole.
        StoreUnwritable: The disk is full, or the file is read-only or locked.
        StoreError: Anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _in_our_words(error, path) from error
    except UnicodeDecodeError as error:
        # sqlite3 cannot even build its message where that quotes what stands in a broken file.
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def damaged(path: Path, detail: str) -> StoreDamaged:
    """Return the exception for a database that is not whole, with what to do about it."""
    return StoreDamaged(
        f"state damaged, remote builds go on: {path} ({detail}). Bring it back from a backup, or "
        f"move {path}* aside to begin with an empty history; logs and exit codes of running jobs "
        "stay on their servers"
    )


def too_new(path: Path, found: int, known: int) -> StoreTooNew:
    """Return the exception for writing into a database of a newer version."""
    return StoreTooNew(
        f"{path} belongs to a newer buildorch (its format is {found}, this one writes {known}); "
        "it can be read but not written here: upgrade buildorch, or set BUILDORCH_HOME to another "
        "folder"
    )


def _in_our_words(error: sqlite3.Error, path: Path) -> StoreError:
    # The low byte is the primary code, whatever detail the extended one adds.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _DAMAGED or code == _CUT_SHORT or "decode to UTF-8" in str(error):
        return damaged(path, str(error))
    if primary in _LOCKED:
        return StoreUnwritable(
            f"{path} is locked by another program; find it with `fuser {path}`, close it, and "
            "try again"
        )
    if primary in _FULL:
        return StoreUnwritable(
            f"no space for another event in {path} ({_numbers(path)}); free some space there"
        )
    if isinstance(error, sqlite3.OperationalError):
        return _unwritable(path, str(error))
    return StoreError(f"the run history {path} refused what was asked of it: {error}")


def _unwritable(path: Path, why: str) -> StoreUnwritable:
    return StoreUnwritable(
        f"{path} cannot be written or read: {why} ({_numbers(path)}); repair that folder, or set "
        "BUILDORCH_HOME to a folder on a local disk that you can write"
    )


def _numbers(path: Path) -> str:
    try:
        disk = os.statvfs(path.parent)
        size = path.stat().st_size
    except OSError:
        return "size unknown"
    return f"{disk.f_bavail * disk.f_frsize:,} bytes free, {size:,} bytes used by the database"
