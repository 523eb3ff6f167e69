"""Laws of fallback and fencing: a stage never ends up running on two servers, or twice on one."""

from __future__ import annotations

import random

import pytest
from scheduler.recording import MOVE, ONE_TWO, cut, impatient, kinds, phase, recording
from scheduler.test_machine import SERVERS, a_stage
from scheduler.world import BAD, OK, TIMEOUT, World

from buildorch import events
from buildorch.job import JobEnd
from buildorch.model import FunctionRef, Plan, Retry, RunStatus
from buildorch.scheduler import actions, facts
from buildorch.scheduler.fencing import LEASE_MARGIN


def test_a_move_kills_first_where_the_server_answers() -> None:
    """The next attempt begins when the old job is confirmed to be dead, and costs no retry."""
    world = recording(retry=Retry(0), infra_retry=0)
    world.answers = True
    made = world.told(MOVE)
    assert ["move_requested", "kill_requested"] == kinds(made)
    assert {"r.0.1.1"} == world.killed
    end = JobEnd(kind="signal", code=15, reason="moved")
    made = world.told(facts.JobEnded(stage="a", attempt=1, step=1, end=end))
    assert ["step_finished", "attempt_finished", "retry_scheduled"] == kinds(made)
    assert ("moved", "two", 0.0) == (made[2].cause, made[2].server, made[2].delay)
    world.go()
    assert {"a": "succeeded"} == world.statuses()
    assert "two" == world.scheduler.state.stages["a"].server.name


def test_a_move_from_a_server_that_does_not_answer_notes_the_orphan() -> None:
    """The stage goes on elsewhere at once; the run ends only when the old job is dead."""
    world = recording()
    cut(world)
    made = world.told(MOVE)
    assert [
        "move_requested",
        "orphan_noted",
        "attempt_finished",
        "retry_scheduled",
    ] == kinds(made)
    assert actions.Fence("a", 1, "one", "r.0.1.1") in world.asked
    world.turn(facts.SlotTaken(stage="a", server="two"))
    world.turn(facts.Connected(server="two"))
    made = world.told(facts.JobEnded(stage="a", attempt=2, step=1, end=OK))
    assert "stage_finished" == made[-1].kind
    made = world.told(facts.OrphanEnded(job="r.0.1.1"))
    assert ["orphan_gone", "run_finished"] == kinds(made)
    assert RunStatus.SUCCEEDED == made[1].status
    assert made[1].reason is None


def test_orphan_against_retry_on_one_server() -> None:
    """A stage that goes back to the server of its orphan waits until that is dead: fence first."""
    world = recording(infra_retry=5)
    cut(world)
    world.turn(MOVE)
    world.turn(facts.MoveOrdered(stage="a", server="one", by="me"))
    world.asked.clear()
    world.turn(facts.SlotTaken(stage="a", server="two"))
    assert "backoff" == phase(world)
    assert not [one for one in world.asked if isinstance(one, actions.TakeSlot)]
    world.turn(facts.OrphanEnded(job="r.0.1.1"))
    assert [actions.TakeSlot("a", "one")] == world.asked


@pytest.mark.parametrize(
    ("server", "there"), [(None, "two"), ("two", "two"), ("one", "one"), ("three", "one")]
)
def test_a_stage_that_waits_is_moved_without_an_attempt(server: str | None, there: str) -> None:
    """Nothing was launched: it only waits for another slot; no other server than its own is taken.

    The slot that was asked for before is not used.
    """
    world = World(Plan(name="p", stages=(a_stage("a", servers=ONE_TWO),)), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.MoveOrdered(stage="a", server=server, by="me"))
    world.turn(facts.SlotTaken(stage="a", server="one"))
    state = world.scheduler.state.stages["a"]
    assert there == state.server.name
    assert (there == "one") == (phase(world) == "connecting")
    world.go()
    assert 1 == state.attempt


def test_a_stage_that_connects_is_moved_at_once() -> None:
    """The tries to connect are over; the attempt is the same, as nothing was launched."""
    world = World(
        Plan(name="p", stages=(a_stage("a", servers=ONE_TWO),)),
        random.Random(0),  # noqa: S311 - likewise
        reachable=lambda server: server == "two",
    )
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    assert ["move_requested"] == kinds(world.turn(MOVE))
    world.go()
    assert {"a": "succeeded"} == world.statuses()
    assert 1 == world.scheduler.state.stages["a"].attempt


@pytest.mark.parametrize("when", ["after its end", "while it is killed", "after a cancel"])
def test_a_move_that_comes_too_late_is_nothing(when: str) -> None:
    """Who wants the end of the run, or has it, gets no second start."""
    world = recording()
    if when == "after its end":
        world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=OK))
    else:
        world.turn(facts.CancelOrdered(by="me"))
    assert [] == world.turn(MOVE)


def test_a_cancel_while_a_move_kills_ends_the_stage() -> None:
    """The kill was for the move; the run ends all the same, and nothing starts elsewhere."""
    world = recording()
    world.turn(MOVE)
    world.turn(facts.CancelOrdered(by="me"))
    end = JobEnd(kind="signal", code=15, reason="moved")
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=end))
    assert {"a": "cancelled"} == world.statuses()
    assert world.scheduler.state.finished is not None


def test_a_job_that_ends_before_its_move_keeps_its_end() -> None:
    """It succeeded while the kill was on its way: there is nothing to move any more."""
    world = recording()
    world.turn(MOVE)
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=OK))
    assert {"a": "succeeded"} == world.statuses()


def test_a_lease_is_over_only_when_its_server_surely_has_killed() -> None:
    """The fallback starts after lease and margin, counted from the loss of the link."""
    world = recording(lease=100.0)
    world.now = 10.0
    cut(world)
    due = world.scheduler.wake_at()
    assert due is not None
    while due is not None and due < 110.0 + LEASE_MARGIN:
        world.now = due
        assert [] == world.turn()
        due = world.scheduler.wake_at()
    assert due is not None
    assert 120.0 + LEASE_MARGIN >= due
    world.now = due
    made = world.told()
    assert ["orphan_noted", "attempt_finished", "retry_scheduled"] == kinds(made)
    assert ("infrastructure", "two") == (made[2].cause, made[2].server)


def test_a_lease_is_counted_from_the_newest_controller() -> None:
    """What the one before renewed after its last stored event, nobody knows."""
    world = recording(lease=100.0)
    cut(world)
    world.now = 1000.0
    world.record.append((world.now, events.ControllerAttached(pid=1, host="h")))
    world.crash()
    world.now = 1090.0 + LEASE_MARGIN
    assert [] == kinds(world.turn())
    world.now = 1110.0 + LEASE_MARGIN
    assert "orphan_noted" in kinds(world.turn())


def test_a_lease_that_its_server_ended_goes_to_the_fallback() -> None:
    """The record says so: the loss is proven, nothing has to be fenced."""
    world = recording(lease=100.0)
    end = JobEnd(kind="signal", code=15, reason="lease")
    made = world.told(facts.JobEnded(stage="a", attempt=1, step=1, end=end))
    assert ["step_finished", "attempt_finished", "retry_scheduled"] == kinds(made)
    assert "two" == made[2].server


def test_a_proven_loss_is_repeated_on_its_server_first() -> None:
    """A rebooted server has the folder still; its fallback comes where it does not answer."""
    world = recording()
    made = world.told(
        facts.JobEnded(stage="a", attempt=1, step=1, end=JobEnd(kind="lost", reason="rebooted"))
    )
    assert (None, "infrastructure") == (made[-1].server, made[-1].cause)
    assert "one" == world.scheduler.state.stages["a"].server.name


def test_no_fallback_once_a_launch_was_sent() -> None:
    """A launch whose answer never came counts as started: the stage waits, for ever."""
    world = recording()
    cut(world)
    world.now = 1e6
    world.turn()
    assert "launching" == phase(world)


def test_a_cancel_waits_for_a_server_until_it_is_abandoned() -> None:
    """The kill is not confirmed: the run waits, until somebody says that it need not."""
    world = recording()
    world.turn(facts.CancelOrdered(by="me"))
    cut(world)
    world.now = 1e6
    assert [] == world.turn()
    made = world.told(facts.AbandonOrdered(by="me"))
    assert [
        "abandon_requested",
        "orphan_noted",
        "attempt_finished",
        "stage_finished",
        "run_finished",
    ] == kinds(made)
    assert RunStatus.CANCELLED == made[-1].status
    assert "one has not confirmed that job r.0.1.1 is dead" == made[-1].reason


@pytest.mark.parametrize("cancelled", [True, False])
def test_patience_ends_after_its_time(cancelled: bool) -> None:
    """With `--abandon-after` a silent server is given up: cancelled or lost, and not repeated."""
    world = impatient(recording(), 100.0)
    if cancelled:
        world.turn(facts.CancelOrdered(by="me"))
    cut(world)
    world.now = 99.0
    assert [] == world.turn()
    assert world.scheduler.wake_at() == 100.0
    world.now = 100.0
    assert "orphan_noted" in kinds(world.turn())
    assert {"a": "cancelled" if cancelled else "lost"} == world.statuses()
    assert world.scheduler.state.finished is None
    world.now = 200.0
    assert ["run_finished"] == kinds(world.turn())


def test_a_stage_that_can_only_run_where_its_orphan_may_live_is_lost() -> None:
    """Nobody waits any more: it is not launched beside its own job."""
    world = impatient(recording(lease=1.0, servers=SERVERS[:1], infra_retry=1), 300.0)
    cut(world)
    world.now = 100.0
    assert "retry_scheduled" == kinds(world.turn())[-1]
    world.now = 401.0
    assert ["stage_finished", "run_finished"] == kinds(world.turn())
    assert {"a": "lost"} == world.statuses()


def test_what_a_replay_mismatch_leaves_is_fenced_by_a_retry_only() -> None:
    """Its job lives on by itself; the run waits for it; what follows on that server comes after."""
    function = FunctionRef(module="m", qualname="f")
    for retry, kill in ((Retry(0), False), (Retry(1), True)):
        world = recording(command=None, function=function, retry=retry)
        world.turn(facts.StepWanted(stage="a", attempt=1, step=1, digest="d"))
        world.turn(facts.JobStarted(stage="a", attempt=1, step=1))
        world.asked.clear()
        made = world.told(
            facts.FunctionEnded(stage="a", attempt=1, error="ReplayMismatch: step 1 ...")
        )
        assert "orphan_noted" == made[0].kind
        assert actions.Fence("a", 1, "one", "r.0.1.1", kill) in world.asked
        assert world.scheduler.state.finished is None
        assert not [one for one in world.asked if isinstance(one, actions.TakeSlot)]
        world.turn(facts.OrphanEnded(job="r.0.1.1"))
        assert ("finished" if retry.times == 0 else "backoff") == phase(world)
    world = recording(command=None, function=function)
    world.turn(facts.StepWanted(stage="a", attempt=1, step=1, digest="d"))
    world.turn(facts.FunctionEnded(stage="a", attempt=1, error="ReplayMismatch: step 1 ..."))
    world.turn(facts.CancelOrdered(by="me"))
    assert actions.Fence("a", 1, "one", "r.0.1.1", kill=True) in world.asked


def test_exit_timeout_and_cancel_at_once_have_one_end() -> None:
    """The supervisor's single record decides, in whatever order they are heard."""
    for first, status in ((OK, "succeeded"), (TIMEOUT, "timed_out"), (BAD, "failed")):
        world = recording()
        world.turn(facts.CancelOrdered(by="me"))
        world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=first))
        for end in (OK, TIMEOUT, BAD):
            assert [] == world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=end))
        assert {"a": status} == world.statuses()


def test_allow_failure_with_retry_retries_first() -> None:
    """What may fail is repeated as often as it says before its failure counts as allowed."""
    world = World(
        Plan(name="p", stages=(a_stage("a", allow_failure=True, retry=Retry(1)),)),
        random.Random(0),  # noqa: S311 - likewise
        end=lambda _, __: BAD,
    )
    world.go()
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert (2, True) == (finished.attempts, finished.allowed)
