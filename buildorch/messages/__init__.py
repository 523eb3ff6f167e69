"""Who is told what: the message that a recorded fact makes due, and the channels that hear it.

Pure: facts in, `NotificationDue` events out. `routing` decides who, `texts` composes what,
`words` holds both languages. `notifiers` sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from buildorch.events import NotificationDue, Recorded
from buildorch.messages.routing import addressed, hearers
from buildorch.messages.texts import Composer
from buildorch.messages.words import Words
from buildorch.model import Channel, Plan
from buildorch.view import RunView

__all__ = ["due", "hearers", "link_lost", "resend"]

#: Topics that are told again when nobody knows whether they were: they call for somebody.
_URGENT = frozenset({"failed", "unreachable", "link_lost", "barred", "finished"})

#: How the key of a message ends that is told again.
_AGAIN = "/again"


def due(
    plan: Plan,
    channels: Mapping[str, Channel],
    view: RunView,
    record: Recorded,
    *,
    language: str,
    tails: Callable[[str], str],
) -> list[NotificationDue]:
    """Return what people are to be told because of *record*.

    An attempt that failed is told when it is known what follows: with the `RetryScheduled` or
    the `StageFinished` that is recorded together with its end.

    Args:
        plan: What the run executes.
        channels: The configured channels by name; others are not told.
        view: The run, with *record* applied.
        record: The fact.
        language: `en` or `ko`.
        tails: Returns the last lines of a stage's log, for an error that was not recognised.

    Returns:
        One event a channel, each with a key that is the same whenever the fact is; none under a
        key that the run has told already.
    """
    message = Composer(view, Words.of(language), tails).message(record.event)
    if message is None:
        return []
    return _untold(addressed(plan, channels, record.run, message), view)


def link_lost(
    plan: Plan,
    channels: Mapping[str, Channel],
    view: RunView,
    stage: str,
    *,
    after: float,
    language: str,
) -> list[NotificationDue]:
    """Return the alert that the server of the running *stage* has not answered for long.

    Args:
        plan: What the run executes.
        channels: The configured channels by name.
        view: The run; its stage says since when the link is lost, and why.
        stage: Name of the stage.
        after: Seconds for which the link has been lost.
        language: `en` or `ko`.

    Returns:
        As `due`; a resumed run whose server still does not answer has told it already.
    """
    message = Composer(view, Words.of(language)).link_lost(stage, after)
    return _untold(addressed(plan, channels, view.run, message), view)


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
