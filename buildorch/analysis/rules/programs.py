"""Rules for what any program says of itself: `name: error:`, `error:`, `ERROR:`, `Warning:`.

They come last: the tools' own rules know better what such a line is worth.
"""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule
from buildorch.analysis.rules.compilers import PROGRAM

RULES = (
    Rule(
        name="program.error",
        kind=Kind.ERROR,
        pattern=PROGRAM + r": (?:fatal |internal compiler )?error: (?!\d+$)",
        hints=("rror:",),
    ),
    Rule(
        name="program.warning",
        kind=Kind.WARNING,
        pattern=PROGRAM + r": [Ww]arning: (?!\d+$)",
        hints=("arning:",),
    ),
    Rule(
        name="docker.build",
        kind=Kind.LAST_RESORT,
        pattern=r"ERROR: failed to (?:solve|build)|#\d+ ERROR: ",
        starts=("ERROR: failed to ", r"#\d+ ERROR: "),
        repeated=True,
    ),
    Rule(
        name="plain.error",
        kind=Kind.ERROR,
        pattern=r"(?:ERROR|[Ee]rror|[Ff]atal error|FATAL): (?!\d+$)\S",
        starts=("ERROR: ", "Error: ", "error: ", "Fatal error: ", "fatal error: ", "FATAL: "),
    ),
    Rule(
        name="plain.warning",
        kind=Kind.WARNING,
        pattern=r"(?:WARNING|[Ww]arning): (?!\d+$)\S",
        starts=("WARNING: ", "Warning: ", "warning: "),
    ),
)
