"""What stages hand on: the outputs that a stage function sets, and the inputs that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from buildorch.errors import UsageError
from buildorch.model import JSON
from buildorch.names import hint


class Outputs(dict[str, JSON]):
    """The values that a stage hands on; each is recorded when it is set."""

    def __init__(self, record: Callable[[str, JSON], None]) -> None:
        super().__init__()
        self._record = record

    def __setitem__(self, key: str, value: JSON) -> None:
        """Record *value*, then keep it."""
        self._record(key, value)
        super().__setitem__(key, value)


class Inputs(dict[str, Mapping[str, JSON]]):
    """The outputs of the stages before a stage; says of a name that is none which one is near."""

    def __init__(self, stage: str, found: Mapping[str, Mapping[str, JSON]]) -> None:
        super().__init__(found)
        self._stage = stage

    def __missing__(self, name: str) -> NoReturn:
        """Raise for a stage that is not before this one."""
        raise InputMissing(
            f"no stage {name!r} comes before stage {self._stage}{hint(str(name), self)}"
        )


class InputMissing(UsageError, KeyError):
    """A stage's outputs are asked for that is not before the stage that asks."""

    __str__ = UsageError.__str__  # a KeyError shows its message in quotes
