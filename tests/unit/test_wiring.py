"""Flows as long and as deep as anybody makes them."""

from __future__ import annotations

import copy
import pickle

import pytest

from buildorch import Flow, Stage, parallel
from buildorch.flow import Part, as_flow

COUNT = 20_000


def from_the_left() -> Flow:
    """Return `a >> b >> c ...`: each step has all that was there on its left."""
    flow: Flow = as_flow(Stage(name="s0", command="true"))
    for number in range(1, COUNT):
        flow = flow >> Stage(name=f"s{number}", command="true")
    return flow


def from_the_right() -> Flow:
    """Return `a >> (b >> (c >> ...))`."""
    flow: Flow = as_flow(Stage(name=f"s{COUNT - 1}", command="true"))
    for number in reversed(range(COUNT - 1)):
        flow = Stage(name=f"s{number}", command="true") >> flow
    return flow


@pytest.mark.parametrize("make", [from_the_left, from_the_right])
def test_a_chain_may_be_long(make: object) -> None:
    """Neither the time nor the depth of calls grows with what is there already."""
    assert callable(make)
    flow = make()
    assert tuple((n, n + 1) for n in range(COUNT - 1)) == flow.edges
    assert [f"s{number}" for number in range(COUNT)] == [stage.name for stage in flow.stages]
    assert ((0,), (COUNT - 1,)) == (flow.heads, flow.tails)


def test_stages_side_by_side_may_be_many() -> None:
    """One at a time or all at once: it is the same flow."""
    stages = [Stage(name=f"s{number}", command="true") for number in range(2000)]
    flow: Part = stages[0]
    for stage in stages[1:]:
        flow = parallel(flow, stage)
    one, other = as_flow(flow), parallel(*stages)
    assert (one.stages, one.edges, one.heads) == (other.stages, other.edges, other.heads)
    assert tuple(range(2000)) == one.heads == one.tails


def test_a_composed_flow_is_copied_as_a_plain_one() -> None:
    """Copies and pickles hold what it is, not how it was made."""
    flow = from_the_left()
    for again in (copy.copy(flow), pickle.loads(pickle.dumps(flow))):  # noqa: S301 - our own
        assert type(again) is Flow
        assert flow.edges == again.edges
    assert len(copy.deepcopy(parallel(*flow.stages[:3])).stages) == 3


def test_a_part_that_is_used_twice_stays_as_it_was() -> None:
    """Wiring one flow changes none that it is a part of, nor its own parts."""
    a, b, c, d = (Stage(name=name, command="true") for name in "abcd")
    left = parallel(a, b)
    first, second = left >> c, parallel(left, d) >> c
    assert ((0, 2), (1, 2)) == first.edges
    assert ((0, 3), (1, 3), (2, 3)) == second.edges
    assert ((0, 1), (0, 1)) == (left.heads, left.tails)
    assert ((0, 2), (1, 2)) == (left >> d).edges
