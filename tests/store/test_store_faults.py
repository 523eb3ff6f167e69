"""Laws of a database that is damaged, locked, full, newer or older."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.store_samples import AT, RUN, created, fact, run_done, stage_done

from buildorch.errors import StoreDamaged, StoreError, StoreTooNew, StoreUnwritable
from buildorch.events import Event
from buildorch.store import opening
from buildorch.store.database import Store

#: A file is damaged anew for each example.
EACH_TIME = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """A database with one run of 200 events, closed, so that all is in the one file."""
    path = tmp_path / "runs.db"
    with Store(path) as store:
        store.create(RUN, [created()], at=AT)
        store.append(RUN, [fact(number) for number in range(197)], epoch=1, at=AT, durable=True)
        end: list[Event] = [stage_done("image", 1.0), run_done()]
        store.append(RUN, end, epoch=1, at=AT, durable=True)
        store.order(RUN, "cancel", {"by": "mina"}, at=AT)
    return path


def read_all(path: Path) -> None:
    with Store(path) as store:
        store.read(RUN)
        store.runs()
        store.orders(RUN)
        store.durations("full-build", "image")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock as another program would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@EACH_TIME
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_damaged(path: Path, tmp_path: Path, share: float) -> None:
    """Cut anywhere, also to nothing, the history is never silently shorter or new."""
    content = path.read_bytes()
    cut = tmp_path / "cut.db"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(StoreDamaged, match=r"remote builds go on.*cut\.db.*move .* aside"):
        read_all(cut)


def test_an_empty_file_is_no_new_history(tmp_path: Path) -> None:
    """A file that lost all its bytes is told as such, and left for a backup to replace."""
    path = tmp_path / "runs.db"
    path.touch()
    with pytest.raises(StoreDamaged, match="the file is empty"):
        Store(path)
    assert path.stat().st_size == 0


@EACH_TIME
@given(garbage=st.binary(min_size=1, max_size=5000))
def test_a_file_of_garbage_is_damaged(tmp_path: Path, garbage: bytes) -> None:
    """A file that never was a database is not overwritten."""
    path = tmp_path / "garbage.db"
    path.write_bytes(garbage)
    with pytest.raises(StoreDamaged):
        read_all(path)
    assert garbage == path.read_bytes()


@EACH_TIME
@given(
    spots=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)),
        min_size=1,
        max_size=5,
    )
)
def test_garbage_inside_never_raises_a_foreign_exception(
    path: Path, tmp_path: Path, spots: list[tuple[float, bytes]]
) -> None:
    """Whatever bytes stand in the file, reading gives values or an error of ours."""
    content = bytearray(path.read_bytes())
    for share, garbage in spots:
        place = int(len(content) * share)
        content[place : place + len(garbage)] = garbage
    broken = tmp_path / "broken.db"
    for leftover in tmp_path.glob("broken.db*"):
        leftover.unlink()
    broken.write_bytes(content)
    with contextlib.suppress(StoreError):
        read_all(broken)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A SQLite file that is not ours is left alone."""
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")
    with pytest.raises(StoreDamaged, match="another program's database"):
        Store(path)


def test_missing_events_are_noticed(path: Path) -> None:
    """A gap is damage, at the end too: nothing is replayed from half of the facts."""
    for seq in (100, 200):
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("DELETE FROM events WHERE seq = ?", (seq,))
        with Store(path) as store, pytest.raises(StoreDamaged, match=f"events of run {RUN}"):
            store.read(RUN)


def test_a_lock_that_stays_is_named(path: Path) -> None:
    """A writer waits a bounded time for another program, then says who to look for."""
    with Store(path, patience=0.1) as store, locked(path):
        assert len(store.read(RUN)) == 200
        started = time.monotonic()
        with pytest.raises(StoreUnwritable, match=r"locked by another program.*fuser"):
            store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)
        assert time.monotonic() - started < 5


def test_a_lock_that_goes_is_waited_for(path: Path) -> None:
    """A writer goes on by itself once the other program is done."""
    script = (
        "import sqlite3, sys, time\n"
        "other = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "other.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "time.sleep(0.3)\n"
        "other.execute('ROLLBACK')\n"
        "other.close()\n"
    )
    with Store(path, patience=20) as store, _running(script, path) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)[0].seq == 201


def test_a_full_disk_is_told_with_numbers_and_forgotten_when_there_is_room(path: Path) -> None:
    """Nothing of a commit without room is stored; with room the next one follows without a gap."""
    with Store(path) as store:
        connection = store._transactions._connection
        connection.execute("PRAGMA max_page_count = 1")  # no less than what there is
        big = [fact(number) for number in range(2000)]
        with pytest.raises(StoreUnwritable, match=r"no space.*[\d,]+ bytes free"):
            store.append(RUN, big, epoch=1, at=AT, durable=True)
        assert len(store.read(RUN)) == 200
        connection.execute("PRAGMA max_page_count = 1000000")
        assert store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)[0].seq == 201


def test_a_write_that_the_system_refuses_is_told_with_numbers(path: Path) -> None:
    """A write that fails in the middle (here: the file size limit) leaves what was there before."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from store.store_samples import AT, RUN, fact\n"
        "from buildorch.errors import StoreUnwritable\n"
        "from buildorch.store.database import Store\n"
        "with Store(Path(sys.argv[1])) as store:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, -1))\n"
        "    try:\n"
        "        store.append(RUN, [fact(1)] * 5000, epoch=1, at=AT, durable=True)\n"
        "    except StoreUnwritable as error:\n"
        "        print(error)\n"
    )
    with _running(script, path) as child:
        told, _ = child.communicate(timeout=30)
    assert "bytes free" in told
    with Store(path) as store:
        assert len(store.read(RUN)) == 200


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Where no database can be made the error names the variable that chooses another folder."""
    with pytest.raises(StoreUnwritable, match="BUILDORCH_HOME"):
        Store(tmp_path / "missing" / "runs.db")
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnwritable, match="BUILDORCH_HOME"):
        Store(tmp_path / "file" / "runs.db")


def test_a_newer_database_is_read_and_never_written(path: Path) -> None:
    """What a newer buildorch wrote can be read as long as it means the same, not changed."""
    with Store(path) as early:
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA user_version={opening.SCHEMA_VERSION + 1}")
        for store in (early, Store(path)):
            assert len(store.read(RUN)) == 200
            with pytest.raises(StoreTooNew, match="upgrade buildorch"):
                store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)
            with pytest.raises(StoreTooNew):
                store.order(RUN, "cancel", at=AT)
            store.close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM events").fetchone() == (200,)


def test_a_newer_database_of_another_shape_says_that_it_is_newer(path: Path) -> None:
    """A column that is gone is no damage: the error says what to upgrade."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE events RENAME COLUMN fields TO body")
        other.execute(f"PRAGMA user_version={opening.SCHEMA_VERSION + 1}")
    with Store(path) as store, pytest.raises(StoreTooNew, match="newer buildorch"):
        store.read(RUN)


def test_a_newer_event_is_refused_and_the_list_still_read(path: Path) -> None:
    """An event of a newer version is not guessed at."""
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE events SET version = 99 WHERE seq = 7")
    with Store(path) as store:
        with pytest.raises(StoreTooNew):
            store.read(RUN)
        assert len(store.read(RUN, after=7)) == 193
        assert len(store.runs()) == 1


@pytest.mark.parametrize("statement", ["CREATE TABLE extra (a)", "NOT EVEN SQL"])
def test_an_older_database_is_backed_up_before_it_changes(path: Path, statement: str) -> None:
    """The upgrade happens as a whole or not at all, and the older file is kept either way."""
    older = opening.SCHEMA_VERSION - 1
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version={older}")
    migrations = {older: ["CREATE TABLE first (a)", statement]}
    good = statement.startswith("CREATE")
    with contextlib.nullcontext() if good else pytest.raises(StoreUnwritable):
        opening.open_database(path, patience=1, migrations=migrations).close()
    backup = path.with_name(f"runs.db.v{older}.backup")
    assert _tables(backup).isdisjoint({"first", "extra"})
    assert _tables(path).issuperset({"first", "extra"}) is good
    assert ("first" in _tables(path)) is good
    for file, version in ((backup, older), (path, opening.SCHEMA_VERSION if good else older)):
        with contextlib.closing(sqlite3.connect(file)) as other:
            assert other.execute("PRAGMA user_version").fetchone() == (version,)
            assert other.execute("SELECT count(*) FROM events").fetchone() == (200,)


def test_every_older_schema_has_a_migration() -> None:
    """Whatever was ever released can be upgraded."""
    assert set(range(1, opening.SCHEMA_VERSION)) == set(opening.MIGRATIONS)


def test_a_stored_text_that_is_no_json_is_damage(path: Path) -> None:
    """The error names the file and the event."""
    for text in ("{", json.dumps([1]), "{}", "[" * 100_000):
        with contextlib.closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE events SET fields = ? WHERE seq = 3", (text,))
        with Store(path) as store, pytest.raises(StoreDamaged, match=r"runs\.db.*event 3 of run"):
            store.read(RUN)


@contextlib.contextmanager
def _running(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, str(path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            yield child
        finally:
            child.kill()


def _tables(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as other:
        return {name for (name,) in other.execute("SELECT name FROM sqlite_schema")}
