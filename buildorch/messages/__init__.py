"""Who is told what: the message that a recorded fact makes due, and the channels that hear it.

Pure: facts in, `NotificationDue` events out. `routing` decides who, `texts` composes what of
the pieces in `lines`, `words` and `phrases` hold both languages, `background` what earlier runs
say. `notifiers` sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from buildorch.events import NotificationDue, Recorded
from buildorch.messages.background import NO_BACKGROUND, Background, Before
from buildorch.messages.routing import addressed, hearers
from buildorch.messages.texts import Composer
from buildorch.messages.words import Words
from buildorch.model import Channel
from buildorch.view import RunView

__all__ = [
    "NO_BACKGROUND",
    "Background",
    "Before",
    "due",
    "first_key",
    "hearers",
    "link_lost",
    "resend",
]

#: Topics that are told again when nobody knows whether they were: they call for somebody.
_URGENT = frozenset({"failed", "unreachable", "link_lost", "barred", "finished"})

#: How the key of a message ends that is told again.
_AGAIN = "/again"


def due(
    channels: Mapping[str, Channel],
    view: RunView,
    record: Recorded,
    *,
    language: str,
    tails: Callable[[str], str],
    background: Background = NO_BACKGROUND,
) -> list[NotificationDue]:
    """Return what people are to be told because of *record*.

    An attempt that failed is told when it is known what follows: with the `RetryScheduled` or
    the `StageFinished` that is recorded together with its end.

    Args:
        channels: The configured channels by name; others are not told.
        view: The run, with *record* applied.
        record: The fact.
        language: `en` or `ko`.
        tails: Returns the last lines of a stage's log, for an error that was not recognised.
        background: What is known of the run beside its events.

    Returns:
        One event a channel, each with a key that is the same whenever the fact is; none under a
        key that the run has told already.
    """
    message = Composer(view, Words.of(language), tails, background).message(record.event)
    if message is None:
        return []
    return _untold(addressed(view, channels, message), view)


def link_lost(
    channels: Mapping[str, Channel],
    view: RunView,
    stage: str,
    *,
    after: float,
    language: str,
) -> list[NotificationDue]:
    """Return the alert that the server of the running *stage* has not answered for long.

    Args:
        channels: The configured channels by name.
        view: The run; its stage says since when the link is lost, and why.
        stage: Name of the stage.
        after: Seconds for which the link has been lost.
        language: `en` or `ko`.

    Returns:
        As `due`; a resumed run whose server still does not answer has told it already.
    """
    message = Composer(view, Words.of(language)).link_lost(stage, after)
    return _untold(addressed(view, channels, message), view)


def first_key(key: str) -> str:
    """Return the key under which a message was told first: one that is told again has another."""
    return key.removesuffix(_AGAIN)


def _untold(found: Iterable[NotificationDue], view: RunView) -> list[NotificationDue]:
    return [one for one in found if one.key not in view.messages]


def resend(message: NotificationDue, language: str) -> NotificationDue | None:
    """Return *message* as it is told once more by a controller that found it unanswered.

    Only what calls for somebody is told again; None for the rest. It has another key then, which
    it keeps, should this controller die as well.
    """
    if message.topic not in _URGENT:
        return None
    if message.key.endswith(_AGAIN):
        return message
    text = f"{message.text}\n{Words.of(language).say('may_repeat')}"
    return attrs.evolve(message, key=message.key + _AGAIN, text=text)
