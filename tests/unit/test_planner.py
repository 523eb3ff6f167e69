"""Laws of planning: the order of stages, their identity, their commands."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.planned import GRAPHS, after, command, one, plan_of, problem, problems, problems_of, wired

from buildorch import (
    Pipeline,
    Secret,
    Stage,
    StageContext,
    parallel,
    stage,
)
from buildorch.planner import graph

# Order and cycles.


@given(GRAPHS)
@settings(deadline=None)
def test_every_graph_is_ordered_or_has_its_cycles_named(
    shape: tuple[int, set[tuple[int, int]]],
) -> None:
    """Without a cycle the order is topological; else each knot of stages has a path that is one."""
    count, edges = shape
    reference: nx.DiGraph[int] = nx.DiGraph(edges)
    if nx.is_directed_acyclic_graph(reference):
        names = [stage.name for stage in plan_of(wired(count, edges)).stages]
        assert sorted(names) == sorted(f"s{number}" for number in range(count))
        assert all(names.index(f"s{x}") < names.index(f"s{y}") for x, y in edges)
        return
    said = problems(wired(count, edges))
    paths = [text.removeprefix("cycle: ").partition(";")[0].split(" -> ") for text in said]
    for path in paths:
        steps = [(int(x[1:]), int(y[1:])) for x, y in itertools.pairwise(path)]
        assert path[0] == path[-1]
        assert set(steps) <= edges
    seen = {name for path in paths for name in path}
    for knot in nx.strongly_connected_components(reference):
        if len(knot) > 1 or any((number, number) in edges for number in knot):
            assert seen & {f"s{number}" for number in knot}


@given(GRAPHS, st.randoms())
@settings(deadline=None)
def test_the_order_does_not_depend_on_how_edges_are_listed(
    shape: tuple[int, set[tuple[int, int]]], source: random.Random
) -> None:
    """The same stages and edges give the same plan, every time."""
    count, edges = shape
    forward = [(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]]
    shuffled = source.sample(forward, len(forward))
    assert plan_of(wired(count, forward)) == plan_of(wired(count, shuffled))


def test_stages_without_order_keep_the_order_of_the_file() -> None:
    """Where edges leave a choice, the stage that was written first comes first."""
    flow = wired(5, [(4, 0)])
    assert [stage.name for stage in plan_of(flow).stages] == ["s1", "s2", "s3", "s4", "s0"]
    assert [stage.index for stage in plan_of(flow).stages] == [1, 2, 3, 4, 0]


def test_a_cycle_does_not_name_stages_beside_it() -> None:
    """The path holds the stages of the cycle and no others."""
    said = problem(wired(4, [(0, 1), (1, 2), (2, 3), (3, 1)]))
    assert said == "cycle: s1 -> s2 -> s3 -> s1; remove one of these dependencies"


def test_a_stage_that_follows_itself_is_a_cycle() -> None:
    """`a >> a` cannot run."""
    stage = command("a")
    assert problem(stage >> stage).startswith("cycle: a -> a;")


def test_the_graph_of_a_plan_is_frozen() -> None:
    """`graph` shows stages and edges, and nobody changes a plan through it."""
    found = graph(plan_of(command("a") >> command("b")))
    assert list(found.edges) == [("a", "b")]
    assert found.nodes["b"]["stage"].after == ("a",)
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        found.add_edge("b", "a")


# Names and identity.


def test_the_same_stage_twice_is_one_node() -> None:
    """A value that stands in a flow twice runs once."""
    a, b, c = command("a"), command("b"), command("c")
    assert after(plan_of(parallel(a >> b, a >> c))) == {"a": (), "b": ("a",), "c": ("a",)}


def test_equal_content_is_one_node() -> None:
    """Two values of one name and content are the same stage, wherever they were made."""

    @stage
    def build(module: str = "vam") -> str:
        return f"./build.py {module}"

    flow = parallel(build(module="vam") >> command("x"), build() >> command("y"))
    assert after(plan_of(flow)) == {"build": (), "x": ("build",), "y": ("build",)}


def test_other_content_of_one_name_is_a_problem() -> None:
    """Two different stages of one name are told apart by nobody: `named` is suggested."""
    said = problem([command("a"), command("a", timeout="1h")])
    assert "duplicate stage name 'a'" in said
    assert ".named('a-2')" in said


def test_names_that_differ_in_case_are_a_problem() -> None:
    """On some file systems they would share a folder."""
    assert "differ in letter case only" in problem([command("Image"), command("image")])


def test_unsafe_names_are_problems() -> None:
    """A name that would leave its folder is refused before anything runs."""
    assert "'../x' begins with '.'" in problem(command("../x"))
    assert "has '/'" in problem(command("build").matrix(path=["a/b"]))
    assert "pipeline name" in "".join(problems_of(Pipeline("a/b", command("x"))))


def test_names_are_normalised() -> None:
    """A name that was typed decomposed is the composed one."""
    assert one(command("e\u0301")).name == "\u00e9"


# Commands.


def test_a_command_function_is_called_once_at_plan_time() -> None:
    """Its result is in the plan, so that nobody calls it again."""
    calls = []

    @stage
    def build(module: str = "vam") -> list[str]:
        calls.append(module)
        return ["./build.py", module]

    bound = build(module="dpm")
    planned = plan_of(bound >> command("x") >> command("y"))
    assert planned.stages[0].command == ("./build.py", "dpm")
    assert planned.stages[0].function is None
    assert planned.stages[0].params == {"module": "dpm"}
    assert calls == ["dpm"]
    plan_of(parallel(bound >> command("x"), bound >> command("y")))
    assert calls == ["dpm", "dpm"]


def test_a_stage_function_is_not_called() -> None:
    """A function with the context is referred to, with its parameters and their defaults."""
    planned = one(context_stage(module="dpm"))
    assert planned.command is None
    assert planned.params == {"module": "dpm", "jobs": 4}
    assert planned.function is not None
    assert planned.function.qualname == "context_stage"
    assert planned.function.importable
    assert len(planned.function.digest) == 16


@stage
def context_stage(c: StageContext, module: str, jobs: int = 4) -> None:
    """Stand for a stage function that an import finds."""
    raise AssertionError([c, module, jobs])


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: None, "forgot return"),
        (lambda: 5, "its command is 5 (a int)"),
        (lambda: "", "its command is empty"),
        (lambda: "  ", "an empty text"),
        (lambda: (), "its command is empty"),
        (lambda: ["ls", 5], "the argument 5 is no text; write str(5)"),
        (lambda: "a\0b", "NUL"),
        (lambda: ["ls", "a\0b"], "NUL"),
        (lambda: [""], "an empty text"),
        (lambda: str(int("x")), "raised ValueError: invalid literal"),
    ],
)
def test_what_is_no_command_is_a_problem(function: Any, said: str) -> None:
    """A command function that returns no command is told so, by the stage's name."""
    message = problem(stage(name="build")(function))
    assert said in message
    assert "'build'" in message


def test_arguments_may_be_empty() -> None:
    """A program may be given an empty argument; only its own name must not be empty."""
    assert one(stage(name="x")(lambda: ["grep", ""])).command == ("grep", "")


def test_parameters_that_do_not_fit_are_problems() -> None:
    """A missing parameter is found before the stage runs."""
    assert problem(context_stage) == "stage 'context-stage' needs 'module'"  # type: ignore[arg-type,unused-ignore]

    @stage
    def wrong(context: Any, module: str) -> None:
        raise AssertionError([context, module])

    assert "name it c, or annotate it StageContext" in problem(wrong)


def test_a_stage_without_a_command_is_a_problem() -> None:
    """There is nothing to run."""
    assert problem(Stage(name="x")) == "stage 'x' has no command; give it one"
    both = Stage(name="x", command="true", function=lambda: "true")
    assert "has a function and a command" in problem(both)


def test_parameters_are_stored_as_json() -> None:
    """Values that JSON has not are encoded; what cannot be is a problem."""
    planned = one(context_stage(module=Path("a/b"), jobs=[1, None, 2.5]))  # type: ignore[arg-type]
    assert json.loads(json.dumps(planned.params)) == planned.params
    assert planned.env == {"BUILDORCH_PARAM_MODULE": "a/b"}
    said = problem(context_stage(module=object()))  # type: ignore[arg-type]
    assert "the parameter 'module' is <object object" in said
    assert "cannot be stored" in said


def test_a_secret_is_never_command_text() -> None:
    """A secret reaches a command through its environment only."""

    @stage
    def deploy(token: str | Secret) -> str:
        return f"curl -H {token}"

    assert "write $BUILDORCH_PARAM_TOKEN" in problem(deploy(token=Secret("DEPLOY_TOKEN")))
    planned = one(command("deploy")(token=Secret("DEPLOY_TOKEN")))
    assert planned.env == {"BUILDORCH_PARAM_TOKEN": Secret("DEPLOY_TOKEN")}


def test_functions_that_no_import_finds_are_warned_of() -> None:
    """A lambda or nested function runs, but only this process can resume it."""

    @stage
    def nested(c: StageContext) -> None:
        raise AssertionError(c)

    plan = plan_of([nested, stage(name="short")(lambda c: c), context_stage(module="x")])
    assert [warning.partition(":")[0] for warning in plan.warnings] == [
        "stage 'nested'",
        "stage 'short'",
    ]
    assert "resumable only by buildorch.resume(RUN, pipeline) here" in plan.warnings[0]
