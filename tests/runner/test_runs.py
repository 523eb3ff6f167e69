"""Laws of whole runs, against the scripted backend: real threads, store and controller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from buildorch import api, events
from buildorch.context import StageContext
from buildorch.dsl import Pipeline, stage
from buildorch.errors import ConnectRefused, RunFailed, RunOwned, UsageError
from buildorch.flow import Stage, parallel, sequence
from buildorch.job import JobEnd
from buildorch.model import Archive, Config, Retry, Server, StageStatus
from buildorch.testing import EventLog, FakeBackend, Script

CONFIG = Config(servers={"one": Server(name="one", host="one.example", backend="fake", slots=5)})


@attrs.define
class Bench:
    """Runs pipelines on a fake server, with a state folder of its own."""

    folder: Path
    backend: FakeBackend = attrs.field(factory=FakeBackend)
    seen: EventLog = attrs.field(factory=EventLog)

    @property
    def options(self) -> api.Options:
        """How its runs are driven."""
        return api.Options(
            config=CONFIG,
            backends={"fake": self.backend},
            observers=[self.seen],
            results=self.folder / "results",
            home=self.folder / "home",
        )

    def run(self, pipeline: Pipeline, **more: Any) -> api.RunResult:
        """Run a pipeline to its end."""
        return api.run(pipeline, self.options, **more)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition with a deadline."""
        done = threading.Event()
        for _ in range(1000):
            if condition():
                return
            done.wait(0.01)
        raise AssertionError("it did not come to this within 10 s")


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def a_stage(name: str, **options: Any) -> Stage:
    options.setdefault("command", "make")
    return Stage(name=name, server="one", **options)


def statuses(result: api.RunResult) -> dict[str, str]:
    return {name: view.state for name, view in result.stages.items()}


def test_a_run_succeeds_and_its_logs_are_collected(bench: Bench) -> None:
    """A chain runs in order; each log is the bytes that the job wrote; `log` is the newest."""
    log = bytes(range(256)) * 100
    bench.backend = FakeBackend({"a": [Script(log)], "b": [Script(b"no newline at the end")]})
    result = bench.run(Pipeline("p", a_stage("a") >> a_stage("b")))
    assert result.ok
    assert log == Path(result.results, "a", "log").read_bytes()
    assert b"no newline at the end" == Path(result.results, "b", "attempt-1.log").read_bytes()
    assert Path(result.results).name == (bench.folder / "results" / "latest").readlink().name


def test_a_failure_is_retried_then_skips_its_dependents(bench: Bench) -> None:
    """`Retry(1)` gives two attempts; the dependent is skipped; the exit code is 1."""
    bench.backend = FakeBackend({"a": [Script(b"error: no\n", code=2)]})
    result = bench.run(Pipeline("p", a_stage("a") >> a_stage("b"), on_failure=[Retry(1)]))
    assert {"a": "failed", "b": "skipped"} == statuses(result)
    assert (2, 1) == (result.stages["a"].attempt, result.exit_code)
    with pytest.raises(RunFailed, match="a failed: exit code 2"):
        result.check()


def test_a_run_says_that_it_began_once(bench: Bench) -> None:
    """The first controller of a run tells that it started; one that resumes it does not."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    told: list[str] = []
    options = attrs.evolve(bench.options, notifiers={"mine": told.append})
    handle = api.start(Pipeline("p", a_stage("a")), options)
    bench.until(lambda: bench.backend.running("a"))
    handle.detach()
    handle.wait(10)
    bench.backend.finish("a")
    assert api.resume("last", options=options).ok
    heads = [text.partition("\n")[0] for text in told]
    assert ["🚀 Pipeline started: p"] == [head for head in heads if "started" in head]
    assert heads[-1].startswith("🎉 Pipeline complete: p")


def test_a_lost_link_loses_nothing(bench: Bench) -> None:
    """The link goes while a job runs: it comes back, the log goes on, the run succeeds."""
    bench.backend = FakeBackend({"a": [Script(b"some log\n", hold=True)]})
    handle = api.start(Pipeline("p", a_stage("a")), bench.options)
    bench.until(lambda: handle.view.stages["a"].state == "running")
    bench.backend.cut()
    bench.until(lambda: len(bench.seen.of(events.LinkRestored)) == 1)
    bench.backend.finish("a")
    result = handle.wait(10)
    assert result is not None
    assert result.ok
    assert b"some log\n" == Path(result.results, "a", "log").read_bytes()
    assert 1 == len(bench.backend.jobs)


def test_a_detached_run_is_resumed_without_running_anything_twice(bench: Bench) -> None:
    """The controller leaves, the job ends meanwhile, another controller takes its result."""
    bench.backend = FakeBackend({"a": [Script(b"x" * 1000, hold=True)]})
    pipeline = Pipeline("p", a_stage("a") >> a_stage("b"))
    handle = api.start(pipeline, bench.options)
    bench.until(lambda: handle.view.stages["a"].state == "running")
    handle.detach()
    left = handle.wait(10)
    assert left is not None
    assert ("interrupted", 75) == (left.status, left.exit_code)
    bench.backend.finish("a")
    result = api.resume("last", options=bench.options)
    assert result.ok
    assert 2 == len(bench.backend.jobs)
    with pytest.raises(UsageError, match="has ended"):
        api.resume(result.run_id, options=bench.options)


def test_a_cancel_kills_what_runs_and_skips_the_rest_but_cleanup(bench: Bench) -> None:
    """A cancel kills the running job, cancels the waiting stage, and still runs cleanup."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    cleanup = a_stage("cleanup", always=True)
    handle = api.start(Pipeline("p", a_stage("a") >> a_stage("b") >> cleanup), bench.options)
    bench.until(lambda: bench.backend.running("a"))
    handle.cancel()
    result = handle.wait(10)
    assert result is not None
    assert {"a": "cancelled", "b": "cancelled", "cleanup": "succeeded"} == statuses(result)
    assert 130 == result.exit_code


def test_a_run_that_nobody_drives_is_cancelled_by_the_one_who_asks(bench: Bench) -> None:
    """`cancel` of an interrupted run takes it over, kills the job, and ends the run."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    handle = api.start(Pipeline("p", a_stage("a")), bench.options)
    bench.until(lambda: bench.backend.running("a"))
    handle.detach()
    handle.wait(10)
    result = api.cancel("last", bench.options)
    assert result is not None
    assert {"a": "cancelled"} == statuses(result)


def test_a_second_controller_is_refused(bench: Bench) -> None:
    """A run has one controller, and a pipeline one run at a time."""
    bench.backend = FakeBackend({"a": [Script(hold=True)]})
    pipeline = Pipeline("p", a_stage("a"))
    handle = api.start(pipeline, bench.options)
    bench.until(lambda: bench.backend.running("a"))
    with pytest.raises(RunOwned):
        api.resume(handle.run_id, options=bench.options)
    with pytest.raises(RunOwned):
        bench.run(pipeline)
    handle.cancel()
    handle.wait(10)


def test_an_unreachable_server_ends_the_stage_with_its_cause(bench: Bench) -> None:
    """A refused login is not tried again; the exit code is 3."""
    error = ConnectRefused("one: nothing listens", server="one", host="one.example", port=22)
    error.transient = False
    bench.backend.refuse("one", [error])
    result = bench.run(Pipeline("p", a_stage("a")))
    assert ("unreachable", 3) == (result.stages["a"].state, result.exit_code)
    assert "nothing listens" in (result.stages["a"].reason or "")


def test_a_timeout_is_told_apart_from_a_failure(bench: Bench) -> None:
    """A job that its supervisor killed at its limit is timed out, and not retried."""
    end = JobEnd(kind="signal", code=15, reason="timeout")
    bench.backend = FakeBackend({"a": [Script(end=end)]})
    result = bench.run(Pipeline("p", a_stage("a", retry=Retry(2))))
    assert (StageStatus.TIMED_OUT, 1) == (result.stages["a"].status, result.stages["a"].attempt)


def test_the_archive_holds_all_results_with_their_checksums(bench: Bench) -> None:
    """A successful run with `Archive()` leaves one file, and says so in its events."""
    result = bench.run(Pipeline("p", a_stage("a"), on_success=[Archive()]))
    archive = Path(f"{result.results}.tar.gz")
    assert archive.is_file()
    assert [str(archive)] == [event.path for event in bench.seen.of(events.ArtifactStored)]


# Stage functions.


@stage(server="one")
def two_steps(c: StageContext) -> dict[str, str]:
    first = c.run("make one", name="one", capture=True)
    c.outputs["first"] = first.stdout
    stamp = c.once("stamp", lambda: "now")
    c.log("a line of the function")
    c.run(["make", "two"], name="two")
    return {"stamp": str(stamp)}


def test_a_stage_function_runs_step_by_step_and_hands_on_its_outputs(bench: Bench) -> None:
    """Steps run in order in one log; outputs reach the stages after it."""
    found: dict[str, Any] = {}

    @stage(server="one")
    def reader(c: StageContext) -> None:
        found.update(c.inputs["two-steps"])

    bench.backend = FakeBackend({"two-steps": [Script(b"1\n"), Script(b"2\n")]})
    result = bench.run(Pipeline("p", two_steps >> reader))
    assert result.ok
    assert {"first": "1\n", "stamp": "now"} == found
    log = Path(result.results, "two-steps", "log").read_text(encoding="utf-8")
    assert "1\na line of the function\n2\n" == log


def test_a_resumed_function_repeats_no_step(bench: Bench) -> None:
    """The controller leaves in step 2: step 1 returns its record, step 2 is joined."""
    bench.backend = FakeBackend({"two-steps": [Script(b"1\n"), Script(b"2\n", hold=True)]})
    pipeline = Pipeline("p", sequence(two_steps, a_stage("after")))
    handle = api.start(pipeline, bench.options)
    bench.until(lambda: len(bench.backend.jobs) == 2)
    handle.detach()
    handle.wait(10)
    bench.backend.finish("two-steps")
    result = api.resume("last", pipeline, bench.options)
    assert result.ok
    assert 3 == len(bench.backend.jobs)


def test_a_failing_step_fails_the_stage_with_its_exit_code(bench: Bench) -> None:
    """A step's non-zero code ends the function unless `warn`."""

    @stage(server="one")
    def careful(c: StageContext) -> None:
        assert c.run("false", warn=True).return_code == 4
        c.run("false")

    bench.backend = FakeBackend({"careful": [Script(code=4), Script(code=5)]})
    result = bench.run(Pipeline("p", careful))
    finished = result.stages["careful"].finished
    assert finished is not None
    assert (StageStatus.FAILED, 5) == (finished.status, finished.exit_code)


def test_an_exception_fails_the_stage_with_its_traceback_in_the_log(bench: Bench) -> None:
    """A defect of a user's function is the stage's failure, never infrastructure."""

    @stage(server="one")
    def broken(c: StageContext) -> None:
        raise ValueError(f"no luck on {c.server}")

    result = bench.run(Pipeline("p", broken))
    assert "failed" == result.stages["broken"].state
    log = Path(result.results, "broken", "log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ValueError: no luck on one" in log


def test_a_cancelled_function_stops(bench: Bench) -> None:
    """A cancel kills the running step and ends the function."""

    @stage(server="one")
    def long(c: StageContext) -> None:
        c.run("sleep 1000")
        raise AssertionError("it went on")

    bench.backend = FakeBackend({"long": [Script(hold=True)]})
    handle = api.start(Pipeline("p", parallel(long)), bench.options)
    bench.until(lambda: bench.backend.running("long"))
    handle.cancel()
    result = handle.wait(10)
    assert result is not None
    assert {"long": "cancelled"} == statuses(result)
