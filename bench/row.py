"""What a row of the comparison is: contenders, what one run of them gave, and a target."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bench.bench import Bench

#: Who the targets are for, in every row.
OURS = "buildorch"

#: What a second is in the unit of a figure of one piece of work.
_EACH = {"each_ms": 1e3, "each_us": 1e6}


def own_version() -> str:
    """Return the version of what is compared with others."""
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only for a page

    return str(version(OURS))


@attrs.frozen
class Sample:
    """What one run of a contender gave.

    Attributes:
        seconds: From the beginning of the work, connecting included, to its end.
        asked: How many pieces of work it was given.
        done: How many were really done, and known to be done well.
        figures: What else was measured; a name ends with its unit: `peak_mb`, `known_ms`.
    """

    seconds: float
    asked: int
    done: int
    figures: Mapping[str, float] = attrs.field(factory=dict)

    def figure(self, name: str) -> float | None:
        """Return a figure, or None; also `seconds`, and `each_ms` and `each_us` of one piece."""
        if name == "seconds":
            return self.seconds
        if name in _EACH:
            return self.seconds / self.asked * _EACH[name]
        return self.figures.get(name)


@attrs.frozen
class Taken:
    """All runs of one contender in a row: figures are medians, losses are the worst run's.

    Attributes:
        samples: What the runs gave, in order.
        errors: Why runs gave nothing.
    """

    samples: tuple[Sample, ...]
    errors: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The median of the seconds; infinite where no run gave any."""
        return self.figure("seconds")

    @property
    def lost(self) -> int:
        """The most pieces of work that one run lost."""
        return max((sample.asked - sample.done for sample in self.samples), default=0)

    def all_of(self, name: str) -> list[float]:
        """Return a figure of each run that has it; also `seconds`, `each_ms` and `each_us`."""
        values = (sample.figure(name) for sample in self.samples)
        return [value for value in values if value is not None]

    def figure(self, name: str) -> float:
        """Return the median of a figure; infinite where no run gave it."""
        return statistics.median(self.all_of(name) or [float("inf")])


#: What a row came to, by the names of its contenders.
Medians = Mapping[str, Taken]


@attrs.frozen
class Verdict:
    """Whether a target was met, and in figures why."""

    met: bool
    said: str


@attrs.frozen
class Target:
    """What we want of a row.

    Attributes:
        text: In words, for the page.
        judge: Tells whether it was met: a pure function of the medians.
    """

    text: str
    judge: Callable[[Medians], Verdict]


@attrs.frozen
class Contender:
    """Who does the work of a row.

    Attributes:
        name: `buildorch`, or the peer's name.
        command: What is run, as it is shown to who wants to try it.
        run: Does the work once.
        version: Tells its version.
        times: It is run at most that often, because it is slow and steady.
    """

    name: str
    command: str
    run: Callable[[Bench], Sample]
    version: Callable[[], str] = own_version
    times: int | None = None


@attrs.frozen
class Row:
    """One kind of work.

    Attributes:
        name: For `--rows`: one word.
        title: What the work is.
        contenders: Who does it; ours first.
        target: What we want of ours.
        columns: Headings of the figures that the page shows, by the figure's name.
        bar: The figure that the plot shows: one of *columns*.
        more_is_better: Whether that figure is better the larger it is, such as MB/s.
        limit: Seconds after which one run is given up.
        note: What a reader has to know to judge the row: one paragraph.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    target: Target
    columns: Mapping[str, str] = attrs.field(factory=lambda: {"seconds": "seconds"})
    bar: str = "seconds"
    more_is_better: bool = False
    limit: float = 120.0
    note: str = ""

    def of(self, names: Sequence[str]) -> Row:
        """Return the row with only these contenders, if any are named."""
        kept = tuple(one for one in self.contenders if not names or one.name in names)
        return attrs.evolve(self, contenders=kept)
