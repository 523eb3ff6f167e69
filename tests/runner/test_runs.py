"""Laws of whole runs, against the scripted backend: real threads, store and controller."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from buildorch import api, events
from buildorch.dsl import Pipeline
from buildorch.errors import RunFailed, RunOwned, UsageError
from buildorch.flow import parallel
from buildorch.job import JobEnd
from buildorch.model import Archive, Retry, StageStatus
from buildorch.testing import FakeBackend, Script
from runner.bench import Bench, a_stage, refusals, statuses


def test_a_run_succeeds_and_its_logs_are_collected(bench: Bench) -> None:
    """A chain runs in order; each log is the bytes that the job wrote; `log` is the newest."""
    log = bytes(range(256)) * 100
    bench.backend = FakeBackend({"a": [Script(log)], "b": [Script(b"no newline at the end")]})
    result = bench.run(Pipeline("p", a_stage("a") >> a_stage("b")))
    assert result.ok
    assert log == Path(result.results, "a", "log").read_bytes()
    assert b"no newline at the end" == Path(result.results, "b", "attempt-1.log").read_bytes()
    assert Path(result.results).name == (bench.folder / "results" / "latest").readlink().name


def test_jobs_of_one_server_share_its_link(bench: Bench) -> None:
    """Jobs that run side by side on one server need one connection, whatever their number."""
    names = ["a", "b", "c"]
    bench.backend = FakeBackend({name: [Script(hold=True)] for name in names})
    handle = bench.start(Pipeline("p", parallel(*map(a_stage, names))))
    bench.until(lambda: all(map(bench.backend.running, names)))
    assert 1 == len(bench.backend.sessions)
    for name in names:
        bench.backend.finish(name)
    assert bench.ended(handle).ok


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
    bench.backend.refuse("one", refusals(1, transient=False))
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
