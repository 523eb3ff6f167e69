"""Stories of the first seeds, lived on real hosts: no promise is broken, and a seed is a story."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosts.bed import Bed

from chaos.checker import violations
from chaos.faults import KINDS
from chaos.living import live
from chaos.story import HOSTS, WEIGHTS, make_story
from chaos.table import result_of

#: How many are lived with all other tests; `nox -s chaos` lives as many as are wanted.
SEEDS = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_promise_is_broken(bed: Bed, tmp_path: Path, seed: int) -> None:
    """Nothing is lost, nothing runs twice, nothing is left: by the jobs' own words."""
    evidence = live(make_story(seed), bed, tmp_path)
    result = result_of(evidence, violations(evidence))
    assert not result.violations, result.report


def test_a_seed_is_a_story() -> None:
    """The same seed makes the same story, another one another; stages follow earlier ones."""
    stories = [make_story(seed) for seed in range(300)]
    assert stories == [make_story(seed) for seed in range(300)]
    assert len({story.text for story in stories}) == len(stories)
    for story in stories:
        for number, stage in enumerate(story.stages):
            assert all(before < number for before in stage.after)
            assert {stage.server, stage.fallback or stage.server} <= set(HOSTS)


def test_stories_have_every_fault() -> None:
    """Two hundred seeds bring each fault several times, and each has its generator."""
    assert WEIGHTS.keys() == KINDS.keys()
    kinds = [fault.kind for seed in range(200) for fault in make_story(seed).faults]
    assert all(kinds.count(kind) >= 5 for kind in WEIGHTS), kinds
