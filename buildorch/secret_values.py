"""The values of a run's secrets: all looked up when it starts or goes on, and never stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from buildorch.errors import Problem, UsageError, raise_problems
from buildorch.model import PlannedStage, Secret
from buildorch.runner.jobs import secrets_of
from buildorch.secret_sources import inspect, look_up


def resolve_secrets(
    stages: Iterable[PlannedStage], environ: Mapping[str, str]
) -> dict[Secret, str]:
    """Return the values of all secrets of *stages*; each is looked up once.

    Raises:
        DefinitionError: Some are not there, or too short to be masked safely.
    """
    values: dict[Secret, str] = {}

    def keep(secret: Secret) -> None:
        values[secret] = look_up(secret, environ)

    raise_problems(list(_problems(stages, keep)))
    return values


def unusable_secrets(stages: Iterable[PlannedStage], environ: Mapping[str, str]) -> list[Problem]:
    """Return what would keep a run of *stages* from beginning; no command is run for it."""
    return list(_problems(stages, lambda secret: inspect(secret, environ)))


def _problems(
    stages: Iterable[PlannedStage], examine: Callable[[Secret], None]
) -> Iterator[Problem]:
    """Examine each secret once; yields what is wrong with it for each stage that has it."""
    found: dict[Secret, str] = {}
    for stage in stages:
        for secret in sorted(secrets_of(stage), key=lambda one: (one.source, one.words)):
            if secret not in found:
                found[secret] = _wrong(secret, examine)
            if found[secret]:
                yield Problem(f"stage {stage.name}: the secret {secret.name} {found[secret]}")


def _wrong(secret: Secret, examine: Callable[[Secret], None]) -> str:
    try:
        examine(secret)
    except UsageError as error:
        return str(error)
    return ""
