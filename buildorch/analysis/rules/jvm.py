"""Rules for gradle, maven and sbt; the compilers that they run have rules of their own."""

from __future__ import annotations

from buildorch.analysis.rule import Details, Kind, Rule

RULES = (
    Rule(
        name="gradle.task_failed",
        kind=Kind.NOTHING,
        pattern=r"> Task (?P<unit>:\S+) FAILED$",
        tool="gradle",
        hints=(" FAILED",),
    ),
    Rule(
        name="gradle.test_failed",
        kind=Kind.ERROR,
        pattern=r"(?![>\[+])(?P<unit>\S.* > .*\S) FAILED$",
        tool="gradle",
        hints=(" FAILED",),
    ),
    Rule(
        name="gradle.wrong",
        kind=Kind.LAST_RESORT,
        pattern=r"\* What went wrong:",
        tool="gradle",
        starts=(r"\* What went wrong:",),
        details=Details.PARAGRAPH,
    ),
    Rule(
        name="gradle.outcome",
        kind=Kind.SUMMARY,
        pattern=r"BUILD (?:FAILED|SUCCESSFUL) in \d|FAILURE: Build ",
        tool="gradle",
        starts=("BUILD FAILED", "BUILD SUCCESSFUL", "FAILURE: Build "),
    ),
    Rule(
        name="gradle.progress",
        kind=Kind.PROGRESS,
        pattern=r"<[=-]+> (?P<percent>\d+)% [A-Z]+",
        tool="gradle",
        starts=("<[=-]+> ",),
    ),
    Rule(
        name="maven.repeated",
        kind=Kind.NOTHING,
        pattern=r"\[ERROR\] (?:COMPILATION ERROR|Tests run:|Failures: ?$|Errors: ?$"
        r"|Re-run Maven|To see the full|For more information|After correcting|->|  mvn )",
        tool="maven",
        starts=(r"\[ERROR\] ",),
    ),
    Rule(
        name="maven.compile_error",
        kind=Kind.ERROR,
        pattern=r"\[ERROR\] (?P<file>\S.*?):\[(?P<line>\d+),\d+\] ",
        tool="maven",
        repeated=True,
        starts=(r"\[ERROR\] ",),
    ),
    Rule(
        name="maven.test_failed",
        kind=Kind.ERROR,
        pattern=r"\[ERROR\] (?P<unit>[\w.$]+(?:\(.*\))?) .*<<< (?:FAILURE|ERROR)!",
        tool="maven",
        repeated=True,
        starts=(r"\[ERROR\] ",),
    ),
    Rule(
        name="maven.wrong",
        kind=Kind.LAST_RESORT,
        pattern=r"\[ERROR\] \S",
        tool="maven",
        starts=(r"\[ERROR\] ",),
    ),
    Rule(
        name="maven.warning",
        kind=Kind.WARNING,
        pattern=r"\[WARNING\] \S",
        starts=(r"\[WARNING\] ",),
    ),
    Rule(
        name="maven.outcome",
        kind=Kind.SUMMARY,
        pattern=r"\[INFO\] BUILD (?:FAILURE|SUCCESS)",
        tool="maven",
        starts=(r"\[INFO\] BUILD ",),
    ),
    Rule(
        name="sbt.error",
        kind=Kind.ERROR,
        pattern=r"\[error\] (?P<file>\S+):(?P<line>\d+)(?::\d+)?: ",
        tool="sbt",
        starts=(r"\[error\] ",),
    ),
    Rule(
        name="sbt.wrong",
        kind=Kind.LAST_RESORT,
        pattern=r"\[error\] \S",
        tool="sbt",
        starts=(r"\[error\] ",),
    ),
    Rule(
        name="sbt.warning",
        kind=Kind.WARNING,
        pattern=r"\[warn\] \S+:\d+(?::\d+)?: ",
        tool="sbt",
        starts=(r"\[warn\] ",),
    ),
)
