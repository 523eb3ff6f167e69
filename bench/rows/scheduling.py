"""Planning and scheduling alone: a large graph of stages that do nothing, and no I/O."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version

from bench.bench import Bench
from bench.peers.installed import Peer
from bench.row import OURS, Contender, Row, Sample, own_version
from bench.targets import all_of, at_most, none_lost

_DASK = Peer("dask", "2026.8.0")
_DOIT = Peer("doit", "0.37.0")
_LUIGI = Peer("luigi", "3.8.1")

#: luigi takes milliseconds for each stage, and the more the more there are.
_OF_LUIGI = 500

#: How much more one of ten times as many stages may take: the caches of a processor are finite.
_LINEAR = 1.5


def rows() -> list[Row]:
    """Return the rows."""
    return [_row("scheduling", 10_000, luigi=True), _row("scheduling_more", 100_000, luigi=False)]


def _row(name: str, count: int, *, luigi: bool) -> Row:
    peers = [
        _contender(OURS, "ours", count),
        Contender(
            "graphlib",
            f"scheduling_graphlib.py {count}",
            _program("graphlib", count),
            platform.python_version,
        ),
        Contender(
            "networkx",
            f"scheduling_networkx.py {count}",
            _program("networkx", count),
            lambda: version("networkx"),
        ),
        _contender("dask, threads", "dask", count, _DASK),
        _contender("doit", "doit", count, _DOIT),
    ]
    if luigi:
        peers.append(_contender("luigi", "luigi", _OF_LUIGI, _LUIGI))
    return Row(
        name=name,
        title=f"Plan and schedule {count:,} stages, no I/O",
        contenders=tuple(peers),
        target=all_of(
            none_lost(),
            at_most("each_us", 25, "µs a stage"),
            at_most("growth_times", _LINEAR, "times a stage of a tenth of it"),
            at_most("kept_bytes", 2_000, "bytes kept a stage"),
        ),
        columns={
            "each_us": "µs a stage",
            "plan_us": "of them planning",
            "schedule_us": "scheduling",
            "kept_bytes": "bytes kept a stage",
        },
        bar="each_us",
        note=(
            "Layers of 100 stages, each after two of the layer before. Of buildorch it is all that "
            "a run does but for what is outside: names, options and servers are checked, a plan is "
            "made, and each stage goes through slot, connection, launch, start, end and verdict, "
            "with an event for each; 24 stages at once. graphlib and networkx only sort. Processor "
            "time, the declaring of our stages left out."
        ),
    )


def _contender(name: str, program: str, count: int, peer: Peer | None = None) -> Contender:
    return Contender(
        name,
        f"scheduling_{program}.py {count}",
        _program(program, count, peer),
        own_version if peer is None else peer.version,
    )


def _program(name: str, count: int, peer: Peer | None = None) -> Callable[[Bench], Sample]:
    def run(bench: Bench) -> Sample:
        if peer is None:
            return bench.program(f"scheduling_{name}", count)
        return bench.program(f"scheduling_{name}", count, python=peer.python)

    return run
