"""Rules for Python: one uncaught traceback, chained or not, is one error."""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

RULES = (
    Rule(
        name="python.traceback",
        kind=Kind.TRACEBACK,
        pattern=r"(?:  \+ Exception Group )?Traceback \(most recent call last\):",
        tool="python",
        starts=(r"  \+ Exception Group Trace", r"Traceback \(most"),
    ),
    Rule(
        name="python.chain",
        kind=Kind.CHAIN,
        pattern=r"During handling of the above exception|The above exception was the direct cause",
        starts=("During handling of the", "The above exception was"),
    ),
    Rule(
        name="python.ignored",
        kind=Kind.QUIET,
        pattern=r"Exception ignored (?:in|while)",
        starts=("Exception ignored ",),
    ),
    Rule(
        name="python.syntax",
        kind=Kind.TRACEBACK,
        pattern=r"  File \"(?P<file>[^\"]+)\", line (?P<line>\d+)$",
        starts=('  File "',),
    ),
    Rule(
        name="python.fatal",
        kind=Kind.ERROR,
        pattern=r"Fatal Python error: ",
        tool="python",
        starts=("Fatal Python error: ",),
    ),
)
