"""Laws of moving, fencing and abandoning, with real threads, store and controller."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import attrs
import pytest

from buildorch import api, events
from buildorch.context import StageContext
from buildorch.definitions import Pipeline
from buildorch.dsl import stage
from buildorch.errors import RunFailed, StoreUnwritable, UsageError
from buildorch.events import Event, Recorded
from buildorch.flow import Stage
from buildorch.model import Channel, Config, Server
from buildorch.store.database import Store
from buildorch.testing import FakeBackend, Script
from buildorch.view import RunView, run_finished_line
from runner.bench import Bench, Watcher, a_stage, statuses, until

_SERVERS = {
    name: Server(name=name, host=f"{name}.example", backend="fake", slots=5)
    for name in ("one", "two")
}


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    """Give a bench with two servers."""
    made = Bench(tmp_path, config=Config(servers=_SERVERS))
    made.backend = FakeBackend({"a": [Script(b"first\n", hold=True), Script(b"second\n")]})
    return made


def movable(**options: Any) -> Stage:
    return a_stage("a", fallback=["two"], **options)


def cut_off(bench: Bench, handle: api.RunHandle) -> None:
    """Cut the server `one` off for good, once the job of `a` runs there."""
    until(lambda: handle.view.stages["a"].state == "running")
    bench.lose_link()


def test_a_stage_is_moved_to_the_next_server(bench: Bench) -> None:
    """The server answers: the job is killed, then the next attempt begins on the fallback."""
    handle = bench.start(Pipeline("p", movable()), running="a")
    handle.move("a")
    result = bench.ended(handle)
    assert {"a": "succeeded"} == statuses(result)
    assert ("two", 2) == (result.stages["a"].server, result.stages["a"].attempt)
    assert ["moved"] == [one.reason for one in bench.seen.of(events.KillRequested)]
    assert not bench.seen.of(events.OrphanNoted)
    assert b"second\n" == bench.log("a")


def test_a_stage_is_moved_while_its_server_is_cut_off(bench: Bench) -> None:
    """It starts on the other server at once; the run ends when the first has killed its job."""
    handle = bench.start(Pipeline("p", movable()), running="a")
    cut_off(bench, handle)
    handle.move("a", "two")
    until(lambda: handle.view.stages["a"].finished is not None)
    assert handle.wait(0.3) is None
    assert [("a", "one")] == [(one.stage, one.server) for one in handle.view.orphans]
    assert bench.backend.running("a")
    bench.mend_link()
    assert bench.ended(handle).ok
    assert not bench.backend.running("a")
    (noted,), (gone,) = bench.seen.of(events.OrphanNoted), bench.seen.of(events.OrphanGone)
    assert (noted.job, noted.server) == (gone.job, gone.server)
    assert "fenced" == _end(bench, noted.job)
    assert b"second\n" == bench.log("a")


def _end(bench: Bench, job: str) -> str | None:
    end = bench.backend.jobs[job].end
    assert end is not None
    return end.reason


def test_an_orphan_is_fenced_by_the_next_controller(bench: Bench) -> None:
    """The controller is gone between the two events: the next one finds what is left to do."""
    handle = bench.start(Pipeline("p", movable()), running="a")
    cut_off(bench, handle)
    handle.move("a")
    until(lambda: handle.view.stages["a"].finished is not None)
    bench.left(handle)
    bench.mend_link()
    assert bench.ended(bench.resume()).ok
    assert not bench.backend.running("a")
    assert 1 == len(bench.seen.of(events.OrphanGone))


def test_a_move_that_nobody_drives_is_done_by_whoever_orders_it(bench: Bench) -> None:
    """The run was left: the order is stored, and the run goes on with it."""
    bench.left(bench.start(Pipeline("p", movable()), running="a"))
    result = api.move("last", "a", None, bench.options)
    assert result is not None
    assert result.ok
    assert "two" == result.stages["a"].server
    assert not bench.backend.running("a")


@pytest.mark.parametrize(
    ("name", "server", "says"),
    [
        ("b", None, "has no stage 'b'"),
        ("a", "one", "is on one already"),
        ("a", "three", "runs on one, two, not on 'three'"),
    ],
)
def test_a_move_that_cannot_be_says_why(
    bench: Bench, name: str, server: str | None, says: str
) -> None:
    """An unknown stage, its own server, a server that is none of its own."""
    handle = bench.start(Pipeline("p", movable()), running="a")
    with pytest.raises(UsageError, match=says):
        handle.move(name, server)
    with pytest.raises(UsageError, match=says):
        api.move("last", name, server, bench.options)
    handle.cancel()
    bench.ended(handle)


def test_a_stage_function_is_moved_in_the_middle_of_a_command(bench: Bench) -> None:
    """Its call ends, and a new one begins on the other server with a fresh record."""
    seen: list[str] = []

    @stage(server="one", fallback=["two"], name="a")
    def steps(c: StageContext) -> None:
        seen.append(c.server)
        c.run("make")

    handle = bench.start(Pipeline("p", steps()), running="a")
    cut_off(bench, handle)
    handle.move("a")
    until(lambda: handle.view.stages["a"].finished is not None)
    bench.mend_link()
    assert bench.ended(handle).ok
    assert ["one", "two"] == seen
    until(lambda: not [one for one in threading.enumerate() if one.name == "stage a"])


def test_what_a_changed_function_leaves_is_fenced_before_its_retry(bench: Bench) -> None:
    """The resumed function takes another step: its old job is killed, then it is tried again."""

    def pipeline(command: str) -> Pipeline:
        @stage(server="one", name="a", retry=1)
        def steps(c: StageContext) -> None:
            c.run(command)

        return Pipeline("p", steps())

    bench.left(bench.start(pipeline("make"), running="a"))
    result = bench.ended(bench.resume(pipeline("make all")))
    assert result.ok
    order = [
        one.event.kind
        for one in bench.seen.records
        if isinstance(one.event, events.OrphanNoted | events.OrphanGone | events.StepLaunching)
    ]
    assert ["step_launching", "orphan_noted", "orphan_gone", "step_launching"] == order[-4:]
    assert not bench.backend.running("a")


def test_what_a_changed_function_leaves_lives_on_where_nothing_follows(bench: Bench) -> None:
    """No retry: the job goes on by itself, and the run waits until it has ended."""

    def pipeline(command: str) -> Pipeline:
        @stage(server="one", name="a")
        def steps(c: StageContext) -> None:
            c.run(command)

        return Pipeline("p", steps())

    bench.left(bench.start(pipeline("make"), running="a"))
    handle = bench.resume(pipeline("make all"))
    until(lambda: handle.view.stages["a"].finished is not None)
    assert handle.wait(0.3) is None
    assert bench.backend.running("a")
    bench.backend.finish("a")
    assert {"a": "failed"} == statuses(bench.ended(handle))


def test_a_cancel_that_abandons_ends_at_once(bench: Bench) -> None:
    """The server does not answer: the run ends, says where a job may live, and with code 130."""
    handle = bench.start(Pipeline("p", movable()), running="a")
    cut_off(bench, handle)
    handle.cancel(abandon=True)
    result = bench.ended(handle)
    line = run_finished_line(handle.view)
    job = bench.seen.of(events.OrphanNoted)[0].job
    assert [{"stage": "a", "server": "one", "job": job}] == line["orphans"]
    assert ("cancelled", 130) == (line["status"], line["exit_code"])
    assert f"one has not confirmed that job {job} is dead" == line["reason"]
    with pytest.raises(UsageError, match="one has not confirmed"):
        api.resume(result.run_id, None, bench.options)
    bench.backend.finish("a")


def test_an_orphan_is_abandoned_after_its_time(bench: Bench) -> None:
    """With `abandon_after` the run ends by itself; all went well but that: exit code 3."""
    bench.more = {"abandon_after": 0.5}
    handle = bench.start(Pipeline("p", movable()), running="a")
    cut_off(bench, handle)
    handle.move("a")
    assert bench.ended(handle).ok
    assert 3 == run_finished_line(handle.view)["exit_code"]
    assert ["one"] == [one.server for one in handle.view.orphans]
    bench.backend.finish("a")


def test_a_lease_that_is_over_starts_the_fallback(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is waited for but lease and margin; its server is still fenced when it answers."""
    monkeypatch.setattr("buildorch.scheduler.fencing.LEASE_MARGIN", 0.1)
    monkeypatch.setattr("buildorch.scheduler.verdict.INFRASTRUCTURE_DELAY", 0.05)
    plan = api.plan(Pipeline("p", movable()), config=bench.config)
    plan = attrs.evolve(plan, stages=[attrs.evolve(one, lease=0.3) for one in plan.stages])
    handle = api.start(plan, bench.options)
    cut_off(bench, handle)
    until(lambda: handle.view.stages["a"].finished is not None)
    assert "two" == handle.view.stages["a"].server
    bench.mend_link()
    assert bench.ended(handle).ok
    assert not bench.backend.running("a")


class Refusing:
    """Lets an append fail."""

    def __init__(self, kind: type[Event]) -> None:
        self.kind = kind

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Refuse the first event of the kind."""
        append = Store.append

        def refuse(store: Store, run: str, batch: Any, **more: Any) -> list[Recorded]:
            if any(isinstance(event, self.kind) for event in batch):
                raise StoreUnwritable("the disk is full")
            return append(store, run, batch, **more)

        monkeypatch.setattr(Store, "append", refuse)


def test_what_is_not_stored_is_not_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store takes no more: view and observers stay at what it has."""
    bench.config = attrs.evolve(bench.config, channels={"me": Channel(name="me")})
    bench.more = {"notifiers": {"me": lambda _: None}}
    handle = bench.start(Pipeline("p", movable()), running="a")
    Refusing(events.StageFinished).install(monkeypatch)
    bench.backend.finish("a")
    with pytest.raises(StoreUnwritable):
        handle.wait(10)
    with Store(bench.folder / "home" / "runs.db") as store:
        stored = store.read(handle.run_id)
    assert handle.view.seq == stored[-1].seq
    assert handle.view.stages["a"].finished is None
    assert bench.seen.records[-1].seq == stored[-1].seq


def test_events_from_before_are_shown_as_the_run_was_then(bench: Bench) -> None:
    """Who joins with a new controller sees each old event with the run after it, not as it is."""
    states: list[tuple[str, str]] = []

    def see(view: RunView, record: Recorded) -> None:
        assert view.seq == record.seq
        states.append((record.event.kind, view.stages["a"].state))

    bench.left(bench.start(Pipeline("p", movable()), running="a"))
    bench.more = {"observers": [Watcher(see)]}
    bench.backend.finish("a")
    assert bench.ended(bench.resume()).ok
    assert ("run_created", "queued") == states[0]
    assert ("attempt_started", "connecting") in states


def test_a_run_that_fails_leaves_no_orphan_unsaid(bench: Bench) -> None:
    """What may live is named where the result is checked, too."""
    bench.more = {"abandon_after": 0.3}
    handle = bench.start(Pipeline("p", a_stage("a")), running="a")
    cut_off(bench, handle)
    result = bench.ended(handle)
    assert {"a": "lost"} == statuses(result)
    with pytest.raises(RunFailed):
        result.check()
    assert 3 == run_finished_line(handle.view)["exit_code"]
    bench.backend.finish("a")


def test_two_runs_for_the_last_slot(bench: Bench) -> None:
    """One of them has it; the other begins when it is free, and never beside it."""
    slots = {"one": attrs.evolve(_SERVERS["one"], slots=1)}
    bench.config = Config(servers=slots)
    first = bench.start(Pipeline("p", a_stage("a")), running="a")
    second = api.start(Pipeline("q", a_stage("b")), bench.options)
    assert second.wait(0.5) is None
    assert not bench.backend.launched("b")
    bench.backend.finish("a")
    assert bench.ended(first).ok
    assert bench.ended(second).ok


def test_a_run_is_resumed_while_a_message_is_in_flight(bench: Bench) -> None:
    """The channel has not answered when the controller leaves: each message has one answer."""
    bench.config = attrs.evolve(bench.config, channels={"me": Channel(name="me")})
    bench.more = {"notifiers": {"me": lambda _: threading.Event().wait(60)}}
    handle = bench.start(Pipeline("p", movable()), running="a")
    until(lambda: bench.seen.of(events.NotificationDue))
    bench.left(handle)
    first = [one.key for one in bench.seen.of(events.NotificationDue)]
    assert not [one for one in bench.seen.of(events.NotificationResult) if one.ok]
    bench.seen.records.clear()
    bench.more = {"notifiers": {"me": lambda _: None}}
    bench.backend.finish("a")
    assert bench.ended(bench.resume()).ok
    told = bench.seen.of(events.NotificationDue)
    assert "finished" in {one.topic for one in told}
    due = {one.key for one in told}
    answered = [one.key for one in bench.seen.of(events.NotificationResult)]
    assert set(first) <= due
    assert sorted(due) == sorted(answered)
