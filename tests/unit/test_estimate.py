"""Laws of estimates: they never run backwards without a reason, and never invent anything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from buildorch.estimate import Pace, Seen, Usual, together

_TIMES = st.floats(0.1, 1e5)
_USUAL = st.one_of(st.none(), st.builds(Usual, _TIMES, st.one_of(st.none(), _TIMES)))
_LOOKS = st.lists(
    st.tuples(st.floats(0.0, 1e4), st.one_of(st.none(), st.floats(0.0, 100.0))), min_size=1
)


def _looks(
    usual: Usual | None, looks: Sequence[tuple[float, float | None]], *, guess: bool
) -> list[tuple[float, float | None, Seen]]:
    """Look at one attempt again and again; returns time, what was measured, what was seen."""
    pace, now, found = Pace(1000.0, usual), 1000.0, []
    for after, measured in looks:
        now += after
        found.append((now, measured, pace.look(now, measured, guess=guess)))
    return found


@given(_USUAL, _LOOKS, st.booleans())
def test_a_percent_never_goes_back_and_is_never_100(
    usual: Usual | None, looks: list[tuple[float, float | None]], guess: bool
) -> None:
    """Whatever a tool prints: it grows, it stays below 100, and it does not vanish."""
    shown = [seen.percent for _, _, seen in _looks(usual, looks, guess=guess)]
    known = [percent for percent in shown if percent is not None]
    assert known == sorted(known)
    assert all(0 <= percent < 100 for percent in known)
    assert shown[len(shown) - len(known) :] == known


@given(_USUAL, _LOOKS)
def test_time_left_only_shrinks_while_nothing_is_heard(
    usual: Usual | None, looks: list[tuple[float, float | None]]
) -> None:
    """Between two looks at which the tool says nothing new, time passes and no more is left."""
    seen = _looks(usual, looks, guess=True)
    best = 0.0
    for (then, measured, before), (now, news, after) in pairwise(seen):
        best = max(best, measured or 0.0)
        if (news or 0.0) > best or before.left is None:
            continue
        assert after.left is not None
        assert after.left <= before.left + 1e-6
        assert after.left >= before.left - (now - then) - 1e-6


@given(_USUAL, _LOOKS)
def test_an_end_moves_back_only_by_more_than_a_little(
    usual: Usual | None, looks: list[tuple[float, float | None]]
) -> None:
    """A later end is said where the pace gives a reason; a jitter is none."""
    ends = [
        (now + seen.left, seen.left)
        for now, _, seen in _looks(usual, looks, guess=True)
        if seen.left
    ]
    for (before, _), (after, _) in pairwise(ends):
        later = after - before
        assert later <= 1e-6 * after or later >= min(5.0, 0.05 * (before - 1000.0)) - 1e-3


@given(_LOOKS)
def test_where_nothing_is_known_nothing_is_said(looks: list[tuple[float, float | None]]) -> None:
    """Without history and without a tool that tells, there is no percent and no time left."""
    silent = [(after, None) for after, _ in looks]
    for _, _, seen in _looks(None, silent, guess=True):
        assert seen == Seen()


@given(_TIMES, _LOOKS)
def test_of_a_single_time_no_spread_is_known(
    seconds: float, looks: list[tuple[float, float | None]]
) -> None:
    """One run says how long, and not how much that varies."""
    usual = Usual.of([seconds])
    assert usual == Usual(seconds, None)
    assert all(seen.spread is None for _, _, seen in _looks(usual, looks, guess=True))


@given(st.lists(_TIMES, min_size=2))
def test_half_of_all_times_lie_within_the_spread(times: list[float]) -> None:
    """What is usual lies between the shortest and the longest, the spread below their distance."""
    usual = Usual.of(times)
    assert usual is not None
    assert usual.spread is not None
    assert min(times) <= usual.seconds <= max(times)
    assert 0 <= usual.spread <= (max(times) - min(times)) / 2 + 1e-6


@given(st.lists(_TIMES))
def test_a_sum_is_never_surer_than_its_least_sure_part(spreads: list[float]) -> None:
    """Spreads add up as those of independent times do."""
    whole = together(spreads)
    assert whole is not None
    assert max(spreads, default=0.0) - 1e-6 <= whole <= sum(spreads) + 1e-6
    assert together([*spreads, None]) is None


def test_the_history_stands_for_a_silent_tool_until_it_speaks() -> None:
    """A guess is marked; the tool's own percent replaces it, and the bar does not go back."""
    pace = Pace(0.0, Usual(100.0))
    assert pace.look(40.0, None, guess=True) == Seen(percent=40.0, guessed=True, left=60.0)
    assert pace.look(40.0, None) == Seen(percent=40.0, guessed=False, left=60.0)
    told = pace.look(50.0, 10.0, guess=True)
    assert (told.percent, told.guessed) == (40.0, False)


def test_the_pace_alone_tells_once_a_tenth_is_done() -> None:
    """In a first run the tool's own counter is all that is known."""
    pace = Pace(0.0)
    assert pace.look(10.0, 5.0).left is None
    assert pace.look(20.0, 20.0).left == 80.0
