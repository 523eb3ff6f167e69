"""Plans of a few stages, and their problems, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st

from buildorch import (
    Config,
    DefinitionError,
    Flow,
    Pipeline,
    Plan,
    Server,
    Stage,
)
from buildorch.model import PlannedStage
from buildorch.planner import make_plan

#: A number of stages, and edges between them: cycles as well.
GRAPHS = st.integers(1, 8).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14),
    )
)


def command(name: str, **options: Any) -> Stage:
    """Return a stage of a command."""
    return Stage(name=name, command="true", **options)


def config(*names: str, **more: Any) -> Config:
    """Return a configuration with servers of these names."""
    return Config(servers={name: Server(name=name, host=f"{name}.lan") for name in names}, **more)


def plan_of(part: Any, settings_: Config | None = None, **options: Any) -> Plan:
    """Return the plan of a pipeline of these stages."""
    selection = {key: options.pop(key) for key in ("only", "until", "skip") if key in options}
    return make_plan(Pipeline("p", part, **options), settings_ or Config(), **selection)


def one(part: Any, settings_: Config | None = None, **options: Any) -> PlannedStage:
    """Return the only stage of a plan."""
    (found,) = plan_of(part, settings_, **options).stages
    return found


def problems(part: Any, settings_: Config | None = None, **options: Any) -> list[str]:
    """Return the problems of a pipeline of these stages."""
    with pytest.raises(DefinitionError) as error:
        plan_of(part, settings_, **options)
    return [problem.message for problem in error.value.problems]


def problem(part: Any, settings_: Config | None = None, **options: Any) -> str:
    """Return the only problem of a pipeline of these stages."""
    (found,) = problems(part, settings_, **options)
    return found


def wired(count: int, edges: Iterable[tuple[int, int]]) -> Flow:
    """Return a flow of stages `s0`, `s1`, ... with any edges."""
    stages = tuple(command(f"s{number}") for number in range(count))
    return Flow(stages, tuple(edges), (0,), (count - 1,))


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the direct predecessors of each stage."""
    return {stage.name: stage.after for stage in plan.stages}


def problems_of(pipeline: Pipeline, **options: Any) -> list[str]:
    """Return the problems of a pipeline as it is."""
    with pytest.raises(DefinitionError) as error:
        make_plan(pipeline, Config(), **options)
    return [problem.message for problem in error.value.problems]
