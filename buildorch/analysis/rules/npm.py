"""Rules for npm, yarn, pnpm and the bundlers they run."""

from __future__ import annotations

from buildorch.analysis.rule import Details, Kind, Rule

RULES = (
    Rule(
        name="npm.block",
        kind=Kind.BLOCK,
        pattern=r"npm (?:ERR!|error)(?: |$)",
        tool="npm",
        starts=(r"npm (?:ERR!|error)",),
    ),
    Rule(
        name="npm.warning",
        kind=Kind.WARNING,
        pattern=r"npm (?:WARN|warn) \S",
        tool="npm",
        starts=(r"npm (?:WARN|warn) ",),
    ),
    Rule(
        name="yarn.script",
        kind=Kind.LAST_RESORT,
        pattern=r"error Command failed with exit code \d+\.| ?ELIFECYCLE ",
        tool="npm",
        starts=("error Command failed", "ELIFECYCLE ", " ELIFECYCLE "),
    ),
    Rule(
        name="yarn.error",
        kind=Kind.ERROR,
        pattern=r"error (?:An unexpected error|Couldn't find|\S+@\S+: )| ?ERR_PNPM_\w+",
        tool="npm",
        starts=(
            "error An ",
            "error Couldn't ",
            r"error [^\s:]+@[^\s:]+: ",
            "ERR_PNPM_",
            " ERR_PNPM_",
        ),
    ),
    Rule(
        name="yarn.warning",
        kind=Kind.WARNING,
        pattern=r"warning (?:\S+ > )*\S+@\S+: | ?WARN  \S",
        tool="npm",
        starts=(r"warning [^\n]{1,200}@", "WARN  ", " WARN  "),
    ),
    Rule(
        name="webpack.error",
        kind=Kind.ERROR,
        pattern=r"ERROR in (?P<file>\S+)",
        starts=("ERROR in ",),
    ),
    Rule(
        name="webpack.warning",
        kind=Kind.WARNING,
        pattern=r"WARNING in \S",
        starts=("WARNING in ",),
    ),
    Rule(
        name="vite.error",
        kind=Kind.ERROR,
        pattern=r"error during build:",
        starts=("error during build:",),
        details=Details.PARAGRAPH,
    ),
    Rule(
        name="jest.failed",
        kind=Kind.COMPLAINT,
        pattern=r"(?:FAIL) +(?P<file>\S+\.[cm]?[jt]sx?)\b",
    ),
)
