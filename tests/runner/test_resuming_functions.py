"""Laws of stage functions that are called again by another controller."""

from __future__ import annotations

import time

import pytest

from buildorch import api, events
from buildorch.context import StageContext
from buildorch.dsl import Pipeline, stage
from buildorch.errors import BuildorchError, LinkLost
from buildorch.flow import parallel
from buildorch.job import Job, JobEnd
from buildorch.model import Secret
from buildorch.testing import FakeBackend, Script
from runner.bench import Bench

SECRET = "hunter22"  # noqa: S105 - it is what must not be seen


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
    assert b"note\n1234567890\n******** and more\n" == bench.log("noting")
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


def test_a_function_is_late_only_where_its_command_is(bench: Bench) -> None:
    """Resumed after its time: the command that runs has a limit of its own, and is waited for."""

    @stage(server="one", timeout=1.0)
    def late(c: StageContext) -> None:
        c.sleep(0.01)
        c.run("make")

    bench.backend = FakeBackend({"late": [Script(hold=True)]})
    pipeline = Pipeline("p", parallel(late))
    handle = bench.start(pipeline, running="late")
    bench.until(lambda: handle.view.stages["late"].step == 1)
    begun = time.monotonic()
    bench.left(handle)
    bench.until(lambda: time.monotonic() - begun > 1.1)
    handle = bench.resume(pipeline)
    bench.until(lambda: handle.view.stages["late"].state == "running")
    bench.backend.finish("late", JobEnd(kind="signal", code=15, reason="timeout"))
    result = bench.ended(handle)
    assert "timed_out" == result.stages["late"].state
    assert not bench.seen.of(events.OrphanNoted)
    assert 1 == len(bench.seen.of(events.StepFinished))
