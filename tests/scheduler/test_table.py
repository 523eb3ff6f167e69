"""Laws of the transition table."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildorch.scheduler.drawing import states_page
from buildorch.scheduler.table import BY_EVENT, BY_STATE, MEANING, Phase


def test_the_page_is_drawn_from_the_table() -> None:
    """docs/states.md says what the table says."""
    page = Path(__file__).parents[2] / "docs" / "states.md"
    assert states_page() == page.read_text(encoding="utf-8")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_leads_to_the_end(phase: Phase) -> None:
    """No phase is a trap: from each there is a way to `finished`, and each has a meaning."""
    seen: set[Phase] = set()
    todo = [phase]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += [*BY_EVENT[here].values(), *BY_STATE.get(here, {}).values()]
    assert Phase.FINISHED in seen
    assert MEANING[phase]
