"""Why something failed, when no tool reported an error: the complaints just before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildorch.analysis.block import Block, Line
from buildorch.analysis.finding import Finding, finding
from buildorch.analysis.lines import without_prefix
from buildorch.analysis.rules.make import MAKE
from buildorch.analysis.sieve import Sieve

#: Source lines under a diagnostic, lines copied from another log, commands traced by a shell.
NO_REPORT = re.compile(r"\s*\d*\s*\|(?: |$)|\++ ")
#: What came before this line is another command's.
_BOUNDARY = re.compile(rf"{MAKE}(?:\*\*\*|\[|Entering|Leaving|Target)|FAILED: |ninja: |\[ *\d+[/%]")
#: Complaints that explain more than those between them and the failure.
_STRONG = frozenset({"disk.full", "kernel.oom"})
_LAST_LINES = 3
_DISK_FULL = ("No space left on device", "since the disk space monitor action")


def disk_full(text: str) -> bool:
    """Tell whether a line says that a disk was full."""
    return any(words in text for words in _DISK_FULL)


def complaint(sieve: Sieve, line: Line) -> Finding | None:
    """Return what *line* complains of."""
    if NO_REPORT.match(line.text):
        return None
    for rule in sieve.complaints:
        if found := rule.match(line.text):
            return finding(rule, line, found.groupdict())
    return None


def reason(sieve: Sieve, block: Block, number: int, settled: int) -> Finding | None:
    """Return the complaint that explains a failure which line *number* reports.

    Args:
        sieve: The rules.
        block: The block that holds the line.
        number: The line that reports the failure.
        settled: The last line that is no reason: it was counted already, or dismissed.
    """
    nearest: Finding | None = None
    for line in _before(block, number, settled):
        found = complaint(sieve, line)
        if found is None and _BOUNDARY.match(line.text):
            break
        if found is not None and found.rule in _STRONG:
            return found
        nearest = nearest or found
    return nearest


def last_words(sieve: Sieve, block: Block, number: int, settled: int) -> Finding | None:
    """Return the complaint with which a log ends that has *number* - 1 lines."""
    left = _LAST_LINES
    for line in _before(block, number, settled):
        if not line.text.strip():
            continue
        if not left or _BOUNDARY.match(line.text):
            return None
        if found := complaint(sieve, line):
            return found
        left -= 1
    return None


def _before(block: Block, number: int, settled: int) -> Iterator[Line]:
    for line in block.before(number):
        if line.number <= settled:
            return
        yield Line(line.number, line.offset, without_prefix(line.text))
