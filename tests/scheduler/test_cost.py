"""What a stage costs does not depend on how many there are."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from scheduler.world import OK

from buildorch import Config, Pipeline, Stage, events, parallel, sequence
from buildorch.events import Event
from buildorch.flow import Flow
from buildorch.model import Defaults, Plan, Server
from buildorch.planner import make_plan
from buildorch.scheduler import Scheduler, actions, facts
from buildorch.scheduler.actions import Action
from buildorch.scheduler.facts import Fact

SERVERS = {f"s{number}": Server(name=f"s{number}", slots=2) for number in range(50)}


def stages(count: int) -> list[Stage]:
    return [Stage(name=f"n{number}", command="true") for number in range(count)]


def chain(count: int) -> Flow:
    return sequence(*stages(count))


def wide(count: int) -> Flow:
    return parallel(*stages(count))


def layers(count: int) -> Flow:
    found = stages(count)
    return sequence(*(found[start : start + 5] for start in range(0, count, 5)))


def many_servers(count: int) -> Flow:
    return parallel(*(one.with_(server=f"s{n % 50}") for n, one in enumerate(stages(count))))


def answers(action: Action) -> list[Fact]:
    """Return what happens where nothing goes wrong."""
    match action:
        case actions.TakeSlot(stage, server):
            return [facts.SlotTaken(stage=stage, server=server)]
        case actions.Connect(_, server, _):
            return [facts.Connected(server=server)]
        case actions.Attend(stage, attempt, step):
            return [
                facts.JobStarted(stage=stage, attempt=attempt, step=step),
                facts.JobEnded(stage=stage, attempt=attempt, step=step, end=OK),
            ]
        case _:
            raise AssertionError(action)


def go(plan: Plan) -> tuple[Scheduler, list[Event]]:
    """Run a plan to its end; all that is under way happens in one turn."""
    scheduler = Scheduler(plan, "r", Defaults(), lambda: 0.5)
    made, heard = list[Event](), list[Fact]()
    while scheduler.state.finished is None:
        for fact in heard:
            made += scheduler.observe(fact, 0.0)
        made += scheduler.decide(0.0)
        heard = [fact for action in scheduler.actions(0.0) for fact in answers(action)]
    return scheduler, made


def planned(flow: Flow, limit: int) -> Plan:
    return make_plan(Pipeline("p", flow, parallel_limit=limit), Config(servers=SERVERS))


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the calls that are made meanwhile: the same on any machine, however busy it is."""
    calls = [0]

    def see(_frame: object, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            calls[0] += 1

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def calls_of_each(shape: Callable[[int], Flow], count: int, limit: int) -> float:
    """Return how many calls it takes to compose, plan and schedule a stage."""
    with counted() as calls:
        go(planned(shape(count), limit))
    return calls[0] / count


@pytest.mark.parametrize("limit", [3, 1_000_000])
@pytest.mark.parametrize("shape", [chain, wide, layers, many_servers])
def test_ten_times_as_many_stages_take_ten_times_as_long(
    shape: Callable[[int], Flow], limit: int
) -> None:
    """Composing, planning and scheduling are linear, whatever the graph and the limits."""
    few, many = (calls_of_each(shape, count, limit) for count in (200, 2000))
    assert many < 1.1 * few


def test_a_stage_takes_little_memory() -> None:
    """A plan and the state of its run keep less than 2 KB of each stage, also after its end."""
    flow = chain(1000)
    assert len(flow.edges) == 999
    tracemalloc.start()
    try:
        plan = planned(flow, 3)
        scheduler, made = go(plan)
        assert isinstance(made.pop(), events.RunFinished)
        del made
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / len(scheduler.state.stages) < 2048


def test_a_full_server_holds_up_no_other() -> None:
    """Whoever could run is asked for at once, as many as each server and the run take."""
    plan = planned(many_servers(400), 1_000_000)
    scheduler = Scheduler(plan, "r", Defaults(), lambda: 0.5)
    scheduler.decide(0.0)
    asked = [action for action in scheduler.actions(0.0) if isinstance(action, actions.TakeSlot)]
    assert [f"n{number}" for number in range(100)] == [action.stage for action in asked]
    (first, *_) = asked
    scheduler.observe(facts.SlotBusy(stage=first.stage, server=first.server, holder="x"), 0.0)
    scheduler.decide(0.0)
    assert [actions.TakeSlot("n100", first.server)] == scheduler.actions(0.0)
