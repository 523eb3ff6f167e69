"""Rules for bitbake, as its knotty user interface prints, with and without a terminal."""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

RULES = (
    Rule(
        name="bitbake.task_error",
        kind=Kind.ERROR,
        pattern=r"ERROR: (?:mc:\S+:)?(?P<unit>\S+-\S+ do_\w+): ",
        tool="bitbake",
        starts=("ERROR: ",),
    ),
    Rule(
        name="bitbake.log_file",
        kind=Kind.ERROR,
        pattern=r"ERROR: Logfile of failure stored in: "
        r"\S*/(?P<recipe>[^/\s]+)/[^/\s]+/temp/log\.(?P<task>do_\w+)",
        tool="bitbake",
        starts=("ERROR: ",),
    ),
    Rule(
        name="bitbake.parse_error",
        kind=Kind.ERROR,
        pattern=r"ERROR: ParseError (?:at|in) (?P<file>[^\s:]+):(?P<line>\d+)?",
        tool="bitbake",
        starts=("ERROR: ",),
    ),
    Rule(
        name="bitbake.disk_monitor",
        kind=Kind.ERROR,
        pattern=r"ERROR: (?:No new tasks can be executed|Immediately halt) since the disk space",
        tool="bitbake",
        starts=("ERROR: ",),
    ),
    Rule(
        name="bitbake.excerpt",
        kind=Kind.EXCERPT,
        pattern=r"Log data follows:",
        tool="bitbake",
        starts=("Log data follows:",),
    ),
    Rule(
        name="bitbake.summary",
        kind=Kind.SUMMARY,
        pattern=r"Summary: (?P<text>.*)|NOTE: Tasks Summary: (?P<tasks>.*)",
        tool="bitbake",
        starts=("Summary: ", "NOTE: Tasks Summary: "),
    ),
    Rule(
        name="bitbake.sstate",
        kind=Kind.NOTHING,
        pattern=r"Sstate summary: .*\((?P<sstate>\d+)% match",
        tool="bitbake",
        starts=("Sstate summary: ",),
    ),
    Rule(
        name="bitbake.running",
        kind=Kind.NOTHING,
        pattern=r"Loading cache|Parsing recipes|NOTE: Resolving any missing|BB_VERSION ",
        tool="bitbake",
        starts=("Loading cache", "Parsing recipes", "NOTE: Resolving", "BB_VERSION "),
    ),
    Rule(
        name="bitbake.progress",
        kind=Kind.PROGRESS,
        pattern=r"NOTE: Running (?:noexec )?task (?P<done>\d+) of (?P<total>\d+)"
        r"(?: \((?:\S*/)?(?P<recipe>[^/\s:]+?)(?:_[^/\s:]*)?\.bb:(?P<task>do_\w+)\))?",
        tool="bitbake",
        hints=("unning ",),  # the same for both: one search finds that neither is there
        starts=(r"NOTE: Running (?:noexec )?task \d",),
        main=True,
    ),
    Rule(
        name="bitbake.footer",
        kind=Kind.PROGRESS,
        pattern=r"(?:Setscene tasks: \d+ of \d+ *)?(?:Currently +\d+ running tasks?"
        r"|No currently running tasks|Waiting for +\d+ running tasks? to finish:?)"
        r"[^(]*\((?P<done>\d+) of (?P<total>\d+)\)",
        tool="bitbake",
        hints=("unning ",),
        starts=("Setscene tasks: ", r"Currently +\d", "No currently", r"Waiting for +\d"),
        main=True,
    ),
)
