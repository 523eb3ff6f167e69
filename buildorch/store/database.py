"""The run history: an append-only log of events for each run, with its projections.

Owns what is stored together. One `Store` is one connection behind one lock: threads may share
it, and each process opens its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Self

from buildorch.errors import RunOwned, StoreError, UsageError
from buildorch.events import Event, Recorded, RunCreated, RunFinished
from buildorch.model import JSON
from buildorch.store import ids, rows
from buildorch.store.faults import damaged
from buildorch.store.history import History
from buildorch.store.projection import project
from buildorch.store.rows import Order, RunRow


class Store(History):
    """The database of all runs of this user on this machine.

    A database of a newer buildorch can be read where its rows still mean the same, never written.

    Args:
        path: `Places.database`; made where it is not there yet.
        patience: Seconds to wait for another program's lock on it.

    Raises:
        StoreDamaged: The file is not whole.
        StoreUnwritable: It cannot be made or upgraded.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as home, Store(Path(home) / "runs.db") as store:
        ...     store.runs()
        []
    """

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._transactions.close()

    def create(
        self, run: str, events: Sequence[Event], *, at: float, epoch: int = 1
    ) -> list[Recorded]:
        """Begin a run, durably.

        Args:
            run: Its new id.
            events: Its first events; the first of all is its `RunCreated`.
            at: Unix time in seconds.
            epoch: Number of the controller.

        Returns:
            The events with their places.

        Raises:
            StoreError: A run has this id already.
            StoreUnwritable: The disk is full, or another program keeps the database locked.
        """
        if not events or not isinstance(events[0], RunCreated):
            raise UsageError(f"the first event of run {run} has to be its RunCreated")
        recorded = _numbered(run, 1, events, epoch=epoch, at=at)
        with self._transactions.writing(durable=True) as connection:
            if self._row(connection, run):
                raise StoreError(f"run {run} is already in {self.path}; take a new id")
            _insert(connection, recorded)
        return recorded

    def append(
        self,
        run: str,
        events: Sequence[Event],
        *,
        epoch: int,
        at: float,
        durable: bool,
        answers: Sequence[Order] = (),
    ) -> list[Recorded]:
        """Store events, all or none, together with what follows from them.

        Args:
            run: Id of the run.
            events: Facts in their order; may be empty where only orders are answered.
            epoch: Number of the controller; one that was replaced is refused.
            at: Unix time in seconds.
            durable: Whether they survive a power cut on return; a killed process loses none.
            answers: Orders that these events answer; they are gone with the same commit.

        Returns:
            The events with their places.

        Raises:
            RunNotFound: There is no such run.
            RunOwned: A controller with a higher epoch has stored events.
            StoreTooNew: The database belongs to a newer buildorch.
            StoreUnwritable: The disk is full, or another program keeps the database locked.
            StoreError: The run has its `RunFinished` already, and another one was given.
        """
        with self._transactions.writing(durable=durable) as connection:
            row = self._known(connection, run)
            _refuse_late(row, events, epoch)
            recorded = _numbered(run, row.seq + 1, events, epoch=epoch, at=at)
            _insert(connection, recorded)
            connection.executemany(
                "DELETE FROM orders WHERE id = ?", [(order.id,) for order in answers]
            )
        return recorded

    def read(self, run: str, after: int = 0) -> list[Recorded]:
        """Return the events of *run* whose number is above *after*, in their order.

        Raises:
            RunNotFound: There is no such run.
            StoreTooNew: A newer buildorch stored some of them.
            StoreDamaged: Some cannot be read, or are missing.
        """
        with self._transactions.reading() as connection:
            last = self._known(connection, run).seq
            found = connection.execute(
                f"SELECT {rows.EVENT_COLUMNS} FROM events"  # noqa: S608 - our own constant
                " WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq",
                (run, after, last),
            ).fetchall()
        recorded = [rows.event_of(row, self.path) for row in found]
        expected = range(after + 1, last + 1)
        # Lengths first: a damaged number can be of any size.
        if len(recorded) != len(expected) or any(
            item.seq != number for item, number in zip(recorded, expected, strict=True)
        ):
            raise damaged(self.path, f"events of run {run} are missing")
        return recorded

    def find(self, text: str) -> str:
        """Return the id of the run that *text* names: see `ids.resolve`.

        Raises:
            RunNotFound: None or several are named so.
        """
        with self._transactions.reading() as connection:
            known = connection.execute(
                # Whatever stands there: SQLite keeps what it is given.
                "SELECT CAST(coalesce(run, '') AS TEXT), CAST(short AS TEXT)"
                " FROM runs ORDER BY created, rowid"
            )
            return ids.resolve(text, dict(known.fetchall()))

    def order(self, run: str, kind: str, payload: JSON = None, *, at: float) -> int:
        """Leave an order for the controller of *run*, durably; `control.poke` wakes it.

        Args:
            run: Id of the run.
            kind: `cancel`, `approve`, `move`, ...
            payload: What the kind needs.
            at: Unix time in seconds.

        Returns:
            The order's number.

        Raises:
            RunNotFound: There is no such run.
            StoreUnwritable: The disk is full, or another program keeps the database locked.
        """
        text = rows.to_text(payload)
        with self._transactions.writing(durable=True) as connection:
            self._known(connection, run)
            added = connection.execute(
                "INSERT INTO orders (run, at, kind, payload) VALUES (?, ?, ?, ?)",
                (run, at, kind, text),
            )
            return int(added.lastrowid or 0)

    def orders(self, run: str) -> list[Order]:
        """Return the orders for *run* that no append has answered, the oldest first.

        They stay until then, so a controller that dies in between loses none.
        """
        with self._transactions.reading() as connection:
            found = connection.execute(
                f"SELECT {rows.ORDER_COLUMNS} FROM orders WHERE run = ? ORDER BY id",  # noqa: S608 - our own constant
                (run,),
            ).fetchall()
        return [rows.order_of(row, self.path) for row in found]

    def forget(self, run: str) -> None:
        """Remove a finished run with its events; durations stay for later estimates.

        Raises:
            RunNotFound: There is no such run.
            UsageError: It has not finished.
        """
        with self._transactions.writing(durable=False) as connection:
            if self._known(connection, run).status is None:
                raise UsageError(
                    f"run {run} has not finished; end it with `buildorch cancel {run}` first"
                )
            for table in ("events", "orders", "runs"):
                connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608 - our own constants

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _numbered(
    run: str, first: int, events: Sequence[Event], *, epoch: int, at: float
) -> list[Recorded]:
    return [
        Recorded(run=run, seq=seq, at=at, epoch=epoch, event=event)
        for seq, event in enumerate(events, first)
    ]


def _refuse_late(row: RunRow, events: Sequence[Event], epoch: int) -> None:
    """Raise where a controller stores for a run that another took over, or ends it again."""
    if epoch < row.epoch:
        raise RunOwned(
            f"run {row.run} was taken over by controller {row.epoch}; this one, {epoch}, stores "
            f"nothing more; watch the run with `buildorch status {row.run}`"
        )
    if row.status and any(isinstance(event, RunFinished) for event in events):
        raise StoreError(
            f"run {row.run} has ended before as {row.status}; `buildorch retry {row.run}` begins "
            "a new one"
        )


def _insert(connection: sqlite3.Connection, recorded: Sequence[Recorded]) -> None:
    """Add events and what follows from them, within the caller's transaction."""
    connection.executemany(
        f"INSERT INTO events ({rows.EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own constant
        map(rows.event_row, recorded),
    )
    for item in recorded:
        project(connection, item)
    for last in recorded[-1:]:
        connection.execute(
            "UPDATE runs SET seq = ?, epoch = ? WHERE run = ?", (last.seq, last.epoch, last.run)
        )
