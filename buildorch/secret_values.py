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
    planned = list(stages)
    if problems := unusable_secrets(planned, environ):
        raise DefinitionError(problems)
    return {name: environ[name] for stage in planned for name in sorted(secret_names(stage))}


def unusable_secrets(stages: Iterable[PlannedStage], environ: Mapping[str, str]) -> list[Problem]:
    """Return what keeps a run of *stages* from beginning: secrets not set, or too short to mask."""
    return [
        Problem(f"stage {stage.name}: the secret {variable} {what}")
        for stage in stages
        for variable in sorted(secret_names(stage))
        if (what := _unusable(environ.get(variable)))
    ]


def _unusable(value: str | None) -> str | None:
    if value is None:
        return "is not set; export it, then try again"
    if len(value) < SHORTEST_SECRET:
        return f"is shorter than {SHORTEST_SECRET} characters"
    return None
