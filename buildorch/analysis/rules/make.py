"""Rules for make: a recipe that failed is a consequence, make's own trouble is a cause."""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

MAKE = r"(?:\S*/)?(?:[\w.+]+-)?g?make(?:\.exe)?(?:\[\d+\])?: "
_TARGET = r"\*\*\* \[(?:(?P<file>[^\s:\]]+):(?P<line>\d+): )?(?P<unit>.*?)\] "

RULES = (
    Rule(
        name="make.recipe",
        kind=Kind.CONSEQUENCE,
        pattern=MAKE + _TARGET + r"Error -?\d+",
        tool="make",
        hints=(": ***",),
    ),
    Rule(
        name="make.stopped",
        kind=Kind.LAST_RESORT,
        pattern=MAKE + _TARGET + r"(?:Interrupt|Terminated|Hangup)",
        tool="make",
        repeated=True,
        hints=(": ***",),
    ),
    Rule(
        name="make.signal",
        kind=Kind.ERROR,
        pattern=MAKE + _TARGET + r"[A-Z]\w+.*",
        tool="make",
        hints=(": ***",),
    ),
    Rule(
        name="make.waiting",
        kind=Kind.NOTHING,
        pattern=MAKE + r"\*\*\* (?:Waiting for unfinished|Deleting (?:intermediate )?file)",
        tool="make",
        hints=(": ***",),
    ),
    Rule(
        name="make.error",
        kind=Kind.ERROR,
        pattern=rf"(?:{MAKE}|(?P<file>[^\s:*]+):(?P<line>\d+): )\*\*\* \S",
        tool="make",
        hints=(": ***",),
    ),
    Rule(
        name="make.warning",
        kind=Kind.WARNING,
        pattern=MAKE + "[Ww]arning: ",
        tool="make",
        hints=("arning:",),
    ),
    Rule(
        name="make.entering",
        kind=Kind.NOTHING,
        pattern=r"make: (?:Entering|Nothing to be done)",
        tool="make",
        starts=("make: Entering", "make: Nothing"),
    ),
)
