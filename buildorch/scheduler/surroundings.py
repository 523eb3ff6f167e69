"""What an observation may look at beside its fact: the state, the time, and chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.table import Phase


@attrs.frozen
class Surroundings:
    """What an observation needs beside the fact.

    Attributes:
        run: The run's state; only read.
        id: Id of the run.
        now: Monotonic time.
        chance: Returns a number from 0 to 1.
    """

    run: RunState
    id: str
    now: float
    chance: Callable[[], float]

    def on_server(self, server: str, phases: tuple[Phase, ...]) -> Iterator[StageState]:
        """Yield the stages that are in one of *phases* on *server*."""
        for state in self.run.active.values():
            if state.phase in phases and state.server.name == server:
                yield state

    def attempt(self, stage: str, attempt: int, phases: tuple[Phase, ...]) -> Iterator[StageState]:
        """Yield the stage if this attempt of it is still in one of *phases*."""
        state = self.run.stages[stage]
        if state.attempt == attempt and state.phase in phases:
            yield state
