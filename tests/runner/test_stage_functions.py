"""Laws of stage functions, against the scripted backend."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from buildorch import api, events
from buildorch.context import StageContext
from buildorch.dsl import Pipeline, stage
from buildorch.errors import BuildorchError, LinkLost
from buildorch.events import Recorded
from buildorch.flow import parallel, sequence
from buildorch.job import Job, JobEnd
from buildorch.model import Retry, Secret, StageStatus
from buildorch.testing import FakeBackend, Script
from buildorch.view import RunView
from runner.bench import Bench, Watcher, a_stage, statuses

SECRET = "hunter22"  # noqa: S105 - it is what must not be seen


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


# What a function may do wrong: its stage fails, and the run goes on.


def returns_a_set(_: StageContext) -> object:
    return {1, 2}


def hands_on_a_path(c: StageContext) -> None:
    c.outputs["place"] = Path("/x")  # type: ignore[assignment] # what is wrong with it


def returns_no_number(_: StageContext) -> float:
    return float("nan")


def has_a_nul_byte(c: StageContext) -> None:
    c.run("echo a\0b")


def has_a_nul_byte_in_its_environment(c: StageContext) -> None:
    c.run("true", env={"WORD": "a\0b"})


def exits(_: StageContext) -> None:
    sys.exit(3)


def says_what_no_text_can_hold(_: StageContext) -> None:
    raise ValueError("\udcff")


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (returns_a_set, "JSON values only"),
        (hands_on_a_path, "JSON values only"),
        (returns_no_number, "JSON values only"),
        (has_a_nul_byte, "NUL byte"),
        (has_a_nul_byte_in_its_environment, "NUL byte"),
        (exits, "SystemExit: 3"),
        (says_what_no_text_can_hold, "ValueError"),
    ],
)
def test_a_defect_of_a_function_fails_its_stage_alone(
    bench: Bench, function: Callable[..., object], why: str
) -> None:
    """Whatever a function does, its stage says what was wrong, and the controller lives."""
    broken = stage(server="one", name="broken")(function)
    result = bench.ended(bench.start(Pipeline("p", parallel(broken, a_stage("other")))))
    assert {"broken": "failed", "other": "succeeded"} == statuses(result)
    assert why in (result.stages["broken"].reason or "")
    assert 1 == result.exit_code


def test_paths_and_numbers_are_words_of_a_command(bench: Bench) -> None:
    """A `Path` in arguments, environment or folder, and a number, arrive as their text."""

    @stage(server="one")
    def wordy(c: StageContext) -> None:
        words: Any = ["ls", Path("/x"), 8]
        env: Any = {"PLACE": Path("/y"), "JOBS": 8}
        cwd: Any = Path("/z")
        c.run(words, env=env, cwd=cwd)

    assert bench.run(Pipeline("p", parallel(wordy))).ok
    (job,) = bench.backend.launched("wordy")
    assert (("ls", "/x", "8"), "/z") == (job.command, job.workdir)
    assert {"PLACE": "/y", "JOBS": "8"}.items() <= job.env.items()


# How a function is stopped.


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


# How a function is resumed.


@stage(server="one", env={"TOKEN": Secret("TOKEN")})
def noting(c: StageContext) -> None:
    c.log("note")
    c.run("make")


def test_what_a_function_logged_is_not_repeated_at_replay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`c.log` before a joined step is there once, and the step's log goes on where it was."""
    monkeypatch.setenv("TOKEN", SECRET)
    bench.backend = FakeBackend({"noting": [Script(b"1234567890\n", hold=True)]})
    pipeline = Pipeline("p", parallel(noting))
    handle = bench.start(pipeline, running="noting")
    bench.until(lambda: bench.log("noting") == b"note\n1234567890\n")
    bench.left(handle)
    for job in bench.backend.jobs.values():
        job.log += f"{SECRET} and more\n".encode()
    handle = bench.resume(pipeline)
    bench.until(lambda: bench.log("noting").endswith(b"more\n"))
    bench.backend.finish("noting")
    assert bench.ended(handle).ok
    assert b"note\n1234567890\n******** and more\n" == bench.log("noting")
    assert bench.seen.of(events.StepFinished)[-1].log_complete


class LosesTheSecond(FakeBackend):
    """A server that does not answer to the launch of a second step, while `lost`."""

    lost = True

    def launch(self, job: Job) -> bool:
        """Launch *job*, unless it is lost."""
        if self.lost and job.id.endswith(".2"):
            raise LinkLost("cut")
        return super().launch(job)


def test_a_function_with_outputs_is_resumed_before_its_step_has_begun(bench: Bench) -> None:
    """Outputs are recorded again while the launch of the next step is not answered yet."""

    @stage(server="one")
    def handing(c: StageContext) -> None:
        c.run("one")
        c.outputs["a"] = "1"
        c.run("two")

    bench.backend = backend = LosesTheSecond()
    pipeline = Pipeline("p", parallel(handing))
    handle = bench.start(pipeline)
    bench.until(lambda: handle.view.stages["handing"].step == 2)
    bench.left(handle)
    backend.lost = False
    assert bench.ended(bench.resume(pipeline)).ok
    assert 2 == len(backend.jobs)


def test_a_resume_without_the_function_is_refused_and_its_job_lives(bench: Bench) -> None:
    """Nobody can go on with a function that is not here: that is said, and nothing is ended."""
    bench.backend = FakeBackend({"long": [Script(hold=True)]})

    @stage(server="one", name="long")
    def local(c: StageContext) -> None:
        c.run("make")

    pipeline = Pipeline("p", parallel(local))
    bench.left(bench.start(pipeline, running="long"))
    with pytest.raises(BuildorchError, match="long"):
        api.resume("last", options=bench.options)
    assert bench.backend.running("long")
    bench.backend.finish("long")
    assert api.resume("last", pipeline, bench.options).ok


# Secrets in what a function says.


@stage(server="one", env={"TOKEN": Secret("TOKEN")})
def raises_it(_: StageContext) -> None:
    raise ValueError("bad token " + os.environ["TOKEN"])


@stage(server="one", env={"TOKEN": Secret("TOKEN")})
def runs_it(c: StageContext) -> None:
    c.run("curl -u me:" + os.environ["TOKEN"])


@stage(server="one", env={"TOKEN": Secret("TOKEN")})
def logs_it(c: StageContext) -> None:
    c.log("the token is " + os.environ["TOKEN"])
    c.run("false")


@pytest.mark.parametrize("function", [raises_it, runs_it, logs_it], ids=lambda one: one.name)
def test_a_secret_in_what_a_function_says_is_masked_everywhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, function: Any
) -> None:
    """Neither log, reason, message nor stored event holds it."""
    monkeypatch.setenv("TOKEN", SECRET)
    told: list[str] = []
    bench.more = {"notifiers": {"me": told.append}}
    bench.backend = FakeBackend({function.name: [Script(code=7)]})
    result = bench.run(Pipeline("p", parallel(function)))
    assert {function.name: "failed"} == statuses(result)
    assert told
    assert SECRET not in str(told)
    assert SECRET not in str(bench.seen.records)
    stored = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in stored)
