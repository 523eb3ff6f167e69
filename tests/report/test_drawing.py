"""Laws of the graph: boxes stand apart, and every edge leads to the right through free ground."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from buildorch.model import THIS_MACHINE, Plan, PlannedStage
from buildorch.report.layout import BOX, lay_out, pixels


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 14))
    stages = []
    for index in range(count):
        before = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        stages.append(
            PlannedStage(
                name=f"s{index}",
                index=index,
                servers=[THIS_MACHINE],
                command="true",
                after=[f"s{one}" for one in sorted(before)],
            )
        )
    return Plan(name="p", stages=stages)


@given(plans())
def test_boxes_stand_apart_and_edges_lead_right(plan: Plan) -> None:
    """No box covers another, nothing leaves the drawing, no edge runs behind a box."""
    layout = lay_out(plan, {stage.name: (stage.name, "local") for stage in plan.stages})
    boxes = layout.boxes
    for one, other in itertools.combinations(boxes.values(), 2):
        beside = one.right < other.left or other.right < one.left
        assert beside or abs(one.middle - other.middle) >= BOX
    for box in boxes.values():
        assert box.left >= 0
        assert box.right <= layout.width
        assert box.middle - BOX / 2 >= 0
        assert box.middle + BOX / 2 <= layout.height
    for way in layout.edges.values():
        assert all(one.right < other.left for one, other in itertools.pairwise(way))
        for lane in way[1:-1]:
            column = [box for box in boxes.values() if box.left == lane.left]
            assert all(abs(box.middle - lane.middle) > BOX / 2 for box in column)


@given(plans())
def test_the_drawing_is_always_the_same(plan: Plan) -> None:
    """The same plan is drawn the same way: two reports can be compared by eye."""
    texts = {stage.name: (stage.name,) for stage in plan.stages}
    assert lay_out(plan, texts) == lay_out(plan, texts)


def test_wide_letters_take_their_room() -> None:
    """A Korean name is as wide as it looks."""
    assert pixels("한국어") > 1.5 * pixels("abc")
