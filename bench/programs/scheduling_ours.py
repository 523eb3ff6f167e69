"""buildorch: a pipeline is planned, and its scheduler driven to the end, without I/O."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

from scheduling_work import SLOTS, WIDTH, Work, before, clock

from buildorch import Config, Flow, Pipeline, Stage
from buildorch.job import JobEnd
from buildorch.model import Defaults, Plan
from buildorch.planner import make_plan
from buildorch.scheduler import Scheduler, actions, facts

GOOD = JobEnd(kind="exit")


def declared(count: int) -> Pipeline:
    """Return the work as a pipeline."""
    numbers = range(count)
    flow = Flow(
        stages=tuple(Stage(name=f"s{number}", command="true") for number in numbers),
        edges=tuple((one, number) for number in numbers for one in before(number)),
        heads=tuple(range(min(count, WIDTH))),
        tails=tuple(range(max(0, count - WIDTH), count)),
    )
    return Pipeline("scheduling", flow, parallel_limit=SLOTS)


def worked_off(plan: Plan, work: Work) -> Scheduler:
    """Drive the scheduler as the controller does: each action is answered, a turn later.

    The answers of one turn are heard in the next one; the controller also stores what was decided
    and carries out the actions, which is left out here.
    """
    scheduler = Scheduler(plan, "20260714-093012-4fa2c1", Defaults(), lambda: 0.5)
    numbers = {stage.name: number for number, stage in enumerate(plan.stages)}

    def attend(action: actions.Attend) -> list[facts.Fact]:
        work.do(numbers[action.stage])
        stage, attempt, step = action.stage, action.attempt, action.step
        return [
            facts.JobStarted(stage=stage, attempt=attempt, step=step),
            facts.JobEnded(stage=stage, attempt=attempt, step=step, end=GOOD),
        ]

    answers: dict[type[actions.Action], Callable[[Any], list[facts.Fact]]] = {
        actions.TakeSlot: lambda one: [facts.SlotTaken(stage=one.stage, server=one.server)],
        actions.Connect: lambda one: [facts.Connected(server=one.server)],
        actions.Attend: attend,
    }
    now, heard = 0.0, list[facts.Fact]()
    while scheduler.state.finished is None:
        for fact in heard:
            scheduler.observe(fact, now)
        scheduler.decide(now)
        heard = [
            fact for action in scheduler.actions(now) for fact in answers[type(action)](action)
        ]
        now += 0.001
    return scheduler


def each(count: int, work: Work) -> tuple[float, float]:
    """Return how many seconds it takes to plan, and to schedule, the work."""
    pipeline = declared(count)
    begun = clock()
    plan = make_plan(pipeline, Config())
    planned = clock()
    worked_off(plan, work)
    return planned - begun, clock() - planned


def kept(count: int) -> float:
    """Return how many bytes of memory the plan and the state of the ended run take, a stage."""
    pipeline = declared(count)
    _ = pipeline.flow().edges
    tracemalloc.start()
    plan = make_plan(pipeline, Config())
    scheduler = worked_off(plan, Work())
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(scheduler.state.stages)


def main() -> None:
    """Do it with a tenth of the stages, then with all, and say what one takes."""
    count = int(sys.argv[1])
    tenth = sum(each(count // 10, Work())) / (count // 10)
    gc.collect()
    work = Work()
    planning, scheduling = each(count, work)
    seconds = planning + scheduling
    figures = {
        "plan_us": planning / count * 1e6,
        "schedule_us": scheduling / count * 1e6,
        "growth_times": seconds / count / tenth,
        "kept_bytes": kept(count // 10),
    }
    print(json.dumps({"seconds": seconds, "asked": count, "done": work.done(), **figures}))


main()
