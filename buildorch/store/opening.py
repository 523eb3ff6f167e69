"""Opens the database: makes a new one, upgrades an older one, refuses one that is not whole.

Owns the schema and its versions.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from buildorch.store.faults import damaged, translated

#: Version of the schema, in the database's `user_version`.
SCHEMA_VERSION = 2

#: Tells our databases from others: "bldo".
APPLICATION_ID = 0x626C646F

#: For each older version the statements that lead to the next one.
MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        "ALTER TABLE runs ADD COLUMN params TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE durations ADD COLUMN params TEXT NOT NULL DEFAULT ''",
    ),
}

# The two partial indexes keep "exactly once" for the events that begin and end a run.
SCHEMA = """
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    number INTEGER NOT NULL,
    short TEXT NOT NULL UNIQUE,
    pipeline TEXT NOT NULL,
    parent TEXT,
    by TEXT NOT NULL,
    results BLOB NOT NULL,
    created REAL NOT NULL,
    finished REAL,
    status TEXT,
    cancelled INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    params TEXT NOT NULL DEFAULT '',
    UNIQUE (day, number)
);
CREATE INDEX runs_created ON runs (created);
CREATE TABLE events (
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_begin ON events (run) WHERE kind = 'run_created';
CREATE UNIQUE INDEX events_end ON events (run) WHERE kind = 'run_finished';
CREATE TABLE durations (
    pipeline TEXT NOT NULL,
    stage TEXT NOT NULL,
    server TEXT NOT NULL,
    at REAL NOT NULL,
    seconds REAL NOT NULL,
    params TEXT NOT NULL DEFAULT ''
);
CREATE INDEX durations_stage ON durations (pipeline, stage, at);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX orders_run ON orders (run);
"""


def open_database(
    path: Path, *, patience: float, migrations: Mapping[int, Sequence[str]] = MIGRATIONS
) -> sqlite3.Connection:
    """Return a connection to the database at *path*, made or upgraded where needed.

    Args:
        path: The file; its folder exists.
        patience: Seconds to wait for a lock that another program holds.
        migrations: The upgrades, by the version that they start from.

    Returns:
        A connection without implicit transactions, for any one thread at a time.

    Raises:
        StoreDamaged: The file is not whole, or no database of ours.
        StoreUnwritable: It cannot be made, read or upgraded.
    """
    with translated(path):
        if not path.exists():
            _make(path)
        if path.stat().st_size == 0:
            raise damaged(path, "the file is empty")
        connection = _connect(path, patience)
        with _closed_on_error(connection):
            _prepare(connection, path, migrations)
    return connection


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the database's schema as it is now: others may upgrade it."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    # mode=rw: a file that vanished in between is an error, not a new empty history.
    return sqlite3.connect(
        f"file:{urllib.parse.quote(os.fsencode(path))}?mode=rw",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


def _make(path: Path) -> None:
    """Make the database whole under another name, so that nobody ever meets half of one."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", suffix=".db", dir=path.parent)
    os.close(descriptor)
    try:
        _fill(Path(name))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
        _sync_folder(path.parent)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(name + suffix).unlink(missing_ok=True)


def _fill(path: Path) -> None:
    with contextlib.closing(_connect(path, 0)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prepare(
    connection: sqlite3.Connection, path: Path, migrations: Mapping[int, Sequence[str]]
) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise damaged(path, "it is another program's database")
    # Reads the schema: a file that was cut short is found here.
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    version = schema_version(connection)
    if version < SCHEMA_VERSION:
        if version not in migrations:
            raise damaged(path, f"its schema has the version {version}, which never was")
        _back_up(connection, path.with_name(f"{path.name}.v{version}.backup"))
        _migrate(connection, migrations)


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)
    partial.replace(target)


def _migrate(connection: sqlite3.Connection, migrations: Mapping[int, Sequence[str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker: the version counts that we see under the lock.
        for version in range(schema_version(connection), SCHEMA_VERSION):
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={version + 1}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
