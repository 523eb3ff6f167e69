"""What a rule is: how one kind of line is recognised, and what it means.

Rules are data. The hints of all rules together make the sieve that lets ordinary lines pass
at almost no cost; only a line that a hint names is decoded and matched.
"""

from __future__ import annotations

import enum
import functools
import re

import attrs

from buildorch.errors import DefinitionError


class Kind(enum.Enum):
    """What a matching line means."""

    ERROR = "error"  # counts as one error
    WARNING = "warning"  # counts as one warning
    CONSEQUENCE = "consequence"  # counts nothing: something above is the reason
    LAST_RESORT = "last resort"  # counts as one error where nothing else explains the failure
    COMPLAINT = "complaint"  # counts only if a consequence follows: many are harmless
    NOTHING = "nothing"  # looks like a diagnostic and is none, or only tells which tool runs
    PROGRESS = "progress"  # groups `done` and `total`, or `percent`
    SUMMARY = "summary"  # the tool's own totals
    UNIT = "unit"  # group `unit`: what is being built
    TRACEBACK = "traceback"  # begins a Python traceback
    CHAIN = "chain"  # the next traceback belongs to the one before
    QUIET = "quiet"  # the next traceback is not an uncaught one
    EXCERPT = "excerpt"  # begins lines copied from another log
    FAILED_COMMAND = "failed command"  # begins the output of a command that failed
    BLOCK = "block"  # one of several lines that are one error together
    TEST_SECTION = "test section"  # only the test runner's own lines count from here on
    TEST_FAILURE = "test failure"  # a failed test, as the closing list names it
    TEST_PROGRESS = "test progress"  # a failed test, as it happens
    TEST_END = "test end"  # the closing line with all numbers


class Details(enum.Enum):
    """Where the lines below a header say more."""

    NONE = "none"
    INDENTED = "indented"  # an indented paragraph is the message
    PARAGRAPH = "paragraph"  # all lines until an empty one are the message
    PLACE = "place"  # one of the next lines is ` --> file:line`


@attrs.frozen(kw_only=True, cache_hash=True)
class Rule:
    r"""How one kind of line is recognised.

    The pattern is matched at the beginning of the readable line. Its named groups `file`, `line`,
    `unit` and `command` tell the place; `done`, `total` and `percent` the progress.

    Attributes:
        name: `tool.what`, unique.
        kind: What a matching line means.
        pattern: A regular expression; begin it with `.*` to match anywhere in the line.
        tool: The tool that a match proves to be running; None if several print such lines.
        hints: Literal texts, one of which is in every matching line. A rule without hints,
            starts and ends is searched for in the whole log, which costs time.
        starts: Regular expressions without groups, one of which begins every matching line.
        ends: Literal texts, one of which ends every matching line (for progress only).
        details: Where the lines below say more.
        main: For progress: beats that of every other tool (one that runs the others).
        summary: Whether the line is also the tool's own summary.
        repeated: Whether the tool prints such lines again: an error after its summary, a last
            resort at each of its levels.

    Example:
        >>> rule = Rule(name="flash.error", kind=Kind.ERROR, pattern=r"FLASH!! (?P<unit>\w+)")
        >>> rule.match("FLASH!! board7 does not answer")["unit"]
        'board7'
    """

    name: str
    kind: Kind
    pattern: str
    tool: str | None = None
    hints: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    details: Details = Details.NONE
    main: bool = False
    summary: bool = False
    repeated: bool = False

    def __attrs_post_init__(self) -> None:
        if self.kind is Kind.PROGRESS and not (self.starts or self.ends):
            raise DefinitionError(
                [f"rule {self.name}: give `starts` or `ends`: progress is looked for by them"]
            )

    def match(self, text: str) -> re.Match[str] | None:
        """Match *text*, a readable line."""
        return compiled(self.pattern).match(text)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile *pattern* when it is first needed: most logs need few of the rules."""
    return re.compile(pattern)
