"""Laws of what earlier runs say: those of the same kind first, and nothing where none are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from observers.story import Story, full_build

from buildorch import events
from buildorch.estimate import Usual
from buildorch.events import Event
from buildorch.messages import Before
from buildorch.model import JSON, RunStatus, StageStatus
from buildorch.past import background, usual_times
from buildorch.store.codec import plan_to_dict
from buildorch.store.database import Store
from buildorch.view import RunView

_PLAN = full_build()
_NOW = "0714-2"
_A, _B = {"module": "vam"}, {"module": "dpm"}


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as store:
        yield store


def _run(
    store: Store,
    number: int,
    seconds: float | None = None,
    *,
    params: Mapping[str, JSON] = _A,
    server: str = "yocto-builder",
    status: RunStatus = RunStatus.SUCCEEDED,
    failed: str | None = None,
    parent: str | None = None,
) -> str:
    """Store one run of the pipeline, which took *seconds* for its first stage."""
    run = f"2026071{number // 10}-0930{number:02}-4fa2c1"
    made: list[Event] = [
        events.RunCreated(
            pipeline=_PLAN.name,
            plan=plan_to_dict(_PLAN),
            nonce="0",
            results="/r",
            by="me",
            params=params,
            parent=parent,
        )
    ]
    if seconds is not None:
        good = StageStatus.SUCCEEDED
        made.append(
            events.StageFinished(stage="yocto-image", status=good, server=server, seconds=seconds)
        )
    if failed is not None:
        bad = StageStatus.FAILED
        made.append(events.StageFinished(stage="host-build", status=bad, alert=failed))
    store.create(run, made, at=1000.0 * number)
    end = events.RunFinished(status=status, seconds=1.0, results="/r")
    store.append(run, [end], epoch=1, at=1000.0 * number + (seconds or 1.0), durable=False)
    return run


def _now(store: Store, params: Mapping[str, JSON] = _A) -> RunView:
    """Begin the run that is asked about."""
    story = Story(_PLAN, params=params)
    store.create(_NOW, [story.records[0].event], at=1e6)
    return story.seen


def _usual(store: Store, params: Mapping[str, JSON] = _A) -> Usual | None:
    return usual_times(store, Story(_PLAN, params=params).seen).get("yocto-image")


def test_what_was_built_counts_more_than_where(store: Store) -> None:
    """Same parameters and server, else same parameters, else same server, else anything."""
    assert _usual(store) is None
    _run(store, 1, 10.0, params=_B, server="h9")
    assert _usual(store) == Usual(10.0)
    _run(store, 2, 20.0, params=_B)
    assert _usual(store) == Usual(20.0)
    _run(store, 3, 30.0, server="h9")
    assert _usual(store) == Usual(30.0)
    _run(store, 4, 40.0)
    assert _usual(store) == Usual(40.0)
    _run(store, 5, 60.0)
    assert _usual(store) == Usual(50.0, 5.0)


def test_only_the_latest_times_count(store: Store) -> None:
    """What a build took long ago says little of what it takes now."""
    for number in range(1, 41):
        _run(store, number, 100.0 if number <= 20 else 10.0)
    assert _usual(store) == Usual(10.0, 0.0)


def test_a_run_usually_takes_what_whole_successes_took(store: Store) -> None:
    """Neither failures, nor retries, nor other parameters say how long a run takes."""
    _run(store, 1, 100.0)
    _run(store, 2, 1.0, status=RunStatus.FAILED)
    _run(store, 3, 2.0, parent="x")
    _run(store, 4, 3.0, params=_B)
    found = background(store, _now(store))
    assert found.usual == 100.0
    assert found.due
    assert found.run.startswith("0714-")


@pytest.mark.parametrize(
    ("later", "known"),
    [
        ({}, True),
        ({"status": RunStatus.CANCELLED}, True),  # says nothing of the build
        ({"params": _B}, True),
        ({"status": RunStatus.SUCCEEDED}, False),
    ],
)
def test_the_last_run_of_the_kind_is_what_a_success_fixes(
    store: Store, later: Mapping[str, RunStatus], *, known: bool
) -> None:
    """It is told once: after one success the last run is that."""
    broken = _run(store, 1, failed="CMake error in x\nplace", status=RunStatus.FAILED)
    if later:
        _run(store, 2, **later)  # type: ignore[arg-type] # fields of `_run`
    before = background(store, _now(store)).before()
    short = store.run(broken).short
    assert before == (Before(short, {"host-build": "CMake error in x"}) if known else None)


def test_an_older_history_is_kept(tmp_path: Path) -> None:
    """Times that were stored without parameters still say what a stage usually takes."""
    path = tmp_path / "old.db"
    with Store(path) as store:
        _run(store, 1, 40.0, params={})
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in ("runs", "durations"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN params")
        connection.execute("PRAGMA user_version=1")
    with Store(path) as store:
        assert _usual(store) == Usual(40.0)
        _run(store, 2, 50.0)
        assert _usual(store) == Usual(50.0)
        assert len(store.runs()) == 2
