"""What the run list and the ETA read: rows derived from events, in the same transaction.

Owns the SQL that keeps `runs` and `durations` equal to what the events say.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping

from buildorch.events import CancelRequested, Recorded, RunCreated, RunFinished, StageFinished
from buildorch.model import JSON, StageStatus
from buildorch.store.ids import short_name


def params_digest(params: Mapping[str, JSON]) -> str:
    """Return a text that is the same for the same parameters; empty where there are none.

    Example:
        >>> params_digest({"a": 1, "b": 2}) == params_digest({"b": 2, "a": 1})
        True
    """
    if not params:
        return ""
    text = json.dumps(params, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def project(connection: sqlite3.Connection, recorded: Recorded) -> None:
    """Bring the projections up to *recorded*, within the caller's transaction."""
    event = recorded.event
    if isinstance(event, RunCreated):
        _created(connection, recorded, event)
    elif isinstance(event, StageFinished):
        _stage_finished(connection, recorded, event)
    elif isinstance(event, CancelRequested):
        connection.execute("UPDATE runs SET cancelled = 1 WHERE run = ?", (recorded.run,))
    elif isinstance(event, RunFinished):
        connection.execute(
            "UPDATE runs SET status = ?, finished = ? WHERE run = ?",
            (event.status.value, recorded.at, recorded.run),
        )


def _created(connection: sqlite3.Connection, recorded: Recorded, event: RunCreated) -> None:
    day = recorded.run[:8]
    number = (
        1
        + connection.execute(
            "SELECT coalesce(max(number), 0) FROM runs WHERE day = ?", (day,)
        ).fetchone()[0]
    )
    short = short_name(recorded.run, number)
    # The same day of an earlier year: that run is called by its id from now on.
    connection.execute("UPDATE runs SET short = run WHERE short = ?", (short,))
    connection.execute(
        "INSERT INTO runs"
        " (run, day, number, short, pipeline, parent, by, results, created, total, params)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            recorded.run,
            day,
            number,
            short,
            event.pipeline,
            event.parent,
            event.by.encode("utf-8", "replace").decode(),
            os.fsencode(event.results),  # a path may hold bytes that are no text
            recorded.at,
            len(event.plan.get("stages", ())),
            params_digest(event.params),
        ),
    )


def _stage_finished(
    connection: sqlite3.Connection, recorded: Recorded, event: StageFinished
) -> None:
    connection.execute("UPDATE runs SET done = done + 1 WHERE run = ?", (recorded.run,))
    if event.status is StageStatus.SUCCEEDED and event.seconds is not None:
        connection.execute(
            "INSERT INTO durations (pipeline, stage, server, at, seconds, params)"
            " SELECT pipeline, ?, ?, ?, ?, params FROM runs WHERE run = ?",
            (event.stage, event.server or "", recorded.at, event.seconds, recorded.run),
        )
