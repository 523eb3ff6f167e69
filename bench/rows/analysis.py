"""The analysis of a log alone: no host, no disk."""

from __future__ import annotations

from bench.bench import Bench
from bench.row import OURS, Contender, Row, Sample
from bench.targets import all_of, at_least, at_most, none_lost

_MEGABYTES = 200


def _run(bench: Bench) -> Sample:
    return bench.program("analysis_ours", _MEGABYTES)


ROW = Row(
    name="analysis",
    title=f"The analysis of {_MEGABYTES} MB of compiler output, one core",
    contenders=(Contender(OURS, f"python bench/programs/analysis_ours.py {_MEGABYTES}", _run),),
    target=all_of(none_lost(), at_least("mb_s", 100, "MB/s"), at_most("peak_mb", 80, "MB")),
    columns={"mb_s": "MB/s", "peak_mb": "peak MB"},
    bar="mb_s",
    more_is_better=True,
    note="Every warning is found, counted and placed: those are what may be lost.",
)
