"""Plain values, the ways in which a stage or a run ends, and converters of fields."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

#: What survives a trip through the store: parameters, outputs and recorded values.
JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


#: A command: text for the shell, or a list of arguments that no shell sees.
Command: TypeAlias = str | tuple[str, ...]


class StageStatus(enum.StrEnum):
    """How a stage ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    LOST = "lost"
    NO_SPACE = "no_space"
    UP_TO_DATE = "up_to_date"

    # Equal to its text, hence hashed like it; Enum's own hash is slow.
    __hash__ = str.__hash__


#: Ends of a stage after which what it was for is there.
GOOD_ENDS = frozenset({StageStatus.SUCCEEDED, StageStatus.UP_TO_DATE})


class RunStatus(enum.StrEnum):
    """How a run ended; `INTERRUPTED` is never stored: its controller left and jobs go on."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


if TYPE_CHECKING:

    def tuple_of(values: Iterable[Any]) -> tuple[Any, ...]:
        """Return *values* as a tuple; as a converter, `tuple` has a type that no caller fits."""

else:
    tuple_of = tuple


def frozen_mapping(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy that nobody else changes; empty for None."""
    return dict(value or {})
