"""Laws of planning: the parameters of a pipeline, and parts of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.planned import GRAPHS, after, command, one, plan_of, problem, problems, problems_of, wired

from buildorch import (
    Config,
    Flow,
    parallel,
    pipeline,
)
from buildorch.planner import graph, make_plan

# Parameters of the pipeline.


@pipeline
def parametrised(module: str, *, debug: bool = False) -> Flow:
    """Build a module.

    Args:
        module: The module.
        debug: Whether to keep symbols.
    """
    return parallel(command("build")(module=module, debug=debug))


def test_a_plan_has_all_parameters() -> None:
    """Given ones, and the defaults of the others; bound before, or now."""
    plan = make_plan(parametrised(module="vam"), Config())
    assert plan.params == {"module": "vam", "debug": False}
    assert plan.description == "Build a module."
    assert plan.source == __file__
    assert plan == make_plan(parametrised, Config(), params={"module": "vam"})


def test_wrong_parameters_are_problems() -> None:
    """A missing or unknown parameter is told like any other problem."""
    assert problems_of(parametrised) == ["pipeline 'parametrised' needs 'module'"]
    (said,) = problems_of(parametrised, params={"modul": "x"})
    assert "no parameter 'modul'; did you mean 'module'?" in said
    said = problems_of(parametrised, params={"module": "x", "debug": object()})[0]
    assert "the parameter 'debug' is <object object" in said


# Selection.

diamond = wired(4, [(0, 1), (0, 2), (1, 3), (2, 3)])
chain = wired(4, [(0, 1), (1, 2), (2, 3)])


@pytest.mark.parametrize(
    ("flow", "selection", "expected"),
    [
        (chain, {"only": ["s0", "s3"]}, {"s0": (), "s3": ("s0",)}),
        (chain, {"only": "s2"}, {"s2": ()}),
        (chain, {"until": ["s1"]}, {"s0": (), "s1": ("s0",)}),
        (chain, {"skip": ["s1"]}, {"s0": (), "s2": ("s0",), "s3": ("s2",)}),
        (diamond, {"only": ["s3", "s0"]}, {"s0": (), "s3": ("s0",)}),
        (diamond, {"skip": ["s1"]}, {"s0": (), "s2": ("s0",), "s3": ("s0", "s2")}),
        (diamond, {"until": ["s2"]}, {"s0": (), "s2": ("s0",)}),
        (diamond, {"until": ["s1", "s2"], "skip": ["s0"]}, {"s1": (), "s2": ()}),
        (chain, {"only": "S0, s3"}, {"s0": (), "s3": ("s0",)}),
    ],
)
def test_a_part_of_a_pipeline_is_taken(
    flow: Flow, selection: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """`only`, `until` and `skip` take a part, in which who waited for whom still does."""
    plan = plan_of(flow, **selection)
    assert after(plan) == expected
    assert sorted(stage.index for stage in plan.stages) == list(range(len(expected)))


@given(GRAPHS, st.sets(st.integers(0, 7)))
@settings(deadline=None)
def test_a_selection_keeps_who_comes_before_whom(
    shape: tuple[int, set[tuple[int, int]]], kept: set[int]
) -> None:
    """Paths among the selected stages are those of the whole: the closure, restricted to them."""
    count, edges = shape
    forward = {(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]}
    kept = {number for number in kept if number < count} or {0}
    names = [f"s{number}" for number in sorted(kept)]
    whole: nx.DiGraph[int] = nx.DiGraph(list(forward))
    whole.add_nodes_from(range(count))
    expected = {(f"s{x}", f"s{y}") for x, y in nx.transitive_closure(whole).edges if {x, y} <= kept}
    others = [f"s{number}" for number in range(count) if number not in kept]
    flow = wired(count, forward)
    for plan in (plan_of(flow, only=names), plan_of(flow, skip=others)):
        found: nx.DiGraph[str] = nx.DiGraph(graph(plan))
        assert set(nx.transitive_closure(found).edges) == expected


def test_an_unknown_stage_names_the_nearest() -> None:
    """A misspelt selection is a problem, also where there are others."""
    said = problem([command("host-build"), command("image")], only=["host-bild"])
    assert said == "only: unknown stage 'host-bild'; did you mean 'host-build'?"
    loop = wired(2, [(0, 1), (1, 0)])
    assert len(problems(loop, skip=["nope"])) == 2


def test_nothing_left_is_a_problem() -> None:
    """A run without a stage is a mistake."""
    assert "no stage is left" in problem(command("a"), skip=["a"])


def test_a_python_name_selects_its_stage() -> None:
    """`yocto_image` on the command line is the stage `yocto-image`."""
    assert one([command("yocto-image"), command("b")], only=["yocto_image"]).name == "yocto-image"


def test_a_thousand_stages_are_planned_quickly() -> None:
    """Planning stays a matter of a moment; the test's timeout is the proof."""
    flow = wired(1000, [(number, number + 1) for number in range(999)])
    assert len(plan_of(flow).stages) == 1000
