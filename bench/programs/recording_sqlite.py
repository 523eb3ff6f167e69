"""SQLite alone, with the same rows, turns and durability: `recording_sqlite.py EVENTS TURN`."""

from __future__ import annotations

import json
import sqlite3
import sys
import time

FIELDS = json.dumps(
    {"stage": "stage-1000", "attempt": 1, "step": 1, "digest": "a" * 64, "job": "x"}
)


def main() -> None:
    """Print what storing the rows took."""
    count, turn = map(int, sys.argv[1:])
    connection = sqlite3.connect("runs.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE events (run TEXT, seq INTEGER, at REAL, epoch INTEGER, version INTEGER,"
        " kind TEXT, fields TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID"
    )
    rows = [
        ("20260714-093012-4fa2c1", seq, 1.0, 1, 1, "step_launching", FIELDS) for seq in range(count)
    ]
    begun = time.perf_counter()
    for start in range(0, count, turn):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO events VALUES (?,?,?,?,?,?,?)", rows[start : start + turn]
        )
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    (done,) = connection.execute("SELECT count(*) FROM events").fetchone()
    print(json.dumps({"seconds": seconds, "asked": count, "done": done}))


main()
