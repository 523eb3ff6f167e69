"""Pieces of messages about stages: what a failure said, names that fit on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from buildorch.events import AttemptFinished, StageFinished
from buildorch.messages.words import Words, clean, cut
from buildorch.model import GOOD_ENDS
from buildorch.view import StageView

#: Lines of the log that stand for an error that was not recognised.
TAIL = 5

#: Characters of a sentence that people need whole.
SENTENCE = 240

#: Characters of a line of a log: a phone shows about two lines of that.
_LINE = 100

#: Lines of the neighbourhood of an error.
_AROUND = 3

#: Characters of a name in a list.
_NAME = 40

#: Names in a list; the rest is counted.
_NAMES = 6


def told(end: AttemptFinished | StageFinished, words: Words) -> list[str]:
    """Return what people are told of the first error: what failed, then where."""
    text = end.alert or end.first_error or ""
    return [cut(words.error(clean(line)), SENTENCE) for line in text.splitlines()][:2]


def around(end: AttemptFinished | None) -> list[str]:
    """Return the neighbourhood of the first error in the log, without what was told of it."""
    if end is None or end.excerpt is None:
        return []
    said = clean(f"{end.alert} {end.first_error}")
    lines = (clean(line) for line in end.excerpt.splitlines())
    new = [cut(f"| {line}", _LINE) for line in lines if line and line not in said]
    return new[:_AROUND]


def last_lines(text: str) -> list[str]:
    """Return the last lines of a log as they stand in a message."""
    return [line for line in (cut(clean(line)) for line in text.splitlines()) if line][-TAIL:]


def listed(names: Sequence[str], words: Words) -> str:
    """Return names with commas between them; of many only the first ones.

    Example:
        >>> listed([f"s{number}" for number in range(9)], Words.of("en"))
        's0, s1, s2, s3, s4, s5 and 3 more'
    """
    shown = ", ".join(cut(clean(name), _NAME) for name in names[:_NAMES])
    more = len(names) - _NAMES
    return words.say("and_more", names=shown, count=more) if more > 0 else shown


def told_failures(state: StageView, before: int) -> list[AttemptFinished]:
    """Return the failed attempts before the attempt *before* of which people were told."""
    return [end for end in state.setbacks if end.attempt < before]


def clear(state: StageView) -> bool:
    """Tell whether the stage ended so that the pipeline goes on."""
    return state.status in GOOD_ENDS or state.allowed


def tests(states: Iterable[StageView]) -> tuple[int, int] | None:
    """Return how many tests of these stages passed, of how many; None where none ran."""
    ends = [state.history[-1].result for state in states if state.history]
    known = [end for end in ends if end is not None and end.tests_total]
    if not known:
        return None
    return sum(end.tests_passed or 0 for end in known), sum(end.tests_total or 0 for end in known)
