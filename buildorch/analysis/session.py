"""What a test session has said so far: its failures count once, however often they are shown."""

from __future__ import annotations

import re

import attrs

from buildorch.analysis.finding import Finding
from buildorch.analysis.rule import Kind

_NUMBER = re.compile(r"(\d+) ([a-z ]+)")


@attrs.frozen(kw_only=True)
class Totals:
    """The numbers of a closing line.

    Attributes:
        failed: Tests that failed or had an error.
        passed: Tests that passed, or failed as expected.
        warnings: Warnings.
    """

    failed: int = 0
    passed: int = 0
    warnings: int = 0


def totals(numbers: str) -> Totals:
    """Read the numbers of a closing line.

    Example:
        >>> totals("2 failed, 9 passed, 1 xfailed, 1 warning, 1 error")
        Totals(failed=3, passed=10, warnings=1)
    """
    of = {what.strip().rstrip("s"): int(number) for number, what in _NUMBER.findall(numbers)}
    return Totals(
        failed=of.get("failed", 0) + of.get("error", 0),
        passed=of.get("passed", 0) + of.get("xfailed", 0) + of.get("xpassed", 0),
        warnings=of.get("warning", 0),
    )


@attrs.frozen(kw_only=True)
class Session:
    """One run of a test runner, from its header to its closing line.

    Attributes:
        listed: Failures that the closing list names.
        seen: Failures as they happened.
        first_listed: The first of the list; it has the reason, so it is the better one to show.
        first_seen: The first that happened.
        totals: The numbers of its closing line; it has ended then.
    """

    listed: int = 0
    seen: int = 0
    first_listed: Finding | None = None
    first_seen: Finding | None = None
    totals: Totals | None = None

    @property
    def errors(self) -> int:
        """How many tests failed, as far as is known."""
        return self.listed or self.seen

    @property
    def first(self) -> Finding | None:
        """The failure to show."""
        return self.first_listed or self.first_seen

    def take(self, kind: Kind, found: Finding, numbers: str | None) -> Session:
        """Return the session after one more line; *numbers* are those of a closing line."""
        if kind is Kind.TEST_FAILURE:
            first = self.first_listed or found
            return attrs.evolve(self, listed=self.listed + 1, first_listed=first)
        if kind is Kind.TEST_PROGRESS:
            return self._failing(found, 1)
        if kind is Kind.TEST_END:
            told = totals(numbers or "")
            unseen = 0 if self.listed else max(0, told.failed - self.seen)
            known = self._failing(found, unseen)
            return attrs.evolve(known, totals=told)
        return self

    def _failing(self, found: Finding, count: int) -> Session:
        first = self.first_seen or (found if count else None)
        return attrs.evolve(self, seen=self.seen + count, first_seen=first)
