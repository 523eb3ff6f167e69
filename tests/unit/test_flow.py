from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch import DefinitionError, Flow, Stage, parallel, sequence
from buildorch.flow import Part, as_flow
from buildorch.model import Retry, Secret

a, b, c, d, e, f = (Stage(name=name, command="true") for name in "abcdef")


def named(flow: Flow) -> set[str]:
    """Return the edges of *flow* as words such as `a>b`."""
    names = [stage.name for stage in flow.stages]
    return {f"{names[before]}>{names[after]}" for before, after in flow.edges}


def same(left: Flow, right: Flow) -> bool:
    """Tell whether two flows have the same fields."""
    return attrs.astuple(left, recurse=False) == attrs.astuple(right, recurse=False)


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (a >> b, {"a>b"}),
        (a >> b >> c, {"a>b", "b>c"}),
        (a >> [b, c] >> d, {"a>b", "a>c", "b>d", "c>d"}),
        ([a, b] >> c, {"a>c", "b>c"}),
        (a >> [b >> c, d] >> e, {"a>b", "b>c", "a>d", "c>e", "d>e"}),
        (parallel(a, b) >> [c, d], {"a>c", "a>d", "b>c", "b>d"}),
        (
            a >> [b, c] >> [d, e] >> f,
            {"a>b", "a>c", "b>d", "b>e", "c>d", "c>e", "d>f", "e>f"},
        ),
        (sequence(a, [b, [c]], d), {"a>b", "a>c", "b>d", "c>d"}),
        (parallel(a, b >> c), {"b>c"}),
        (a >> (b, c), {"a>b", "a>c"}),
    ],
)
def test_composition_does_what_it_looks_like(flow: Flow, expected: set[str]) -> None:
    """Every exit of the left is followed by every entry of the right, and by nothing else."""
    assert named(flow) == expected


def test_composing_changes_nothing() -> None:
    """Stages and flows are values: the same one stands in any number of flows."""
    left = a >> b
    before = attrs.astuple(left, recurse=False)
    assert named(left >> c) == {"a>b", "b>c"}
    assert named(left >> d) == {"a>b", "b>d"}
    assert attrs.astuple(left, recurse=False) == before


# A model of flows: the longest-known way to say what series and parallel mean.

Shape = Any  # a letter, or ("series" | "parallel", shapes)
shapes: st.SearchStrategy[Shape] = st.recursive(
    st.sampled_from("abcdef"),
    lambda inner: st.tuples(
        st.sampled_from(["series", "parallel"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def flow_of(shape: Shape) -> Flow:
    """Build a shape with the algebra; each letter is a stage of its own."""
    if isinstance(shape, str):
        return as_flow(Stage(name=shape, command="true"))
    kind, parts = shape
    return (sequence if kind == "series" else parallel)(*map(flow_of, parts))


def order_of(shape: Shape) -> tuple[int, set[tuple[int, int]]]:
    """Return how many leaves a shape has, and which come before which, by the model."""
    if isinstance(shape, str):
        return 1, set()
    kind, parts = shape
    size, before = 0, set[tuple[int, int]]()
    for part in parts:
        count, inner = order_of(part)
        if kind == "series":
            before |= set(itertools.product(range(size), range(size, size + count)))
        before |= {(x + size, y + size) for x, y in inner}
        size += count
    return size, before


def closure(edges: Sequence[tuple[int, int]], size: int) -> set[tuple[int, int]]:
    """Return the transitive closure of edges that all lead forward."""
    found = set(edges)
    for middle in range(size):
        ins = [x for x, y in found if y == middle]
        outs = [y for x, y in found if x == middle]
        found |= set(itertools.product(ins, outs))
    return found


@given(shapes)
def test_flows_mean_what_the_model_means(shape: Shape) -> None:
    """In any composition, one stage comes before another exactly as series and parallel say."""
    flow = flow_of(shape)
    size, before = order_of(shape)
    assert len(flow.stages) == size
    assert closure(flow.edges, size) == before


@given(shapes, shapes, shapes)
def test_sequence_is_associative(left: Shape, middle: Shape, right: Shape) -> None:
    """How a chain is bracketed changes nothing."""
    x, y, z = flow_of(left), flow_of(middle), flow_of(right)
    assert same((x >> y) >> z, x >> (y >> z))
    assert same(sequence(x, y, z), x >> y >> z)


@given(shapes, shapes, shapes)
def test_parallel_is_associative(left: Shape, middle: Shape, right: Shape) -> None:
    """How stages side by side are bracketed changes nothing."""
    x, y, z = flow_of(left), flow_of(middle), flow_of(right)
    assert same(parallel(parallel(x, y), z), parallel(x, parallel(y, z)))
    assert same(parallel(x, y, z), parallel(x, parallel(y, z)))


@pytest.mark.parametrize("make", [lambda: a >> [], lambda: [] >> a, parallel, sequence])
def test_an_empty_fan_out_is_refused(make: Any) -> None:
    """A list without stages would lose the edges around it silently."""
    with pytest.raises(DefinitionError, match="empty fan-out"):
        make()


def test_an_empty_list_inside_a_list_is_refused() -> None:
    """Nor does it help to hide it."""
    with pytest.raises(DefinitionError, match="empty fan-out"):
        a >> [b, []]


def undecorated() -> str:
    """Stand for a function that lacks its decorator."""
    return "true"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("b", "give the stage itself, not its name"),
        ((stage for stage in (b, c)), "give a list, which has an order"),
        ({b, c}, "give a list, which has an order"),
        (None, "forget its return"),
        (undecorated, "decorate the function with @stage"),
        (5, "give stages or flows"),
    ],
)
def test_what_is_no_stage_is_refused_with_advice(part: Any, said: str) -> None:
    """What cannot stand in a flow is a TypeError that says what to write."""
    with pytest.raises(TypeError, match=r"cannot stand in a flow") as error:
        a >> part
    assert said in str(error.value)
    with pytest.raises(TypeError):
        [a, part] >> b


def test_flows_have_no_truth() -> None:
    """`and`, `or` and `if` would lose parts of a flow silently."""
    for value in (a, a >> b):
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(value)


def test_options_are_changed_in_a_copy() -> None:
    """`with_` and `named` return another stage; variables of env add up."""
    first = Stage(name="x", command="true", env={"A": "1", "B": "1"}, timeout="1h")
    second = first.with_(env={"B": Secret("TOKEN")}, retry=2, artifacts="*.bin")
    assert second.env == {"A": "1", "B": Secret("TOKEN")}
    assert (second.retry, second.artifacts) == (Retry(2), ("*.bin",))
    assert (second.timeout, first.retry, first.env["B"]) == ("1h", None, "1")
    assert (second.named("y").name, second.name) == ("y", "x")


def test_an_unknown_option_names_the_nearest() -> None:
    """A misspelt option is an error at once."""
    with pytest.raises(TypeError, match="no option 'tiemout'; did you mean 'timeout'"):
        a.with_(tiemout="1h")  # type: ignore[call-arg]


def test_a_callers_mapping_is_copied() -> None:
    """What a caller does with its mapping later changes no stage."""
    env = {"A": "1"}
    stage = Stage(name="x", command="true", env=env)
    env["A"] = "2"
    assert stage.env == {"A": "1"}


def test_a_matrix_is_stages_side_by_side() -> None:
    """A stage for each combination, named by its values, all entries and exits."""
    flow = a.matrix(module=["vam", "dpm"], debug=[True, False])
    assert [stage.name for stage in flow.stages] == [
        "a.vam.true",
        "a.vam.false",
        "a.dpm.true",
        "a.dpm.false",
    ]
    assert flow.stages[1].params == {"module": "vam", "debug": False}
    assert (flow.heads, flow.tails) == ((0, 1, 2, 3), (0, 1, 2, 3))
    assert len((b >> flow >> c).edges) == 8


def test_a_matrix_needs_lists() -> None:
    """A text is no list of letters, and no values are no stages."""
    with pytest.raises(TypeError, match="must be a list, not 'vam'"):
        a.matrix(module="vam")
    with pytest.raises(TypeError, match="needs the values of a parameter"):
        a.matrix()
    with pytest.raises(DefinitionError, match="empty fan-out"):
        a.matrix(module=[])


def test_a_command_takes_parameters_by_name() -> None:
    """They reach the command as environment, so they need no signature."""
    assert a(module="vam").params == {"module": "vam"}
    assert repr(a(module="vam")) == "<stage a(module='vam')>"
    with pytest.raises(TypeError, match="by name"):
        a("vam")


def test_a_long_chain_is_composed_quickly() -> None:
    """A thousand stages are no reason to wait."""
    flow: Part = a
    for number in range(1000):
        flow = sequence(flow, Stage(name=f"s{number}", command="true"))
    assert len(as_flow(flow).edges) == 1000
