"""What an observation may look at beside its fact and the time: the state, and chance."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.table import LINKED, Phase


@attrs.frozen
class Surroundings:
    """What an observation needs beside the fact.

    Attributes:
        run: The run's state; only read.
        id: Id of the run.
        chance: Returns a number from 0 to 1.
    """

    run: RunState
    id: str
    chance: Callable[[], float]

    def connecting(self, server: str) -> list[StageState]:
        """Return the stages that wait for the link of *server*."""
        return [one for one in self.run.connecting.values() if one.server.name == server]

    def linked(self, server: str) -> list[StageState]:
        """Return the stages that may need the link of *server*."""
        active = self.run.active.values()
        return [one for one in active if one.phase in LINKED and one.server.name == server]

    def attempt(self, stage: str, attempt: int, phases: frozenset[Phase]) -> StageState | None:
        """Return the stage if this attempt of it is still in one of *phases*."""
        state = self.run.stages[stage]
        return state if state.attempt == attempt and state.phase in phases else None
