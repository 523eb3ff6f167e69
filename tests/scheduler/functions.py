"""Stage functions of a world without I/O: what they ask for, in order, also when called again."""

from __future__ import annotations

import random
from typing import Literal, TypeAlias

import attrs

from buildorch.model import JSON
from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.stage import StageState

#: What a function does next: run a command, keep a value, set an output, or hear nothing more.
Deed: TypeAlias = Literal["step", "value", "output", "hang"]

#: What a function asks for.
Asked: TypeAlias = facts.StepWanted | facts.ValueGiven


@attrs.frozen
class Body:
    """What a function does, the same at every call.

    Attributes:
        deeds: In order.
        error: What it raises at its end, or None.
        busy: Whether it hears nothing of being stopped.
    """

    deeds: tuple[Deed, ...]
    error: str | None
    busy: bool

    @classmethod
    def of(cls, dice: random.Random, *, limited: bool) -> Body:
        """Return a random one; only one whose time is *limited* may hang."""
        deeds: list[Deed] = dice.choices(
            ("step", "value", "output"), (3, 1, 1), k=dice.randrange(5)
        )
        if limited and dice.random() < 0.3:
            deeds.append("hang")
        return cls(tuple(deeds), dice.choice((None, None, "ValueError: no")), dice.random() < 0.2)


@attrs.define
class Called:
    """A call of a function that is on its way.

    Attributes:
        stage: Its stage.
        attempt: Its attempt.
        body: What it does.
        done: How many of its deeds are done.
    """

    stage: str
    attempt: int
    body: Body
    done: int = 0

    def asks(self) -> Fact | None:
        """Return what it asks for or says now; None where it hangs."""
        if self.done == len(self.body.deeds):
            return self.over(error=self.body.error)
        deed = self.body.deeds[self.done]
        steps = self.body.deeds[: self.done].count("step")
        if deed == "hang":
            return None
        if deed == "value":
            return self._gives(steps, f"k{self.done}")
        if deed == "output":
            return self._gives(0, f"output.{self.done}")
        return facts.StepWanted(stage=self.stage, attempt=self.attempt, step=steps + 1, digest="d")

    def _gives(self, step: int, key: str) -> Fact:
        return facts.ValueGiven(
            stage=self.stage, attempt=self.attempt, step=step, key=key, value=self.done
        )

    def over(self, *, error: str | None = None, stopped: str | None = None) -> Fact:
        """Return its end."""
        output: JSON = {"done": self.done} if error is None and stopped is None else None
        return facts.FunctionEnded(
            stage=self.stage, attempt=self.attempt, error=error, stopped=stopped, output=output
        )


def recorded(state: StageState, asked: Asked) -> bool:
    """Tell whether the record has the answer: the function is called for the second time.

    Outputs are not looked up: they are given again.
    """
    if isinstance(asked, facts.ValueGiven):
        return not asked.key.startswith("output") and (asked.step, asked.key) in state.values
    step = state.steps.get(asked.step)
    return step is not None and step.finished is not None
