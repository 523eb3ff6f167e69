"""Laws of the event log and its projections."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.store_samples import AT, RUN, created, fact, run_done, stage_done

from buildorch.errors import RunNotFound, RunOwned, StoreError, UsageError
from buildorch.events import CancelRequested, Event, Recorded, ValueRecorded
from buildorch.model import RunStatus, StageStatus
from buildorch.store.database import Store


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "runs.db") as store:
        yield store


def begun(store: Store, run: str = RUN) -> None:
    store.create(run, [created()], at=AT)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(sizes=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=8))
def test_numbers_have_no_gaps(tmp_path: Path, sizes: list[tuple[int, bool]]) -> None:
    """However events are grouped into commits, reading gives exactly them, from 1 without gaps."""
    with Store(tmp_path / f"{time.monotonic_ns()}.db") as store:
        expected = store.create(RUN, [created()], at=AT)
        for size, durable in sizes:
            events = [fact(number) for number in range(size)]
            expected += store.append(RUN, events, epoch=1, at=AT + 1, durable=durable)
        assert expected == store.read(RUN)
        assert list(range(1, len(expected) + 1)) == [item.seq for item in expected]
        assert expected[1:] == store.read(RUN, after=1)
        assert store.read(RUN, after=len(expected)) == []


def test_ten_thousand_events_append_well(store: Store) -> None:
    """A day's worth of events goes in, one commit each, and comes out in seconds."""
    begun(store)
    started = time.monotonic()
    for number in range(10_000):
        store.append(RUN, [fact(number)], epoch=1, at=AT, durable=False)
    recorded = store.read(RUN)
    assert list(range(1, 10_002)) == [item.seq for item in recorded]
    assert time.monotonic() - started < 30


def test_what_is_stored_is_seen_by_others_at_once(store: Store) -> None:
    """Another program that has the file open reads each commit as soon as it is made."""
    begun(store)
    with Store(store.path) as viewer:
        for number in range(5):
            written = store.append(RUN, [fact(number)], epoch=1, at=AT, durable=False)
            assert written == viewer.read(RUN, after=written[0].seq - 1)


def test_a_value_that_is_no_json_stores_nothing(store: Store) -> None:
    """A commit with one event that cannot be stored leaves none of it behind."""
    begun(store)
    wrong = ValueRecorded(stage="a", attempt=1, step=1, key="k", value=float("nan"))
    with pytest.raises(UsageError, match="only JSON"):
        store.append(RUN, [fact(1), wrong], epoch=1, at=AT, durable=True)
    assert len(store.read(RUN)) == 1
    assert store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)[0].seq == 2


def test_text_that_is_no_utf8_survives(tmp_path: Path) -> None:
    """A results path with bytes that are no text comes back as it was, also in the list."""
    odd = "/work/caf\udce9/results"
    with Store(tmp_path / "runs.db") as store:
        store.create(RUN, [created(results=odd, by=odd)], at=AT)
        assert odd == store.runs()[0].results
        assert created(results=odd, by=odd) == store.read(RUN)[0].event


def test_durable_is_what_the_disk_is_asked_for(store: Store) -> None:
    """A durable commit waits for the disk (FULL, 2); another does not (NORMAL, 1)."""
    begun(store)
    connection = store._transactions._connection
    for durable, expected in ((True, 2), (False, 1), (False, 1), (True, 2)):
        store.append(RUN, [fact(1)], epoch=1, at=AT, durable=durable)
        assert expected == connection.execute("PRAGMA synchronous").fetchone()[0]


def test_a_run_begins_once_and_with_its_creation(store: Store) -> None:
    """An id is taken once, and nothing comes before `RunCreated`."""
    begun(store)
    with pytest.raises(StoreError, match="take a new id"):
        begun(store)
    with pytest.raises(UsageError, match="RunCreated"):
        store.create("other", [fact(1)], at=AT)
    with pytest.raises(StoreError):
        store.append(RUN, [created()], epoch=1, at=AT, durable=True)
    assert len(store.read(RUN)) == 1


def test_a_run_ends_once(store: Store) -> None:
    """A second `RunFinished` is refused, alone or in one commit with the first; others are not."""
    begun(store)
    with pytest.raises(StoreError):
        store.append(RUN, [run_done(), run_done()], epoch=1, at=AT, durable=True)
    assert store.run(RUN).status is None
    store.append(RUN, [run_done()], epoch=1, at=AT, durable=True)
    with pytest.raises(StoreError, match="ended before as succeeded"):
        store.append(RUN, [run_done(RunStatus.FAILED)], epoch=1, at=AT, durable=True)
    store.append(RUN, [fact(1)], epoch=1, at=AT, durable=True)
    assert RunStatus.SUCCEEDED is store.run(RUN).status


def test_a_replaced_controller_stores_nothing(store: Store) -> None:
    """Once a higher epoch has stored an event, a lower one is refused."""
    begun(store)
    store.append(RUN, [fact(1)], epoch=3, at=AT, durable=True)
    with pytest.raises(RunOwned, match="taken over by controller 3"):
        store.append(RUN, [fact(2)], epoch=2, at=AT, durable=True)
    assert store.run(RUN).epoch == 3
    assert len(store.read(RUN)) == 2


def test_an_unknown_run_is_named(store: Store) -> None:
    """Each call about a run that is not there says so."""
    for call in (
        lambda: store.read("nope"),
        lambda: store.run("nope"),
        lambda: store.find("nope"),
        lambda: store.forget("nope"),
        lambda: store.order("nope", "cancel", at=AT),
        lambda: store.append("nope", [fact(1)], epoch=1, at=AT, durable=True),
    ):
        with pytest.raises(RunNotFound, match="nope"):
            call()


def test_the_run_list_follows_the_events(store: Store) -> None:
    """The row of a run is what its events say, after each commit."""
    begun(store)
    row = store.run(RUN)
    assert (row.pipeline, row.by, row.short) == ("full-build", "mina", "0714-1")
    assert (
        row.status,
        row.finished,
        row.cancelled,
        row.total,
        row.done,
        row.seq,
    ) == (None, None, False, 2, 0, 1)
    store.append(RUN, [stage_done("image", 3.0)], epoch=1, at=AT + 5, durable=True)
    store.append(RUN, [CancelRequested(by="mina")], epoch=1, at=AT + 6, durable=True)
    store.append(RUN, [run_done(RunStatus.CANCELLED)], epoch=1, at=AT + 7, durable=True)
    row = store.run(RUN)
    assert (
        row.status,
        row.finished,
        row.cancelled,
        row.done,
        row.seq,
    ) == (RunStatus.CANCELLED, AT + 7, True, 1, 4)


def test_the_run_list_is_newest_first_and_bounded(store: Store) -> None:
    """`runs` gives the newest, of one pipeline where asked, and remembers the parent."""
    for index in range(6):
        name = "even" if index % 2 == 0 else "odd"
        event = created(pipeline=name, parent="r0" if index else None)
        store.create(f"r{index}", [event], at=AT + index)
    assert [row.run for row in store.runs(limit=3)] == ["r5", "r4", "r3"]
    assert [row.run for row in store.runs(pipeline="even")] == ["r4", "r2", "r0"]
    assert store.run("r3").parent == "r0"


def test_a_thousand_runs_are_listed_quickly(store: Store) -> None:
    """With 1,000 runs the list that `status` shows takes less than 100 ms, and so does a name."""
    for index in range(1_000):
        store.create(f"20260714-000000-{index:06x}", [created()], at=AT + index)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert len(store.runs()) == 50
        assert store.find("last") == "20260714-000000-0003e7"
        took.append(time.perf_counter() - started)
    assert min(took) < 0.1


def test_durations_are_of_successes_only(store: Store) -> None:
    """The history for estimates has successful stages, the latest last, by server where asked."""
    begun(store)
    ends = [
        stage_done("image", 10.0),
        stage_done("image", 99.0, status=StageStatus.FAILED),
        stage_done("image", None),
        stage_done("image", 0.0, status=StageStatus.UP_TO_DATE),
        stage_done("image", 20.0, server="spare"),
        stage_done("시험", 5.0),
        stage_done("image", 30.0),
    ]
    for index, end in enumerate(ends):
        store.append(RUN, [end], epoch=1, at=AT + index, durable=False)
    assert store.durations("full-build", "image") == [10.0, 20.0, 30.0]
    assert store.durations("full-build", "image", server="yocto") == [10.0, 30.0]
    assert store.durations("full-build", "image", limit=2) == [20.0, 30.0]
    assert store.durations("other", "image") == []


def test_a_forgotten_run_leaves_only_its_durations(store: Store) -> None:
    """An unfinished run cannot be forgotten; a finished one is gone, its durations stay."""
    begun(store)
    begun(store, "other")
    with pytest.raises(UsageError, match="not finished"):
        store.forget(RUN)
    ends: list[Event] = [stage_done("image", 3.0), run_done()]
    store.append(RUN, ends, epoch=1, at=AT, durable=True)
    store.forget(RUN)
    with pytest.raises(RunNotFound):
        store.read(RUN)
    assert [row.run for row in store.runs()] == ["other"]
    assert store.durations("full-build", "image") == [3.0]


def test_an_order_stays_until_it_is_answered(store: Store) -> None:
    """Orders are read in their order, as often as needed, and go with the commit that answers."""
    begun(store)
    begun(store, "other")
    first = store.order(RUN, "cancel", at=AT)
    second = store.order(RUN, "move", {"stage": "시험", "to": None}, at=AT + 1)
    store.order("other", "cancel", at=AT)
    orders = store.orders(RUN)
    assert [(first, "cancel", None), (second, "move", {"stage": "시험", "to": None})] == [
        (order.id, order.kind, order.payload) for order in orders
    ]
    assert orders == store.orders(RUN)
    answer = [CancelRequested(by="mina")]
    store.append(RUN, answer, epoch=1, at=AT, durable=True, answers=orders[:1])
    assert orders[1:] == store.orders(RUN)
    store.append(RUN, [], epoch=1, at=AT, durable=True, answers=orders[1:])
    assert store.orders(RUN) == []
    assert len(store.orders("other")) == 1
    assert len(store.read(RUN)) == 2


def test_an_order_stays_when_its_answer_was_not_stored(store: Store) -> None:
    """A commit that fails answers nothing."""
    begun(store)
    store.order(RUN, "cancel", at=AT)
    wrong = ValueRecorded(stage="a", attempt=1, step=1, key="k", value=float("inf"))
    with pytest.raises(UsageError):
        store.append(RUN, [wrong], epoch=1, at=AT, durable=True, answers=store.orders(RUN))
    assert len(store.orders(RUN)) == 1


def test_threads_and_programs_write_at_once(tmp_path: Path) -> None:
    """Threads with one store and threads with their own leave every run without a gap."""
    path = tmp_path / "runs.db"
    with Store(path) as shared:
        for run in ("a", "b"):
            begun(shared, run)
        failures: list[Exception] = []

        def write(store: Store, run: str) -> None:
            try:
                for number in range(100):
                    store.append(run, [fact(number)] * 2, epoch=1, at=AT, durable=number % 10 == 0)
            except StoreError as error:
                failures.append(error)

        with Store(path) as own:
            threads = [
                threading.Thread(target=write, args=(store, run))
                for store in (shared, own)
                for run in ("a", "b")
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert failures == []
        for run in ("a", "b"):
            assert list(range(1, 402)) == [item.seq for item in shared.read(run)]


def test_programs_open_a_new_store_at_once(tmp_path: Path) -> None:
    """Whoever makes the database, all get the same one, and nothing else is left in the folder."""
    path = tmp_path / "runs.db"
    barrier = threading.Barrier(8)
    done: list[list[Recorded]] = []

    def begin(index: int) -> None:
        barrier.wait()
        with Store(path) as store:
            done.append(store.create(f"r{index}", [created()], at=AT))

    threads = [threading.Thread(target=begin, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
    with Store(path) as store:
        assert {f"r{index}" for index in range(8)} == {row.run for row in store.runs()}
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.db"]


def test_the_database_is_for_its_user_only(store: Store) -> None:
    """The file and what SQLite puts beside it are 0600."""
    begun(store)
    files = list(store.path.parent.glob("runs.db*"))
    assert len(files) > 1
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Use after close is our error; closing twice is none."""
    store = Store(tmp_path / "runs.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.runs()
