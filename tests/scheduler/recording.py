"""A run of one stage whose actions are kept, so that a test says itself what is answered."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs
from scheduler.test_machine import SERVERS, a_stage
from scheduler.world import World

from buildorch.events import Event
from buildorch.model import Plan
from buildorch.scheduler import actions, facts

ONE_TWO = SERVERS[:2]

#: Somebody wants the stage on its next server.
MOVE = facts.MoveOrdered(stage="a", server=None, by="me")


@attrs.define
class Recording(World):
    """A world that keeps what it is asked for, and answers only where it is told to."""

    asked: list[actions.Action] = attrs.field(factory=list)
    answers: bool = False

    def told(self, *given: facts.Fact) -> list[Any]:
        """Return the events of a turn."""
        made: list[Any] = self.turn(*given)
        return made

    def act(self, action: actions.Action) -> None:
        """Keep it."""
        self.asked.append(action)
        if self.answers:
            super().act(action)

    def _hear(self, fact: facts.Fact) -> list[Event]:
        return self.scheduler.observe(fact, self.now)


def recording(**options: Any) -> Recording:
    """Return a world in which one stage runs on the server `one`, with `two` as its fallback."""
    options.setdefault("servers", ONE_TWO)
    plan = Plan(name="p", stages=(a_stage("a", **options),))
    world = Recording(plan, random.Random(0))  # noqa: S311 - likewise
    world.turn()
    world.turn(facts.SlotTaken(stage="a", server="one"))
    world.turn(facts.Connected(server="one"))
    return world


def cut(world: Recording) -> None:
    world.turn(facts.LinkDown(server="one", reason="cut"))


def phase(world: World) -> str:
    return str(world.scheduler.state.stages["a"].phase)


def kinds(made: Sequence[Any]) -> list[str]:
    return [event.kind for event in made]


def impatient(world: Recording, seconds: float) -> Recording:
    """Let a controller that waits no longer than *seconds* take over."""
    patience = world.scheduler._patience
    world.scheduler._patience = attrs.evolve(patience, silent=seconds)
    return world
