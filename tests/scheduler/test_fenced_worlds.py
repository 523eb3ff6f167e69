"""Laws of fallback and fencing in any order of events: nothing doubled, nothing left alive."""

from __future__ import annotations

import random
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler.servers import Servers
from scheduler.test_machine import SERVERS, a_stage, check_order, check_replay
from scheduler.world import BAD, LOST, OK, TIMEOUT

from buildorch import events
from buildorch.job import JobEnd
from buildorch.model import Plan, PlannedStage, Retry
from buildorch.scheduler import facts
from buildorch.scheduler.state import RunState


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Graphs of few stages, each with fallbacks, some with leases."""
    stages: list[PlannedStage] = []
    for index in range(draw(st.integers(1, 4))):
        names = [stage.name for stage in stages]
        after = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
        stages.append(
            a_stage(
                f"s{index}",
                index,
                servers=draw(st.permutations(SERVERS)),
                after=tuple(after),
                retry=Retry(draw(st.integers(0, 1))),
                lease=draw(st.sampled_from((None, 5.0, 30.0))),
                always=draw(st.integers(0, 5)) == 0,
            )
        )
    return Plan(name="p", stages=tuple(stages), parallel_limit=4)


def servers(plan: Plan, seed: int, **options: Any) -> Servers:
    dice = random.Random(seed)  # noqa: S311 - a test's choices, to be repeated
    ends: dict[tuple[str, int], JobEnd] = {}

    def end(stage: str, attempt: int) -> JobEnd:
        return ends.setdefault(
            (stage, attempt), dice.choices((OK, BAD, LOST, TIMEOUT), (6, 2, 1, 1))[0]
        )

    return Servers(plan, dice, end=end, **options)


def check_gone(world: Servers) -> None:
    """Nothing doubled, nothing lives, and each orphan that was noted was confirmed to be dead."""
    assert not world.doubled
    assert not world.living
    noted = [one.job for _, one in world.record if isinstance(one, events.OrphanNoted)]
    gone = [one.job for _, one in world.record if isinstance(one, events.OrphanGone)]
    assert sorted(noted) == sorted(gone)
    assert len(gone) == len(set(gone))
    launched = [one.job for _, one in world.record if isinstance(one, events.StepLaunching)]
    assert len(launched) == len(set(launched))


def check_prefixes(world: Servers) -> None:
    """A controller that died after any event is replaced by one that knows the same."""
    state = RunState(world.plan)
    for count, (at, event) in enumerate(world.record):
        if count % 7 == 0:
            again = RunState(world.plan)
            for then, before in world.record[:count]:
                again.apply(before, then)
            for name, one in state.stages.items():
                assert attrs.asdict(one) == attrs.asdict(again.stages[name])
            assert state.orphans == again.orphans
        state.apply(event, at)


@settings(max_examples=400, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32), crashes=st.lists(st.integers(1, 40), max_size=3))
def test_no_stage_runs_on_two_servers_or_twice_on_one(
    plan: Plan, seed: int, crashes: list[int]
) -> None:
    """Whatever is cut, rebooted, moved or crashes: the rest of a moved stage is fenced.

    The run ends, and not before everything that it launched anywhere is dead.
    """
    world = servers(plan, seed)
    world.survive(crashes)
    check_order(world)
    check_replay(world)
    check_gone(world)
    check_prefixes(world)


@settings(max_examples=150, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32), when=st.integers(0, 40))
def test_a_cancelled_run_leaves_nothing(plan: Plan, seed: int, when: int) -> None:
    """A cancel beside moves, cuts and leases: the run ends, and nothing lives anywhere."""
    world = servers(plan, seed)
    world.turn()
    for _ in range(when):
        world.deliver()
    world.turn(facts.CancelOrdered(by="me"))
    world.go()
    check_replay(world)
    check_gone(world)


@settings(max_examples=150, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**32), when=st.integers(0, 40))
def test_an_abandoned_run_ends_though_nothing_answers(plan: Plan, seed: int, when: int) -> None:
    """No server answers ever again: the run ends, and names everything that may live."""
    world = servers(plan, seed)
    world.turn()
    for _ in range(when):
        world.deliver()
    world.faulty = world.movable = 0.0
    for server in sorted({one.name for stage in plan.stages for one in stage.servers}):
        world.down.add(server)
        world.turn(facts.LinkDown(server=server, reason="cut"))
    world.pending = [fact for fact in world.pending if not isinstance(fact, facts.LinkUp)]
    world.turn(facts.CancelOrdered(by="me"), facts.AbandonOrdered(by="me"))
    world.reachable = lambda _: False
    world.go()
    assert not world.doubled
    assert set(world.living) <= set(world.scheduler.state.orphans)
