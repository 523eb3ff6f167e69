"""The options of a stage: their types, and the short forms in which people write them.

A value of a wrong type passes here untouched: the planner reports it with all other problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from buildorch.duration import Duration
from buildorch.model import Command, Retry, Secret
from buildorch.names import hint


class StageOptions(TypedDict, total=False):
    """What `@stage` and `Stage.with_` take; `Stage` says what each means."""

    server: str | Sequence[str] | None
    workdir: str | None
    timeout: Duration | None
    idle_timeout: Duration | None
    lease: Duration | None
    retry: Retry | int | None
    env: Mapping[str, str | Secret]
    setup: str | None
    shell: str | Sequence[str] | None
    artifacts: str | Sequence[str]
    resources: str | Sequence[str]
    lock: str | None
    fallback: str | Sequence[str] | None
    allow_failure: bool
    always: bool
    success_if: str | None
    fail_if: str | None
    analyze: bool
    tool: str | None
    progress: str | None
    title: str | None


def refuse_unknown(options: Iterable[str], known: Iterable[str], called: str) -> None:
    """Refuse options that are not among the *known* ones.

    Raises:
        TypeError: Names them, each with the nearest known one.
    """
    names = sorted(known)
    unknown = [f"{name!r}{hint(name, names)}" for name in options if name not in names]
    if unknown:
        raise TypeError(f"{called} has no option {', '.join(unknown)}")


def command(value: str | Sequence[str] | None) -> Command | None:
    """Return a command with its arguments as a tuple."""
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def one_or_many(value: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """Return text as it is, and several texts as a tuple."""
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def many(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return one or several texts as a tuple.

    Example:
        >>> many("*.bin"), many(["a", "b"])
        (('*.bin',), ('a', 'b'))
    """
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def many_or_none(value: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return one or several texts as a tuple, and None as it is."""
    return None if value is None else many(value)


def words(value: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the words of a command line as a tuple.

    Example:
        >>> words("bash -e")
        ('bash', '-e')
    """
    return tuple(value.split()) if isinstance(value, str) else many_or_none(value)


def retry(value: Retry | int | None) -> Retry | None:
    """Return a number of extra attempts as a `Retry`."""
    return Retry(value) if isinstance(value, int) else value


def mapping(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a mapping of the stage's own: the caller's may change later."""
    return dict(value) if isinstance(value, Mapping) else value  # type: ignore[redundant-expr]
