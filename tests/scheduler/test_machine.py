"""Laws of the scheduler over random graphs, outcomes and interleavings."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler.world import BAD, CANCELLED, LOST, OK, TIMEOUT, World

from buildorch import events
from buildorch.events import Event
from buildorch.job import JobEnd
from buildorch.model import FunctionRef, Plan, PlannedStage, Retry, Server, StageStatus
from buildorch.scheduler import facts
from buildorch.scheduler.state import IllegalMoveError, RunState

SERVERS = (Server(name="one", slots=2), Server(name="two", slots=1), Server(name="three"))

FUNCTION = FunctionRef(module="m", qualname="f")


def a_stage(name: str, index: int = 0, **options: Any) -> PlannedStage:
    options.setdefault("servers", (SERVERS[0],))
    options.setdefault("command", "true")
    return PlannedStage(name=name, index=index, **options)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Random graphs: each stage comes after some of those before it."""
    stages: list[PlannedStage] = []
    for index in range(draw(st.integers(1, 12))):
        names = [stage.name for stage in stages]
        after = draw(st.lists(st.sampled_from(names), max_size=3, unique=True)) if names else []
        first = draw(st.integers(0, 2))
        body = {"command": None, "function": FUNCTION} if draw(st.booleans()) else {}
        stages.append(
            a_stage(
                f"s{index}",
                index,
                servers=(SERVERS[first], *SERVERS[first + 1 :]),
                after=tuple(after),
                retry=Retry(draw(st.integers(0, 2))),
                allow_failure=draw(st.booleans()),
                always=draw(st.integers(0, 5)) == 0,
                artifacts=("*.bin",) if draw(st.booleans()) else (),
                timeout=3.0 if draw(st.booleans()) else None,
                **body,
            )
        )
    return Plan(
        name="p",
        stages=tuple(stages),
        parallel_limit=draw(st.integers(1, 4)),
        fail_fast=draw(st.booleans()),
        archive=draw(st.booleans()),
    )


def a_world(plan: Plan, seed: int) -> World:
    dice = random.Random(seed)  # noqa: S311 - a test's choices, to be repeated
    ends: dict[tuple[str, int], JobEnd] = {}

    def end(stage: str, attempt: int) -> JobEnd:
        return ends.setdefault(
            (stage, attempt), dice.choices((OK, BAD, LOST, TIMEOUT), (6, 2, 1, 1))[0]
        )

    return World(
        plan, dice, end=end, reachable=lambda _: dice.random() < 0.9, lossy=dice.choice((0.0, 0.1))
    )


def check_order(world: World) -> None:
    """No stage starts before its predecessors allow it."""
    by_name = {stage.name: stage for stage in world.plan.stages}
    state = RunState(world.plan)
    for at, event in world.record:
        if isinstance(event, events.AttemptStarted):
            stage = by_name[event.stage]
            before = [state.stages[name] for name in stage.after]
            assert all(each.finished is not None for each in before)
            assert stage.always or all(each.clear for each in before)
        state.apply(event, at)


def check_once(world: World) -> None:
    """Every job was launched once, and every stage and the run ended once."""
    launched = [event.job for _, event in world.record if isinstance(event, events.StepLaunching)]
    assert len(launched) == len(set(launched))
    assert set(world.started) <= set(launched)
    ends = [event.stage for _, event in world.record if isinstance(event, events.StageFinished)]
    assert sorted(ends) == sorted(stage.name for stage in world.plan.stages)
    assert sum(isinstance(event, events.RunFinished) for _, event in world.record) == 1


def check_replay(world: World) -> None:
    """Replaying the stored events gives the same state."""
    again = RunState(world.plan)
    for at, event in world.record:
        again.apply(event, at)
    for name, state in again.stages.items():
        live = attrs.asdict(world.scheduler.state.stages[name])
        replayed = attrs.asdict(state)
        for each in (live, replayed):
            del each["report"]  # of the last log; never stored
        assert live == replayed


@settings(max_examples=900, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32))
def test_every_run_ends_in_order_within_limits(plan: Plan, seed: int) -> None:
    """Whatever the graph, the outcomes and their order: order, limits, an end, a true replay."""
    world = a_world(plan, seed)
    world.go()
    check_order(world)
    check_once(world)
    check_replay(world)
    assert world.peak <= plan.parallel_limit


@settings(max_examples=350, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32), when=st.integers(0, 30))
def test_a_cancelled_run_ends(plan: Plan, seed: int, when: int) -> None:
    """A cancel at any moment ends the run; what runs is killed, `always` stages still run.

    Artifacts that never come and functions that hear nothing do not keep it.
    """
    world = a_world(plan, seed)
    world.deaf = 0.3
    world.turn()
    for _ in range(when):
        world.deliver()
    world.turn(facts.CancelOrdered(by="a test"))
    world.go()
    check_order(world)
    check_once(world)
    check_replay(world)


@settings(max_examples=350, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32), crashes=st.lists(st.integers(1, 40), max_size=4))
def test_a_crash_at_any_moment_launches_nothing_new_twice(
    plan: Plan, seed: int, crashes: list[int]
) -> None:
    """A controller that dies at any turn is replaced by one that wants the same jobs."""
    world = a_world(plan, seed)
    world.survive(crashes)
    check_order(world)
    check_once(world)
    check_replay(world)


def run(*stages: PlannedStage, end: Any = None, **options: Any) -> World:
    plan = Plan(name="p", stages=stages, **options)
    world = World(plan, random.Random(0), end=end or (lambda _s, _a: OK))  # noqa: S311 - likewise
    world.go()
    return world


def fails(*names: str) -> Any:
    return lambda stage, _: BAD if stage in names else OK


def test_cleanup_that_worked_does_not_deploy_a_failure() -> None:
    """`a >> cleanup(always) >> deploy` must not deploy after a failed."""
    world = run(
        a_stage("a", 0),
        a_stage("cleanup", 1, after=("a",), always=True),
        a_stage("deploy", 2, after=("cleanup",)),
        end=fails("a"),
    )
    assert {"a": "failed", "cleanup": "succeeded", "deploy": "skipped"} == world.statuses()


def test_cleanup_waits_for_what_is_still_being_killed() -> None:
    """After a cancel an `always` stage waits for all before it, not for its neighbour alone."""
    stages = (
        a_stage("build", 0),
        a_stage("test", 1, after=("build",)),
        a_stage("off", 2, after=("test",), always=True),
    )
    world = World(Plan(name="p", stages=stages), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="build", server="one"))
    world.turn(facts.Connected(server="one"))
    world.turn(facts.CancelOrdered(by="me"))
    assert {"test": "cancelled"} == world.statuses()
    assert world.scheduler.state.stages["off"].phase == "waiting"
    world.go()
    assert {"build": "cancelled", "test": "cancelled", "off": "succeeded"} == world.statuses()


def test_allowed_failure_lets_dependents_go_on() -> None:
    """A stage that may fail blocks nobody, and the run succeeds."""
    world = run(a_stage("a", 0, allow_failure=True), a_stage("b", 1, after=("a",)), end=fails("a"))
    assert {"a": "failed", "b": "succeeded"} == world.statuses()
    assert world.scheduler.state.finished is not None
    assert world.scheduler.state.finished.status == "succeeded"


@pytest.mark.parametrize(
    ("end", "retry", "attempts", "status"),
    [
        (BAD, Retry(0), 1, StageStatus.FAILED),
        (BAD, Retry(2), 3, StageStatus.FAILED),
        (TIMEOUT, Retry(2), 1, StageStatus.TIMED_OUT),
        (TIMEOUT, Retry(2, on=("timed_out",)), 3, StageStatus.TIMED_OUT),
        (LOST, Retry(0), 3, StageStatus.LOST),
        (JobEnd(kind="exit", code=1, reason="workdir"), Retry(2), 1, StageStatus.FAILED),
        (JobEnd(kind="lost", reason="no_space"), Retry(2), 1, StageStatus.NO_SPACE),
        (JobEnd(kind="lost", reason="refused", detail="no"), Retry(2), 1, StageStatus.LOST),
    ],
)
def test_retries_have_their_own_budgets(
    end: JobEnd, retry: Retry, attempts: int, status: StageStatus
) -> None:
    """Failures use the stage's retries, the infrastructure its own; the rest is final."""
    world = run(a_stage("a", retry=retry), end=lambda _s, _a: end)
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert (attempts, status) == (finished.attempts, finished.status)


def test_an_unreachable_server_has_four_tries_then_the_fallback() -> None:
    """The first try and three more, then the next server; none left: unreachable."""
    stage = a_stage("a", servers=SERVERS[:2])
    world = World(
        Plan(name="p", stages=(stage,)),
        random.Random(0),  # noqa: S311 - likewise
        reachable=lambda server: server == "two",
    )
    world.go()
    tries = [event for _, event in world.record if isinstance(event, events.ConnectFailed)]
    assert [1, 2, 3, 4] == [event.tries for event in tries]
    assert "two" == tries[-1].fallback
    assert {"a": "succeeded"} == world.statuses()
    world = World(Plan(name="p", stages=(stage,)), random.Random(0), reachable=lambda _: False)  # noqa: S311 - likewise
    world.go()
    assert {"a": "unreachable"} == world.statuses()


def test_a_refused_login_is_not_tried_again() -> None:
    """A failure that nobody but a person can mend ends the stage at once, without fallback."""
    world = World(Plan(name="p", stages=(a_stage("a", servers=SERVERS),)), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    world.turn(
        facts.NotConnected(server="one", reason="login refused", message="no", transient=False)
    )
    assert {"a": "unreachable"} == world.statuses()


def test_cancel_between_intent_and_answer_kills_under_the_same_id() -> None:
    """A job whose launch was sent but not answered is killed, not forgotten."""
    world = World(Plan(name="p", stages=(a_stage("a"),)), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    world.turn(facts.Connected(server="one"))
    world.turn(facts.CancelOrdered(by="me"))
    assert {"r.0.1.1"} == world.killed
    world.go()
    assert {"a": "cancelled"} == world.statuses()


def test_a_refusal_is_told_in_its_own_words() -> None:
    """What a server cannot run before a person changes something ends with what it said."""
    refused = JobEnd(kind="lost", reason="refused", detail="no locks can be taken: install flock")
    world = run(a_stage("a"), end=lambda _s, _a: refused)
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert finished.reason == "refused: no locks can be taken: install flock"


def test_cancelled_before_the_command_began() -> None:
    """A job that was stopped while it waited has no exit code, and the reason says why."""
    world = _launched()
    world.turn(facts.CancelOrdered(by="me"))
    end = JobEnd(kind="lost", reason="cancelled", detail="cancelled before it began")
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=end))
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert finished.status is StageStatus.CANCELLED
    assert (finished.exit_code, finished.signal) == (None, None)
    assert finished.reason == "cancelled before it began"


def test_a_log_without_an_end_is_not_complete() -> None:
    """Whoever gives up a job that was launched has not seen the end of its log."""
    world = _launched()
    world.turn(facts.LinkDown(server="one", reason="cut"))
    world.turn(facts.AbandonOrdered(by="me"))
    finished = world.scheduler.state.stages["a"].finished
    assert finished is not None
    assert not finished.log_complete


def _launched() -> World:
    world = World(Plan(name="p", stages=(a_stage("a"),)), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    world.turn(facts.Connected(server="one"))
    return world


def test_an_end_before_the_kill_is_the_true_one() -> None:
    """A job that ended by itself while the cancel was on its way keeps its own end."""
    world = World(Plan(name="p", stages=(a_stage("a"),)), random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    world.turn(facts.Connected(server="one"))
    world.turn(facts.CancelOrdered(by="me"))
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=OK))
    assert {"a": "succeeded"} == world.statuses()
    world.turn(facts.JobEnded(stage="a", attempt=1, step=1, end=CANCELLED))
    assert {"a": "succeeded"} == world.statuses()


@pytest.mark.parametrize(
    "event",
    [
        events.StepFinished(stage="a", attempt=1, step=1, end=OK),
        events.RetryScheduled(stage="a", attempt=2, delay=0, cause="failures"),
        events.StepStarted(stage="a", attempt=1, step=1),
    ],
)
def test_an_illegal_move_changes_nothing(event: Event) -> None:
    """An event that does not fit raises and leaves the state as it was."""
    state = RunState(Plan(name="p", stages=(a_stage("a"),)))
    before = attrs.asdict(state.stages["a"])
    with pytest.raises(IllegalMoveError):
        state.apply(event, 0.0)
    assert before == attrs.asdict(state.stages["a"])
