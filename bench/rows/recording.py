"""The run history: events recorded, and a large run that goes on."""

from __future__ import annotations

import sqlite3

from bench.bench import Bench
from bench.row import OURS, Contender, Row, Sample
from bench.targets import all_of, at_most, none_lost

_EVENTS, _STAGES = 10_000, 10_000

#: Events of one turn of a controller that is busy, less busy, and not busy at all.
_TURNS = (100, 10, 1)


def rows() -> list[Row]:
    """Return the rows."""
    return [_record(), _resume()]


def _record() -> Row:
    return Row(
        name="record",
        title=f"{_EVENTS:,} events recorded, durably",
        contenders=tuple(
            contender(turn) for turn in _TURNS for contender in (_recorded, _sqlite_alone)
        ),
        target=all_of(none_lost(), at_most("each_us", 20, "µs an event")),
        columns={"each_us": "µs an event"},
        bar="each_us",
        note=(
            "The events of one turn of the controller are stored in one transaction, and what "
            "follows from them begins once the disk has it. So an event costs least where most "
            "happens at once; of a turn with one event nearly all is the disk's."
        ),
    )


def _recorded(turn: int) -> Contender:
    def run(bench: Bench) -> Sample:
        return bench.program("recording_ours", "record", _EVENTS, turn)

    name = OURS if turn == _TURNS[0] else f"{OURS}, {_many(turn)}"
    return Contender(name, f"recording_ours.py record {_EVENTS} {turn}", run)


def _sqlite_alone(turn: int) -> Contender:
    def run(bench: Bench) -> Sample:
        return bench.program("recording_sqlite", _EVENTS, turn)

    command = f"recording_sqlite.py {_EVENTS} {turn}"
    name = f"SQLite alone, {_many(turn)}"
    return Contender(name, command, run, lambda: sqlite3.sqlite_version)


def _many(turn: int) -> str:
    return f"{turn} in a transaction"


def _resume() -> Row:
    def run(bench: Bench) -> Sample:
        return bench.program("recording_ours", "resume", _STAGES)

    return Row(
        name="resume",
        title=f"Resume of a run with {_STAGES:,} stages, all but ten ended",
        contenders=(Contender(OURS, f"recording_ours.py resume {_STAGES}", run),),
        target=all_of(none_lost(), at_most("seconds", 2, "s until it goes on")),
        columns={"seconds": "seconds until it goes on", "processor_s": "of processor time"},
    )
