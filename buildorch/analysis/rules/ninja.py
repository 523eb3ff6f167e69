"""Rules for ninja and for tools that count steps as it does (waf, soong, bazel)."""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

RULES = (
    Rule(
        name="ninja.failed",
        kind=Kind.FAILED_COMMAND,
        pattern=r"FAILED: (?:\[code=-?\d+\] )?(?P<unit>\S.*)",
        tool="ninja",
        starts=("FAILED: ",),
    ),
    Rule(
        name="ninja.stopped",
        kind=Kind.CONSEQUENCE,
        pattern=r"ninja: build stopped: ",
        tool="ninja",
        starts=("ninja: build stopped",),
        summary=True,
    ),
    Rule(
        name="ninja.rebuild",
        kind=Kind.CONSEQUENCE,
        pattern=r"ninja: error: rebuilding '[^']*': subcommand failed",
        tool="ninja",
        starts=("ninja: error",),
    ),
    Rule(
        name="ninja.error",
        kind=Kind.ERROR,
        pattern=r"ninja: (?:error|fatal): ",
        tool="ninja",
        starts=("ninja: error", "ninja: fatal"),
    ),
    Rule(
        name="ninja.other",
        kind=Kind.NOTHING,
        pattern=r"ninja: (?:Entering|no work)",
        tool="ninja",
        starts=("ninja: Entering", "ninja: no work"),
    ),
    Rule(
        name="ninja.progress",
        kind=Kind.PROGRESS,
        # yarn counts its four phases in the same way: that is no progress of a build.
        pattern=r"\[ *(?:\d+% )?(?P<done>[\d,]+) ?/ ?(?P<total>[\d,]+)(?: [^\]]{0,40})?\] "
        r"(?!.{0,3}(?:Resolving packages|Fetching packages|Linking dependencies|Building fresh))"
        r"(?P<unit>\S.*)",
        tool="ninja",
        starts=(r"\[ *(?:\d+% )?[\d,]+ ?/ ?\d",),
    ),
)
