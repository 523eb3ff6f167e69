"""Rules for pytest and unittest: the closing list counts, not what the tests print."""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

_NUMBERS = (
    r"\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|reruns?|rerun"
    r"|subtests passed|subtests failed)"
)

RULES = (
    Rule(
        name="pytest.section",
        kind=Kind.TEST_SECTION,
        pattern=r"=+ (?:test session starts|ERRORS|FAILURES|PASSES|warnings summary.*"
        r"|short test summary info) =+$",
        tool="pytest",
        starts=("==",),
    ),
    Rule(
        name="pytest.end",
        kind=Kind.TEST_END,
        pattern=rf"=* ?(?P<numbers>{_NUMBERS}(?:, {_NUMBERS})*|no tests (?:ran|collected).*?)"
        r" in [\d.]+ ?(?:s|seconds)\b.*",
        tool="pytest",
        starts=(
            r"=+ (?:\d|no tests)",
            r"\d+ (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?)",
            "no tests ",
        ),
    ),
    Rule(
        name="pytest.failed",
        kind=Kind.TEST_FAILURE,
        pattern=r"(?:FAILED|ERROR|SUBFAIL\S*) "
        r"(?P<unit>(?P<file>[^\s:]+\.py)(?:::.*?)?|\S+::.*?)(?: - .*)?$",
        tool="pytest",
        starts=("FAILED ", "ERROR ", "SUBFAIL"),
    ),
    Rule(
        name="pytest.failing",
        kind=Kind.TEST_PROGRESS,
        pattern=r"(?:(?P<unit>(?P<file>[^\s:]+)::.*?) (?:FAILED|ERROR)|(?:FAILED|ERROR)"
        r"|\[gw\d+\] \[ *\d+%\] (?:FAILED|ERROR) .*?)\s*(?:\[ *\d+%\])?$",
        tool="pytest",
        hints=(" FAILED", " ERROR "),
        starts=(r"ERROR +\[ *\d", r"FAILED +\[ *\d"),
    ),
    Rule(
        name="pytest.internal",
        kind=Kind.TEST_FAILURE,
        pattern=r"INTERNALERROR> (?! |Traceback|$)",
        tool="pytest",
        starts=("INTERNALERROR> ",),
    ),
    Rule(
        name="pytest.exit",
        kind=Kind.TEST_FAILURE,
        pattern=r"!+ _pytest\.outcomes\.Exit: ",
        tool="pytest",
        starts=("!!",),
    ),
    Rule(
        name="pytest.progress",
        kind=Kind.PROGRESS,
        pattern=r"(?:\S+\.py(?:::| ).*|[.FEsxXpPRruyY,]+ +"
        r"|.*\b(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)\b.*)\[ *(?P<percent>\d+)%\]$",
        tool="pytest",
        ends=("%]",),
    ),
    Rule(
        name="pytest.progress_xdist",
        kind=Kind.PROGRESS,
        pattern=r"\[gw\d+\] \[ *(?P<percent>\d+)%\] [A-Z]+ (?P<unit>\S+)",
        tool="pytest",
        starts=(r"\[gw\d+\] \[ *\d+%\]",),
    ),
    Rule(
        name="unittest.failed",
        kind=Kind.ERROR,
        pattern=r"(?:FAIL|ERROR): (?P<unit>\w+ \([\w.]+\).*)",
        tool="unittest",
        starts=("FAIL: ", "ERROR: "),
    ),
    Rule(
        name="unittest.summary",
        kind=Kind.SUMMARY,
        pattern=r"FAILED \((?:failures|errors|skipped|unexpected).*\)$",
        tool="unittest",
        starts=(r"FAILED \(",),
    ),
    Rule(
        name="gtest.failed",
        kind=Kind.COMPLAINT,
        pattern=r"\[  FAILED  \] (?P<unit>\S+)|.*\*\*\*(?:Failed|Exception|Timeout)\b"
        r"|The following tests FAILED:|not ok \d+\b",
    ),
)
