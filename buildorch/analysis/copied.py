"""The cause of a failure, found in lines that were copied from another log."""

from __future__ import annotations

import attrs

from buildorch.analysis.block import Line
from buildorch.analysis.finding import Finding, finding
from buildorch.analysis.followers import Message
from buildorch.analysis.reasons import NO_REPORT, complaint
from buildorch.analysis.rule import Details, Kind
from buildorch.analysis.sieve import Sieve

#: Rules for what the copied log's own tool says of the failure: no cause.
_NO_CAUSE = ("plain.", "bitbake.")


@attrs.frozen(kw_only=True)
class Copied:
    """What copied logs say; such lines are never counted, but they are the best to show.

    Attributes:
        recipe: Recipe and task whose log comes next.
        cause: The first error in the log of the task that failed first.
        guess: The last complaint in it, where there is no error.
        message: The message below `cause`, while it is being read.
    """

    recipe: tuple[str, str] | None = None
    cause: Finding | None = None
    guess: Finding | None = None
    message: Message | None = None

    def take(self, sieve: Sieve, line: Line, first: Finding | None) -> Copied:
        """Return what is known after the copied *line*; *first* is the first counted error."""
        if self.message is not None:
            told = self.message.take(line)
            message = told.follower if isinstance(told.follower, Message) else None
            return attrs.evolve(self, cause=told.finding or self.cause, message=message)
        if self.cause is not None or not self._explains(first) or NO_REPORT.match(line.text):
            return self
        return self._look(sieve, line)

    def _explains(self, first: Finding | None) -> bool:
        """Whether the log is that of the task that failed first."""
        unit = first.unit if first else None
        if unit is None or self.recipe is None:
            return True
        recipe, task = self.recipe
        return unit.startswith(f"{recipe}-") and unit.endswith(f" {task}")

    def _look(self, sieve: Sieve, line: Line) -> Copied:
        for rule in sieve.candidates(line.text):
            found = rule.match(line.text)
            if found is None:
                continue
            if rule.kind is not Kind.ERROR or rule.name.startswith(_NO_CAUSE):
                return self
            cause = finding(rule, line, found.groupdict())
            told = rule.details is not Details.NONE
            message = Message(of=cause, details=rule.details) if told else None
            return attrs.evolve(self, cause=cause, message=message)
        return attrs.evolve(self, guess=complaint(sieve, line) or self.guess)

    def better(self, found: Finding | None) -> Finding | None:
        """Return the cause of *found*, or *found* itself where no copied log explains it."""
        cause = self.cause or self.guess
        if cause is None or (found is not None and found.tool != "bitbake"):
            return found
        return attrs.evolve(cause, unit=(found.unit if found else None) or cause.unit)
