"""The values of secrets: looked up when a run starts, and never stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from buildorch.errors import DefinitionError, Problem
from buildorch.model import PlannedStage
from buildorch.runner.jobs import secret_names

#: Shorter secrets would be masked in places that have nothing to do with them.
SHORTEST_SECRET = 6


def resolve_secrets(stages: Iterable[PlannedStage], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of all secrets of *stages* by variable.

    Raises:
        DefinitionError: Some are not set, or too short to be masked safely.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for stage in stages:
        for variable in sorted(secret_names(stage)):
            value = environ.get(variable)
            if value is None:
                problems.append(_secret(stage, variable, "is not set; export it, then try again"))
            elif len(value) < SHORTEST_SECRET:
                problems.append(
                    _secret(stage, variable, f"is shorter than {SHORTEST_SECRET} characters")
                )
            else:
                found[variable] = value
    if problems:
        raise DefinitionError(problems)
    return found


def _secret(stage: PlannedStage, variable: str, what: str) -> Problem:
    return Problem(f"stage {stage.name}: the secret {variable} {what}")
