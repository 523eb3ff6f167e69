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

    problems: dict[Problem, None] = attrs.field(factory=dict)
    warnings: dict[str, None] = attrs.field(factory=dict)

    def add(self, message: str, origin: Origin | None = None) -> None:
        """Note that *message* is wrong at *origin*; once, however often it is found."""
        self.problems[problem_at(origin, message)] = None

    def warn(self, message: str) -> None:
        """Note that *message* is odd; once, however often it is found."""
        self.warnings[message] = None
