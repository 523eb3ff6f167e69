"""Laws of what an attempt that is over leaves behind: nothing of it counts for the next one."""

from __future__ import annotations

from scheduler.recording import MOVE, cut, kinds, recording
from scheduler.world import OK

from buildorch.job import Wait
from buildorch.model import FunctionRef, StageStatus
from buildorch.scheduler import facts

_WAIT = facts.JobWaiting(stage="a", attempt=1, step=1, wait=Wait(kind="lock", name="rack"))


def test_a_wait_of_an_attempt_that_was_given_up_lengthens_no_limit() -> None:
    """The next attempt's time begins with its own launch, however long the last one waited."""
    world = recording(timeout=600.0)
    world.turn(facts.JobStarted(stage="a", attempt=1, step=1))
    world.turn(_WAIT)
    cut(world)
    world.turn(MOVE)
    world.now += 500.0
    world.turn(facts.SlotTaken(stage="a", server="two"))
    world.turn(facts.Connected(server="two"))
    state = world.scheduler.state.stages["a"]
    assert world.now + 600.0 == state.deadline
    world.now += 10.0
    world.turn(facts.JobEnded(stage="a", attempt=2, step=1, end=OK))
    assert world.now - 10.0 + 600.0 == state.deadline


def test_a_log_of_an_older_attempt_judges_no_newer_one() -> None:
    """Both ends come in one turn: the newer attempt is judged by its own log."""
    world = recording(fail_if="FAILED")
    cut(world)
    world.turn(MOVE)
    world.turn(facts.SlotTaken(stage="a", server="two"))
    world.turn(facts.Connected(server="two"))
    own = facts.JobEnded(stage="a", attempt=2, step=1, end=OK, log=facts.LogReport(size=1))
    bad = facts.LogReport(size=1, errors=7, last_line="FAILED")
    old = facts.JobEnded(stage="a", attempt=1, step=1, end=OK, log=bad)
    world.turn(own, old)
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert (StageStatus.SUCCEEDED, 0) == (finished.status, finished.errors)


def test_a_timeout_that_nobody_confirms_is_a_timeout() -> None:
    """A function was killed at its limit, then its server was given up: it was not cancelled."""
    world = recording(timeout=60.0, function=FunctionRef(module="m", qualname="f"), command=None)
    world.now += 61.0
    world.turn()
    state = world.scheduler.state.stages["a"]
    assert "timeout" == state.kill
    cut(world)
    world.turn(facts.AbandonOrdered(by="me"))
    assert state.finished is not None
    assert StageStatus.TIMED_OUT == state.finished.status


def test_a_collecting_job_that_waits_is_told() -> None:
    """Another run has the folder by now: it is said what the artifacts wait for."""
    world = recording(artifacts=("*.bin",))
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=OK))
    assert ["step_waiting"] == kinds(world.told(_WAIT))
    assert [] == world.told(_WAIT)
    assert ["step_waiting"] == kinds(
        world.told(facts.JobWaiting(stage="a", attempt=1, step=1, wait=None))
    )
    made = world.told(facts.Collected(stage="a", attempt=1))
    assert "stage_finished" in kinds(made)
    assert [] == world.told(_WAIT)
