"""Runs the contenders of a row in turn, so that whatever disturbs the machine disturbs all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
from hosts.commands import BedError

from bench.bench import Bench
from bench.row import Contender, Row, Sample, Taken, Verdict
from bench.scene import Scenes
from bench.watch import GaveUp


@attrs.frozen
class Measured:
    """A row that was run.

    Attributes:
        row: The row.
        taken: What each contender gave, by name.
        versions: The version of each.
    """

    row: Row
    taken: Mapping[str, Taken]
    versions: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Whether the target was met."""
        try:
            return self.row.target.judge(self.taken)
        except KeyError as missing:
            return Verdict(met=False, said=f"not measured: {missing.args[0]}")


def measure(row: Row, times: int, scenes: Scenes, show: Callable[[str], None]) -> Measured:
    """Run each contender of *row* up to *times* times, one after the other, in rounds."""
    taken = {contender.name: Taken(()) for contender in row.contenders}
    for number in range(times):
        for one in row.contenders:
            if number < (one.times or times):
                after = _tried(row, one, taken[one.name], scenes)
                show(f"{row.name} {number + 1}/{times} {one.name}: {_last(taken[one.name], after)}")
                taken[one.name] = after
    versions = {one.name: _version(one) for one in row.contenders}
    return Measured(row, taken, versions)


def _tried(row: Row, contender: Contender, before: Taken, scenes: Scenes) -> Taken:
    """Return *before* with one more run: a failure is counted, and ends nothing."""
    try:
        sample = once(contender, row.limit, scenes)
    except (GaveUp, BedError, OSError, ValueError, LookupError) as why:
        said = f"{type(why).__name__}: {why}"
        return attrs.evolve(before, errors=(*before.errors, said))
    return attrs.evolve(before, samples=(*before.samples, sample))


def once(contender: Contender, limit: float, scenes: Scenes) -> Sample:
    """Run a contender once, in a fresh folder.

    Raises:
        GaveUp: It failed, or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        return contender.run(Bench(Path(folder), limit, scenes))


def _last(before: Taken, after: Taken) -> str:
    if after.errors != before.errors:
        return f"failed: {after.errors[-1]}"
    last = after.samples[-1]
    lost = f", {last.asked - last.done} lost" if last.asked > last.done else ""
    figures = "".join(f", {name} {value:.4g}" for name, value in last.figures.items())
    return f"{last.seconds:.3f} s{lost}{figures}"


def _version(contender: Contender) -> str:
    try:
        return contender.version()
    except (GaveUp, OSError, LookupError) as why:
        return f"unknown ({why})"
