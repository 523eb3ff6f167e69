"""Many hosts at once, one stage each."""

from __future__ import annotations

import attrs

from bench.bench import Bench
from bench.peers import parallel
from bench.peers.libraries import BUILDORCH, CLUSTERSHELL
from bench.row import Contender, Row, Sample
from bench.targets import all_of, at_most, no_worse_than_best, none_lost


def _weighed(count: int) -> Contender:
    """Return ours, with the memory that each host after the first takes."""
    many, one = (BUILDORCH.contender("crowd", n, hosts=n) for n in (count, 1))

    def run(bench: Bench) -> Sample:
        alone = one.run(bench).figures["peak_mb"]
        sample = many.run(bench)
        each = (sample.figures["peak_mb"] - alone) / (count - 1)
        return attrs.evolve(sample, figures={**sample.figures, "host_mb": each})

    return attrs.evolve(many, run=run)


def _row(count: int, times: int | None = None) -> Row:
    contenders = (
        _weighed(count),
        CLUSTERSHELL.contender("crowd", count, hosts=count),
        parallel.everywhere("true", count),
    )
    return Row(
        name=f"hosts{count}",
        title=f"{count} hosts at once, one `true` each",
        contenders=tuple(attrs.evolve(one, times=times) for one in contenders),
        target=all_of(
            none_lost(),
            no_worse_than_best(figure="seconds"),
            at_most("host_mb", 1, "MB a host after the first"),
        ),
        columns={"seconds": "seconds", "peak_mb": "peak MB", "threads": "threads"},
        limit=300,
        note=(
            "Each host has its own sshd, and all of them share the cores of this machine: most "
            "of the time is their side of the handshakes. Memory is with all children."
        ),
    )


def rows() -> list[Row]:
    """Return a row for a hundred hosts and one for three hundred."""
    return [_row(100), _row(300, times=3)]
