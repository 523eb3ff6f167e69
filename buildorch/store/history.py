"""Looking at the run history: lists of runs, what stages took, what earlier runs came to."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from buildorch.errors import RunNotFound
from buildorch.store import rows
from buildorch.store.rows import Duration, RunRow
from buildorch.store.transactions import Transactions


class History:
    """What can be asked of the database of all runs.

    Args:
        path: `Places.database`; made where it is not there yet.
        patience: Seconds to wait for another program's lock on it.
    """

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self.path = path
        self._transactions = Transactions(path, patience)

    def runs(self, limit: int = 50, pipeline: str | None = None) -> list[RunRow]:
        """Return the newest runs, the newest first.

        Args:
            limit: How many at most.
            pipeline: Only runs of this pipeline.
        """
        with self._transactions.reading() as connection:
            found = connection.execute(
                f"SELECT {rows.RUN_COLUMNS} FROM runs"  # noqa: S608 - our own constant
                " WHERE :pipeline IS NULL OR pipeline = :pipeline"
                " ORDER BY created DESC, rowid DESC LIMIT :limit",
                {"pipeline": pipeline, "limit": limit},
            ).fetchall()
        return [rows.run_of(row, self.path) for row in found]

    def run(self, run: str) -> RunRow:
        """Return the row of the run with the id *run*; `RunNotFound` where there is none."""
        with self._transactions.reading() as connection:
            return self._known(connection, run)

    def durations(
        self, pipeline: str, stage: str, server: str | None = None, limit: int = 20
    ) -> list[float]:
        """Return how long the stage took when it succeeded, in seconds, the latest last.

        Args:
            pipeline: Name of the pipeline.
            stage: Name of the stage.
            server: Only on this server.
            limit: How many at most, the latest ones.
        """
        with self._transactions.reading() as connection:
            found = connection.execute(
                "SELECT seconds FROM durations WHERE pipeline = :pipeline AND stage = :stage"
                " AND (:server IS NULL OR server = :server)"
                " ORDER BY at DESC, rowid DESC LIMIT :limit",
                {"pipeline": pipeline, "stage": stage, "server": server, "limit": limit},
            ).fetchall()
        return [rows.duration_of(row, self.path) for row in reversed(found)]

    def past(self, pipeline: str, stage: str, limit: int = 100) -> list[Duration]:
        """Return how long the stage took when it succeeded, where and with what, the latest first.

        Args:
            pipeline: Name of the pipeline.
            stage: Name of the stage.
            limit: How many at most.
        """
        with self._transactions.reading() as connection:
            found = connection.execute(
                "SELECT seconds, server, params FROM durations WHERE pipeline = ? AND stage = ?"
                " ORDER BY at DESC, rowid DESC LIMIT ?",
                (pipeline, stage, limit),
            ).fetchall()
        return [
            Duration(rows.duration_of(row, self.path), str(row[1]), str(row[2])) for row in found
        ]

    def like(self, run: str, limit: int = 20) -> list[RunRow]:
        """Return runs of the same pipeline with the same parameters, the latest end first.

        Only those that succeeded or failed: a cancelled run says nothing of the build.

        Args:
            run: Id of the run.
            limit: How many at most.
        """
        columns = ", ".join(f"other.{name.strip()}" for name in rows.RUN_COLUMNS.split(","))
        with self._transactions.reading() as connection:
            found = connection.execute(
                f"SELECT {columns} FROM runs AS this JOIN runs AS other"  # noqa: S608 - our own constant
                " ON other.pipeline = this.pipeline AND other.params = this.params"
                " WHERE this.run = ? AND other.run != this.run"
                " AND other.status IN ('succeeded', 'failed')"
                " ORDER BY other.finished DESC, other.rowid DESC LIMIT ?",
                (run, limit),
            ).fetchall()
        return [rows.run_of(row, self.path) for row in found]

    def _row(self, connection: sqlite3.Connection, run: str) -> RunRow | None:
        row = connection.execute(
            f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE run = ?",  # noqa: S608 - our own constant
            (run,),
        ).fetchone()
        return None if row is None else rows.run_of(row, self.path)

    def _known(self, connection: sqlite3.Connection, run: str) -> RunRow:
        row = self._row(connection, run)
        if row is None:
            raise RunNotFound(f"no run is called {run!r}; `buildorch history` lists all")
        return row
