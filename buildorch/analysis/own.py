r"""Analysis as a stage asks for it: the tool it names, and lines of progress of its own.

Example:
    >>> log = analyzer_for("ninja", r"step (?P<done>\d+) of (?P<total>\d+)")
    >>> log.feed(b"step 1 of 4\n")
    >>> log.progress
    25.0
"""

from __future__ import annotations

import re

from buildorch.analysis.analyzer import Analyzer
from buildorch.analysis.rule import Kind, Rule, compiled

_GROUP = re.compile(r"\(\?P<\w+>")


def analyzer_for(tool: str | None, progress: str | None) -> Analyzer:
    """Return the analyzer of a log.

    Args:
        tool: The tool that writes it; None: found out from the log.
        progress: Pattern of its lines of progress, as `progress_rule` takes it.
    """
    return Analyzer(tool, [progress_rule(progress)] if progress is not None else [])


def progress_rule(pattern: str) -> Rule:
    r"""Return the rule of lines of progress that begin with *pattern*.

    Args:
        pattern: A regular expression with the groups `done` and `total`, or `percent`.

    Raises:
        ValueError: It is none, or has other groups.

    Example:
        >>> progress_rule(r"(?P<percent>\d+)% built").starts
        ('(?:\\d+)% built',)
    """
    try:
        found = compiled(pattern)
        start = _GROUP.sub("(?:", pattern)
        plain = compiled(start)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from None
    if plain.groups or set(found.groupindex) not in ({"done", "total"}, {"percent"}):
        raise ValueError(
            f"{pattern!r} has other groups than (?P<done>...) and (?P<total>...), or (?P<percent>"
            "...) alone; write (?:...) for what is no number"
        )
    if found.match("") is not None:
        raise ValueError(
            f"{pattern!r} matches an empty line; write what all lines of progress have"
        )
    return Rule(name="own.progress", kind=Kind.PROGRESS, pattern=pattern, starts=(start,))
