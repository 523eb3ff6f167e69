"""What the planner finds: problems, which end it all at once, and warnings, which do not."""

from __future__ import annotations

import attrs

from buildorch.errors import Problem
from buildorch.origin import Origin, problem_at


@attrs.frozen
class Findings:
    """Collects what is wrong or odd in a definition.

    Attributes:
        problems: What is wrong, in the order in which it was found.
        warnings: What is odd but no reason not to build, as sentences.
    """

    problems: list[Problem] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)

    def add(self, message: str, origin: Origin | None = None) -> None:
        """Note that *message* is wrong at *origin*; once, however often it is found."""
        problem = problem_at(origin, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def warn(self, message: str) -> None:
        """Note that *message* is odd; once, however often it is found."""
        if message not in self.warnings:
            self.warnings.append(message)
