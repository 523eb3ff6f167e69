"""`nox -s guard`: nothing has become twice as slow, told in half a minute and without installs.

Ours and plain ssh do the same work in turn. Only ratios count, so that a slow machine, or one
with other work, says nothing; the bounds are wide, so that noise says nothing either.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
from collections.abc import Sequence

import attrs
from hosts.bed import why_not

from bench.measure import once
from bench.peers import openssh
from bench.peers.libraries import BUILDORCH
from bench.row import Contender, Sample, Taken
from bench.scene import Scenes
from bench.watch import GaveUp

_ROUNDS = 5
_LIMIT = 60.0
_CHAIN, _WIDE = 40, 240


@attrs.frozen
class Bound:
    """What ours may take at most, as a ratio to what plain ssh takes.

    Attributes:
        figure: What of both is compared.
        most: The largest ratio that is no slip.
    """

    figure: str
    most: float


@attrs.frozen
class Pair:
    """Work that ours and plain ssh do in turn.

    Attributes:
        name: What it is.
        ours: Ours.
        other: Plain ssh.
        bounds: How their figures may relate.
    """

    name: str
    ours: Contender
    other: Contender
    bounds: tuple[Bound, ...]


def pairs() -> list[Pair]:
    """Return the work that is guarded.

    Bounds are somewhat under twice what was measured, and above what was seen beside other work.
    """
    return [
        Pair(
            f"chain of {_CHAIN} on one host",
            BUILDORCH.contender("chain", _CHAIN),
            openssh.contender(openssh.MASTER, "chain", _CHAIN),
            (Bound("seconds", 2.2), Bound("cpu_s", 1.8)),
        ),
        Pair(
            f"{_WIDE} over 3 hosts, 8 at once on each",
            BUILDORCH.contender("wide", _WIDE, hosts=3, width=8),
            openssh.contender(openssh.MASTER, "wide", _WIDE, hosts=3, width=8),
            (Bound("seconds", 1.6), Bound("cpu_s", 0.7)),
        ),
    ]


def _run(contender: Contender, scenes: Scenes) -> Sample:
    sample = once(contender, _LIMIT, scenes)
    if sample.done < sample.asked:
        raise GaveUp(f"{contender.name} lost {sample.asked - sample.done} of {sample.asked}")
    return sample


def _held(pair: Pair, scenes: Scenes) -> bool:
    """Run a pair in turn; print its ratios and tell whether all are within their bounds."""
    runs = [(_run(pair.ours, scenes), _run(pair.other, scenes)) for _ in range(_ROUNDS)]
    good = [_within(pair.name, bound, runs) for bound in pair.bounds]
    return all(good)


def _within(name: str, bound: Bound, runs: Sequence[tuple[Sample, Sample]]) -> bool:
    ratio = statistics.median(
        Taken((ours,)).figure(bound.figure) / Taken((other,)).figure(bound.figure)
        for ours, other in runs
    )
    good = ratio <= bound.most
    sys.stdout.write(
        f"{'good' if good else 'SLOW'}: {name}: {bound.figure} {ratio:.2f} of plain ssh, "
        f"at most {bound.most:g}\n"
    )
    return good


def main() -> int:
    """Measure, and return 1 where ours is slower than it may be, or CI cannot tell."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # hosts are removed
    reason = why_not()
    if reason:
        sys.stderr.write(f"{reason}\n")
        return 1 if os.environ.get("CI") == "true" else 0
    try:
        with Scenes() as scenes:
            good = [_held(pair, scenes) for pair in pairs()]
    except GaveUp as why:
        sys.stderr.write(f"{why}\n")
        return 1
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
