"""Laws of the ways in which a stage function is stopped, or given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from buildorch import events
from buildorch.context import StageContext
from buildorch.dsl import Pipeline, stage
from buildorch.events import Recorded
from buildorch.flow import parallel
from buildorch.job import JobEnd
from buildorch.model import Retry, StageStatus
from buildorch.testing import FakeBackend, Script
from buildorch.view import RunView
from runner.bench import Bench, Watcher, a_stage, statuses


@stage(server="one")
def long(c: StageContext) -> None:
    c.run("sleep 1000")


def test_a_cancel_over_a_lost_link_waits_for_the_death_of_the_job(bench: Bench) -> None:
    """While the link is lost a cancelled function's job lives, so its stage does not end."""
    bench.backend = FakeBackend({"long": [Script(hold=True)]})
    alive: list[bool] = []

    def look(_: RunView, record: Recorded) -> None:
        if isinstance(record.event, events.AttemptFinished):
            alive.append(bench.backend.running("long"))

    bench.more = {"observers": [bench.seen, Watcher(look)]}
    handle = bench.start(Pipeline("p", parallel(long)), running="long")
    bench.lose_link()
    handle.cancel()
    bench.until(lambda: bench.seen.of(events.KillRequested))
    assert handle.wait(0.2) is None
    bench.mend_link()
    assert {"long": "cancelled"} == statuses(bench.ended(handle))
    assert [False] == alive


def test_a_failing_neighbour_kills_the_job_before_the_function_ends(bench: Bench) -> None:
    """With `fail_fast` a function's job is killed as another stage's is: no end before that."""

    class Slow(FakeBackend):
        def kill(self, job_id: str, reason: str) -> None:
            dying.append((job_id, reason))

    dying: list[tuple[str, str]] = []
    bench.backend = Slow({"long": [Script(hold=True)], "bad": [Script(hold=True)]})
    pipeline = Pipeline("p", parallel(long, a_stage("bad")), fail_fast=True)
    handle = bench.start(pipeline, running="long")
    bench.until(lambda: handle.view.stages["bad"].state == "running")
    bench.backend.finish("bad", JobEnd(kind="exit", code=1))
    bench.until(lambda: dying)
    assert handle.wait(0.2) is None
    FakeBackend.kill(bench.backend, *dying[0])
    assert {"long": "cancelled", "bad": "failed"} == statuses(bench.ended(handle))


def test_a_request_that_comes_after_the_stop_is_refused(bench: Bench) -> None:
    """What a function asked for while it was being stopped stops it, and nothing else."""
    stopped, asked = threading.Event(), threading.Event()

    @stage(server="one")
    def late(c: StageContext) -> None:
        stopped.wait(10)
        asked.set()
        c.once("key", lambda: 1)

    def hold_the_controller(_: RunView, record: Recorded) -> None:
        if isinstance(record.event, events.KillRequested):
            stopped.set()
            asked.wait(10)

    bench.more = {"observers": [bench.seen, Watcher(hold_the_controller)]}
    handle = bench.start(Pipeline("p", parallel(late)))
    bench.until(lambda: handle.view.stages["late"].state == "running")
    handle.cancel()
    assert {"late": "cancelled"} == statuses(bench.ended(handle))


@contextmanager
def busy_python(**options: Any) -> Iterator[Any]:
    """Give a stage function that asks for nothing and hears nothing, until the test is over."""
    over = threading.Event()

    @stage(server="one", **options)
    def busy(_: StageContext) -> None:
        over.wait(30)

    try:
        yield busy
    finally:
        over.set()


def test_a_function_busy_in_python_is_given_up_after_a_cancel(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread cannot be killed: its stage ends without it, and says so."""
    monkeypatch.setattr("buildorch.scheduler.stage.FUNCTION_GRACE", 0.1)
    with busy_python() as busy:
        handle = bench.start(Pipeline("p", parallel(busy)))
        bench.until(lambda: handle.view.stages["busy"].state == "running")
        handle.cancel()
        result = bench.ended(handle)
    finished = result.stages["busy"].finished
    assert finished is not None
    assert StageStatus.CANCELLED == finished.status
    assert "did not stop" in (finished.warning or "")


def test_a_function_busy_in_python_is_given_up_at_its_timeout(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of an attempt holds for the function's own Python as well."""
    monkeypatch.setattr("buildorch.scheduler.stage.FUNCTION_GRACE", 0.1)
    with busy_python(timeout=0.2) as busy:
        result = bench.ended(bench.start(Pipeline("p", parallel(busy))))
    assert {"busy": "timed_out"} == statuses(result)


def test_what_a_given_up_function_still_raises_is_in_no_later_log(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of an attempt holds nothing of an older one that was given up."""
    monkeypatch.setattr("buildorch.scheduler.stage.FUNCTION_GRACE", 0.1)
    first_ends = threading.Event()
    threads: list[threading.Thread] = []

    @stage(server="one", timeout=1.0, retry=Retry(1, on=("timed_out",)))
    def twice(c: StageContext) -> None:
        if c.attempt == 1:
            first_ends.wait(10)
            threads.append(threading.current_thread())
            raise ValueError("too late")
        first_ends.set()
        bench.until(lambda: threads)
        threads[0].join(10)

    result = bench.ended(bench.start(Pipeline("p", parallel(twice))))
    assert 2 == result.stages["twice"].attempt
    assert not list(Path(result.results).rglob("attempt-2.log"))


def test_a_sleep_beyond_the_limit_times_out(bench: Bench) -> None:
    """`c.sleep` waits no longer than the attempt may take."""

    @stage(server="one", timeout=0.2)
    def sleepy(c: StageContext) -> None:
        c.sleep(1000)

    result = bench.ended(bench.start(Pipeline("p", parallel(sleepy))))
    assert {"sleepy": "timed_out"} == statuses(result)


def test_a_function_whose_time_is_over_runs_no_command_more(bench: Bench) -> None:
    """A limit that passed in the function's own Python is a timeout at its next command."""

    @stage(server="one", timeout=0.2)
    def slow(c: StageContext) -> None:
        threading.Event().wait(0.3)
        c.run("make")

    result = bench.ended(bench.start(Pipeline("p", parallel(slow))))
    assert {"slow": "timed_out"} == statuses(result)
    assert {} == bench.backend.jobs
