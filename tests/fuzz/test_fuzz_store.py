"""What stands in the database, whatever it is: the right value, or one of our errors."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from runner.bench import Bench, a_stage
from store.store_samples import AT, EVENTS, PLAN, RUN, created, fact, run_done, stage_done

from buildorch import Pipeline, Retry, api
from buildorch.errors import BuildorchError, StoreError, StoreTooNew
from buildorch.events import KINDS, VERSION, Event, Recorded, StepLaunching
from buildorch.store import codec, rows
from buildorch.store.database import Store
from buildorch.testing import FakeBackend, Script

_AGAIN = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_FEWER = settings(_AGAIN, max_examples=max(30, settings().max_examples // 3))

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["image", "exit", "signal", "succeeded", "cancelled", "1", "", "\udcff"]),
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@_AGAIN
@given(EVENTS, st.data())
def test_a_damaged_event_is_an_error_of_ours(event: Event, data: st.DataObject) -> None:
    """A field that is gone, too many or of any other value: the event, or our error."""
    fields = codec.event_to_fields(event)
    name = data.draw(st.sampled_from([*fields, "another"]))
    fields[name] = data.draw(_JSON)
    if data.draw(st.booleans()):
        del fields[data.draw(st.sampled_from(list(fields)))]
    with contextlib.suppress(StoreError):
        read = codec.event_from_fields(event.kind, fields)
        assert (
            codec.event_to_fields(read).items()
            >= {
                name: value for name, value in fields.items() if name not in ("end", "value")
            }.items()
        )


@_AGAIN
@given(st.sampled_from(sorted(KINDS)) | st.text(max_size=9), _JSON, st.integers() | _SCALARS)
@example("cancel_requested", {"by": "mina"}, 0)
@example("cancel_requested", {"by": "mina"}, -1)
@example("cancel_requested", {"by": "mina"}, None)
def test_any_kind_and_version_is_an_error_of_ours(kind: str, fields: Any, version: Any) -> None:
    """Only kinds and versions that there were are read."""
    with contextlib.suppress(StoreError):
        codec.event_from_fields(kind, fields, version)
        assert kind in KINDS
        assert version == VERSION


@_AGAIN
@given(st.data())
def test_a_damaged_plan_is_an_error_of_ours(data: st.DataObject) -> None:
    """A value anywhere in a stored plan is replaced by another: a plan, or our error."""
    stored = json.loads(rows.to_text(codec.plan_to_dict(PLAN)))
    place: Any = stored
    while True:
        key = data.draw(st.sampled_from(range(len(place)) if isinstance(place, list) else [*place]))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(_JSON)
    with contextlib.suppress(StoreError):
        codec.plan_from_dict(stored)


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database with a run of a few events, an order, and a duration."""
    path = tmp_path_factory.mktemp("store") / "runs.db"
    with Store(path) as store:
        store.create(RUN, [created()], at=AT)
        store.append(RUN, [fact(number) for number in range(5)], epoch=1, at=AT, durable=True)
        end: list[Event] = [stage_done("image", 1.0), run_done()]
        store.append(RUN, end, epoch=1, at=AT, durable=True)
        store.order(RUN, "cancel", {"by": "mina"}, at=AT)
    return path


#: Everything that reads or writes a database.
_USES: tuple[Callable[[Store], object], ...] = (
    lambda store: store.read(RUN),
    lambda store: store.read(RUN, 3),
    lambda store: store.runs(),
    lambda store: store.find("last"),
    lambda store: store.find(RUN[:9]),
    lambda store: store.orders(RUN),
    lambda store: store.durations("full-build", "image"),
    lambda store: store.append(RUN, [fact(9)], epoch=1, at=AT, durable=False),
    lambda store: store.order(RUN, "cancel", at=AT),
    lambda store: store.create(f"{RUN}-2", [created()], at=AT),
    lambda store: store.forget(RUN),
)


def _use_all(path: Path) -> None:
    """Use a database in every way: values, or errors of ours."""
    with contextlib.suppress(BuildorchError), Store(path) as store:
        for use in _USES:
            with contextlib.suppress(BuildorchError):
                use(store)


_CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 2, 99]),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["{}", "[]", "[" * 5000, "NaN", "1e999", '"\\ud800"', '{"by": "mina"}', RUN]),
)
_COLUMNS = [
    *(("runs", name) for name in rows.RUN_COLUMNS.split(", ")),
    *(("events", name) for name in rows.EVENT_COLUMNS.split(", ")),
    *(("orders", name) for name in rows.ORDER_COLUMNS.split(", ")),
    *(("durations", name) for name in ("pipeline", "stage", "server", "at", "seconds")),
]


@_FEWER
@given(st.lists(st.tuples(st.sampled_from(_COLUMNS), _CELLS), min_size=1, max_size=3))
@example([(("runs", "seq"), "abc")])
@example([(("runs", "seq"), 1 << 34)])
@example([(("runs", "seq"), (1 << 63) - 1)])
@example([(("runs", "epoch"), b"\xff")])
@example([(("runs", "short"), b"\xff")])
@example([(("runs", "results"), 5)])
@example([(("durations", "seconds"), "abc")])
@example([(("events", "at"), "abc")])
def test_any_cell_is_read_or_an_error_of_ours(
    whole: Path, tmp_path: Path, changes: list[tuple[tuple[str, str], Any]]
) -> None:
    """Whatever a cell of any table holds, each use gives a value or an error of ours."""
    path = tmp_path / "cells.db"
    shutil.copy(whole, path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        for (table, column), value in changes:
            with contextlib.suppress(sqlite3.IntegrityError):
                first = "seq = 2" if table == "events" else "rowid = 1"
                change = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {first}"  # noqa: S608 - ours
                other.execute(change, (value,))
    _use_all(path)


@_FEWER
@given(st.data())
def test_any_bytes_in_the_file_are_read_or_an_error_of_ours(
    whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Bytes of the file are other ones: a value or an error of ours, never one of SQLite's."""
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 200))
        piece = data.draw(st.binary(min_size=1, max_size=40))
        content[place : place + len(piece)] = piece
    path = tmp_path / "bytes.db"
    path.write_bytes(content)
    for more in ("-wal", "-shm"):
        path.with_name(path.name + more).unlink(missing_ok=True)
    _use_all(path)


@pytest.mark.parametrize("number", [-(2**31), -1, 0, 2**31 - 1])
@pytest.mark.parametrize("field", ["user_version", "application_id"])
def test_any_version_in_the_header_is_read_or_an_error_of_ours(
    whole: Path, tmp_path: Path, field: str, number: int
) -> None:
    """The numbers by which a file is known as ours and as old are only bytes of it."""
    path = tmp_path / "header.db"
    shutil.copy(whole, path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA {field}={number}")
    _use_all(path)


def test_a_newer_event_is_told_as_such(whole: Path, tmp_path: Path) -> None:
    """What a newer buildorch stored is never damage: nobody must move such a file aside."""
    path = tmp_path / "newer.db"
    shutil.copy(whole, path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE events SET version = 99, kind = 'later', fields = '{}' WHERE seq = 2")
    with Store(path) as store, pytest.raises(StoreTooNew):
        store.read(RUN)


def _ended(bench: Bench) -> list[Recorded]:
    """Return the events of a run with all that a small one has: a failure, a retry, a chain."""
    flaky = a_stage("a", retry=1)
    result = bench.run(Pipeline("p", flaky >> a_stage("b"), on_failure=Retry(1)))
    assert result.ok
    return list(bench.seen.records)


def _flaky(launched: int = 0) -> FakeBackend:
    """Return a server on which the first job of `a` fails, of which some were launched before."""
    scripts = [Script(b"no\n", code=1), Script(b"yes\n")]
    return FakeBackend({"a": scripts[min(launched, 1) :], "b": [Script(b"b\n")]})


def test_a_run_goes_on_from_every_prefix_of_its_events(tmp_path: Path) -> None:
    """Wherever the events end, replay gives a state and a view, and resuming gives the outcome.

    What is on the server is what a controller that died right there has left: its launches.
    """
    # One results folder: the first event names it.
    whole = Bench(tmp_path / "whole", _flaky())
    recorded = _ended(whole)
    run = recorded[0].run
    jobs = dict(whole.backend.jobs)
    for count in range(1, len(recorded)):
        known, sent = recorded[:count], _launched(recorded[:count])
        bench = Bench(tmp_path / str(count), _flaky(len(sent)))
        bench.backend.jobs.update({ident: jobs[ident] for ident in sent})
        with Store(_home(bench)) as store:
            _store(store, run, known)
        result = api.resume(run, options=bench.options)
        assert ("succeeded", 3) == (result.status, len(bench.backend.jobs)), count


def _launched(known: list[Recorded]) -> list[str]:
    return [item.event.job for item in known if isinstance(item.event, StepLaunching)]


def _home(bench: Bench) -> Path:
    home = bench.folder / "home"
    home.mkdir(parents=True, mode=0o700)
    return home / "runs.db"


def _store(store: Store, run: str, known: list[Recorded]) -> None:
    first, *rest = known
    store.create(run, [first.event], at=first.at)
    for item in rest:
        store.append(run, [item.event], epoch=item.epoch, at=item.at, durable=False)
