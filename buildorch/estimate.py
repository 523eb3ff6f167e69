"""How long something still takes: by what it usually takes and by its own pace. Pure arithmetic.

Percents only grow, and a time of the end moves back only for a reason: the pace says so by more
than a twentieth, or another attempt began. Nothing is estimated of what nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

#: Percents above which nothing is shown before the end.
_ALMOST = 99.0

#: A later end is believed from this share of the whole time on, and these seconds.
_SLACK, _SLACK_SECONDS = 0.05, 5.0

#: Share of the work below which the pace says nothing.
_PACE_SAYS_NOTHING = 0.001

#: Share of the work from which on the pace alone tells the end, where no history does.
_PACE_TELLS = 0.1


@attrs.frozen
class Usual:
    """What something usually takes.

    Attributes:
        seconds: The median.
        spread: Seconds that half of all times differ from it at most; None of a single one.
    """

    seconds: float
    spread: float | None = None

    @classmethod
    def of(cls, times: Sequence[float]) -> Usual | None:
        """Return what is usual of *times* in seconds; None where there are none.

        Example:
            >>> Usual.of([100.0, 110.0, 400.0, 90.0])
            Usual(seconds=105.0, spread=42.5)
            >>> Usual.of([])
        """
        if not times:
            return None
        ordered = sorted(times)
        low, middle, high = (_at(ordered, share) for share in (0.25, 0.5, 0.75))
        return cls(middle, (high - low) / 2 if len(ordered) > 1 else None)


def _at(ordered: Sequence[float], share: float) -> float:
    """Return the value below which *share* of all lie, between two values where it has to be."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@attrs.frozen(kw_only=True)
class Seen:
    """What an estimate comes to at one moment.

    Attributes:
        percent: How far it is; None where nothing is known. Never 100 before the end.
        guessed: Whether the percent comes from the history alone.
        left: Seconds that it still takes; None where nothing is known.
        spread: Seconds that this may be wrong, give or take; None where that is not known.
    """

    percent: float | None = None
    guessed: bool = False
    left: float | None = None
    spread: float | None = None


@attrs.define
class Pace:
    """The estimate of one attempt, from one look to the next.

    Attributes:
        begun: Unix time of its start.
        usual: What such a stage usually takes, where that is known.
    """

    begun: float
    usual: Usual | None = None
    _measured: float | None = None
    _shown: float | None = None
    _end: float | None = None

    def look(self, now: float, measured: float | None, *, guess: bool = False) -> Seen:
        """Return how far it is.

        Args:
            now: Unix time.
            measured: Percent that its tool shows; None where it shows none.
            guess: Whether the history may stand for a tool that shows none.
        """
        moved = measured is not None and (self._measured is None or measured > self._measured)
        if moved:
            self._measured = measured
        if moved or self._end is None:
            self._end = self._later(self._expected(now))
        guessed = self._measured is None and guess and self.usual is not None
        percent = self._passed(now) if guessed else self._measured
        if percent is not None:
            self._shown = max(self._shown or 0.0, min(percent, _ALMOST))
        return Seen(
            percent=self._shown,
            guessed=guessed,
            left=None if self._end is None else max(0.0, self._end - now),
            spread=self._spread(),
        )

    def _passed(self, now: float) -> float | None:
        """Return the percent of the usual time that has passed."""
        if self.usual is None or self.usual.seconds <= 0:
            return None
        return 100 * max(0.0, now - self.begun) / self.usual.seconds

    def _expected(self, now: float) -> float | None:
        """Return when it ends by all that is known now."""
        share = min(self._measured or 0.0, 100.0) / 100
        passed = max(0.0, now - self.begun)
        if self.usual is None:
            return self.begun + passed / share if share >= _PACE_TELLS else None
        by_history = max(self.begun + self.usual.seconds, now)
        if share < _PACE_SAYS_NOTHING:
            return self.begun + self.usual.seconds
        # The further it is, the more its own pace says, and the less that of earlier runs.
        return (1 - share) * by_history + share * (self.begun + passed / share)

    def _later(self, end: float | None) -> float | None:
        """Return *end*, unless it is only a little later than what was said before."""
        before = self._end
        if end is None or before is None:
            return before if end is None else end
        slack = max(_SLACK * (before - self.begun), _SLACK_SECONDS)
        return before if before < end <= before + slack else end

    def _spread(self) -> float | None:
        if self.usual is None or self.usual.spread is None:
            return None
        return self.usual.spread * (1 - (self._measured or 0.0) / 100)


def together(spreads: Sequence[float | None]) -> float | None:
    """Return how far a sum may be wrong whose parts are; None where one of them is not known.

    Example:
        >>> together([3.0, 4.0]), together([3.0, None])
        (5.0, None)
    """
    known = [spread for spread in spreads if spread is not None]
    if len(known) < len(spreads):
        return None
    return math.hypot(*known)
