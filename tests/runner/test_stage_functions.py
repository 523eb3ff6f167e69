"""Laws of stage functions, against the scripted backend."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildorch import api
from buildorch.context import StageContext
from buildorch.dsl import Pipeline, stage
from buildorch.errors import UsageError
from buildorch.flow import parallel, sequence
from buildorch.model import Secret, StageStatus
from buildorch.testing import FakeBackend, Script
from runner.bench import Bench, a_stage, statuses

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


def runs_a_number(c: StageContext) -> None:
    c.run(5)  # type: ignore[arg-type] # what is wrong with it


def reads_what_is_not_before_it(c: StageContext) -> None:
    with pytest.raises(KeyError):
        c.inputs["zz"]
    c.inputs["befor"]


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
        (runs_a_number, "c.run takes a command as text for the shell, or as a list of words"),
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


def test_an_input_that_is_none_is_told_with_the_nearest(bench: Bench) -> None:
    """A stage that is not before the function is a `KeyError` that names the one meant."""
    reader = stage(server="one", name="reader")(reads_what_is_not_before_it)
    result = bench.run(Pipeline("p", sequence(a_stage("before"), reader)))
    said = "no stage 'befor' comes before stage reader; did you mean 'before'?"
    assert said in (result.stages["reader"].reason or "")


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


@pytest.mark.parametrize("timeout", [3, 3.0, "3s", dt.timedelta(seconds=3)])
def test_a_step_takes_every_form_of_a_duration(bench: Bench, timeout: Any) -> None:
    """The job gets its seconds as a number, and a sleep takes the same forms."""

    @stage(server="one")
    def waits(c: StageContext) -> None:
        c.sleep(0)
        c.sleep(dt.timedelta(milliseconds=1))
        c.run("true", timeout=timeout)

    bench.backend = FakeBackend({"waits": [Script()]})
    assert bench.run(Pipeline("p", waits)).ok
    assert [3.0] == [held.job.timeout for held in bench.backend.jobs.values()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": "1:30"}, "timeout of c.run: '1:30' is unclear"),
        ({"timeout": 0}, "not more than zero"),
        ({"timeout": [3]}, "is no duration"),
        ({"cwd": ["a"]}, "cwd of c.run takes a text, a path or a number, not a list"),
        ({"env": ["A=1"]}, "env of c.run maps names to texts; a list was given"),
        ({"env": {1: "a"}}, "env of c.run maps names to texts"),
        ({"env": {"A": None}}, "env A of c.run takes"),
        ({"name": 3}, "name of c.run is a text of one line"),
        ({"name": "a\nby x"}, "name of c.run is a text of one line"),
        ({"shell": "zsh"}, "shell of c.run is a list of words"),
    ],
)
def test_what_a_step_cannot_take_is_refused_before_anything_is_stored(
    bench: Bench, options: dict[str, Any], message: str
) -> None:
    """The error is raised in the function, which goes on; no launch is recorded."""
    told: list[str] = []

    @stage(server="one")
    def wrong(c: StageContext) -> None:
        try:
            c.run("true", **options)
        except UsageError as error:
            told.append(str(error))
        c.run("make", name="next")

    bench.backend = FakeBackend({"wrong": [Script()]})
    assert bench.run(Pipeline("p", wrong)).ok
    assert message in told[0]
    assert 1 == len(bench.backend.jobs)


def test_a_sleep_that_is_none_is_refused_before_it_is_stored(bench: Bench) -> None:
    """The error is raised in the function and says what to write."""
    told: list[str] = []

    @stage(server="one")
    def wrong(c: StageContext) -> None:
        try:
            c.sleep("a while")
        except UsageError as error:
            told.append(str(error))

    assert bench.run(Pipeline("p", wrong)).ok
    assert "c.sleep: 'a while' is no duration" in told[0]
