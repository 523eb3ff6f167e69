"""What every composer of messages knows: the run, the language, what else is known of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from buildorch.messages.background import NO_BACKGROUND, Background
from buildorch.messages.lines import tests
from buildorch.messages.words import Words
from buildorch.view import RunView, StageView


def _no_tail(_: str) -> str:
    return ""


@attrs.frozen
class Telling:
    """Composes pieces of messages about one run.

    Attributes:
        view: The run, with the newest fact applied.
        words: The language.
        tails: Returns the last lines of a stage's log.
        background: What else is known of the run.
    """

    view: RunView
    words: Words
    tails: Callable[[str], str] = _no_tail
    background: Background = NO_BACKGROUND

    def _tests(self, states: Sequence[StageView]) -> Iterator[str]:
        found = tests(states)
        if found is not None:
            yield self.words.say("tests", passed=found[0], total=found[1])

    def _head(self, phrase: str, state: StageView, **more: object) -> str:
        number, total = state.stage.index + 1, len(self.view.stages)
        shown = state.stage.title or state.name
        return self.words.say(phrase, number=number, total=total, stage=shown, **more)

    @property
    def _run(self) -> str:
        """What people call the run."""
        return self.background.run or self.view.run

    def _command(self, name: str, *arguments: str) -> str:
        return " ".join(["buildorch", name, self._run, *arguments])
