"""Rules for cargo and rustc."""

from __future__ import annotations

from buildorch.analysis.rule import Details, Kind, Rule

RULES = (
    Rule(
        name="cargo.totals",
        kind=Kind.LAST_RESORT,
        pattern=r"error: (?:could not compile |aborting due to |build failed|test failed"
        r"|\d+ targets? failed|process didn't exit successfully)",
        tool="cargo",
        starts=("error: ",),
        summary=True,
    ),
    Rule(
        name="cargo.warning_totals",
        kind=Kind.NOTHING,
        pattern=r"warning: (?:.*generated \d+ warnings?|\d+ warnings? emitted|build failed, wait)",
        tool="cargo",
        starts=("warning: ",),
    ),
    Rule(
        name="rustc.error",
        kind=Kind.ERROR,
        pattern=r"error\[\w+\]: ",
        tool="cargo",
        starts=(r"error\[",),
        details=Details.PLACE,
    ),
    Rule(
        name="rustc.plain_error",
        kind=Kind.ERROR,
        pattern=r"error: (?!\d+$)\S",
        starts=("error: ",),
        details=Details.PLACE,
    ),
    Rule(
        name="rustc.warning",
        kind=Kind.WARNING,
        pattern=r"warning\[\w+\]: ",
        tool="cargo",
        starts=(r"warning\[",),
    ),
    Rule(
        name="cargo.test_failed",
        kind=Kind.ERROR,
        pattern=r"test (?P<unit>\S.*) \.\.\. FAILED$",
        tool="cargo",
        hints=(" FAILED",),
    ),
    Rule(
        name="cargo.test_summary",
        kind=Kind.SUMMARY,
        pattern=r"test result: ",
        tool="cargo",
        starts=("test result: ",),
    ),
    Rule(
        name="cargo.running",
        kind=Kind.NOTHING,
        pattern=r" +Finished [`\w]",
        tool="cargo",
        starts=(" +Finished ",),
    ),
    Rule(
        name="cargo.panic",
        kind=Kind.COMPLAINT,
        pattern=r"thread '.*' (?:\(\d+\) )?panicked at (?:(?P<file>[^\s:]+):(?P<line>\d+))?",
    ),
    Rule(
        name="cargo.progress",
        kind=Kind.PROGRESS,
        pattern=r" +Building \[[=> ]*\] (?P<done>\d+)/(?P<total>\d+)(?:: (?P<unit>\S.*))?",
        tool="cargo",
        starts=(r" +Building \[",),
    ),
)
