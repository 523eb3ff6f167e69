"""One connection behind one lock: what threads share, and what a commit promises."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from buildorch.store.faults import too_new, translated
from buildorch.store.opening import SCHEMA_VERSION, open_database, schema_version


class Transactions:
    """A database that takes one reader or writer of this process at a time.

    Args:
        path: The database's file; made where it is not there yet.
        patience: Seconds to wait for a lock that another program holds.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self.path = path
        self._connection = open_database(path, patience=patience)
        self._lock = threading.Lock()
        self._durable: bool | None = None

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock, translated(self.path):
            self._connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for statements that change nothing and see one moment's state."""
        with self._lock, translated(self.path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            except sqlite3.OperationalError:
                # A newer schema need not have the columns that we ask for.
                self._refuse_newer()
                raise
            finally:
                self._leave()

    @contextlib.contextmanager
    def writing(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction that is committed on leaving, or undone.

        Args:
            durable: Whether the commit waits until the disk has it.
        """
        with self._lock, translated(self.path):
            self._synchronise(durable=durable)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._refuse_newer()
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                self._leave()

    def _leave(self) -> None:
        """Undo what was not committed; a full disk can have done so already."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _synchronise(self, *, durable: bool) -> None:
        """Choose between a commit that waits for the disk and one that a power cut can undo."""
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _refuse_newer(self) -> None:
        # Asked each time: a newer buildorch may have upgraded the file while we had it open.
        version = schema_version(self._connection)
        if version > SCHEMA_VERSION:
            raise too_new(self.path, version, SCHEMA_VERSION)
