"""Which channels hear of a message, and the key under which each is told."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.events import NotificationDue
from buildorch.model import Channel, Plan, PlannedStage
from buildorch.view import RunView


@attrs.frozen
class Message:
    """A message before it is known who hears it.

    Attributes:
        topic: `started`, `stage_done`, `recovered`, `failed`, `unreachable`, `link_lost`,
            `barred`, `waiting` or `finished`.
        lines: Its text; empty lines are left out.
        stage: The stage that it is about.
        attempt: The attempt that it is about, or 0.
        mark: What tells it from another one of the same topic, stage and attempt.
        bad: Whether it is bad news.
        follows: The `stem` of an earlier message that it continues.
        note: What that one is completed with, where it can only be changed.
        attach: Path of a log that goes with it.
    """

    topic: str
    lines: list[str]
    stage: str | None = None
    attempt: int = 0
    mark: str = ""
    bad: bool = False
    follows: str | None = None
    note: str | None = None
    attach: str | None = None


def stem(run: str, topic: str, stage: str | None = None, attempt: int = 0, mark: str = "") -> str:
    """Return what the keys of one message have in common, whatever channel it goes to."""
    return f"{run}/{topic}/{stage or '-'}/{attempt}{mark}"


def addressed(
    view: RunView, channels: Mapping[str, Channel], message: Message
) -> list[NotificationDue]:
    """Return *message* for each channel that hears of it."""
    about = view.stages.get(message.stage) if message.stage is not None else None
    stage = about.stage if about is not None else None
    text = "\n".join(line for line in message.lines if line)
    key = stem(view.run, message.topic, message.stage, message.attempt, message.mark)
    return [
        NotificationDue(
            key=f"{key}/{name}",
            channel=name,
            topic=message.topic,
            text=text,
            stage=message.stage,
            follows=None if message.follows is None else f"{message.follows}/{name}",
            note=message.note,
            attach=message.attach,
        )
        for name in hearers(view.plan, channels, message.topic, stage, bad=message.bad)
    ]


def hearers(
    plan: Plan,
    channels: Mapping[str, Channel],
    topic: str,
    stage: PlannedStage | None = None,
    *,
    bad: bool = False,
) -> tuple[str, ...]:
    """Return the names of the enabled channels that hear of *topic*.

    Started, done and recovered go to every channel that is named; what went wrong (*bad*) to
    those of on_failure; a good end to those of on_success. A pipeline that names no channel at
    all tells every enabled one.

    Args:
        plan: The pipeline.
        channels: The configured channels by name.
        topic: What it is, as in `Message.topic`.
        stage: The stage that it is about, whose own channels hear of it too.
        bad: Whether it is bad news.
    """
    enabled = [name for name, channel in channels.items() if channel.enabled]
    if not plan.names_channels:
        return tuple(enabled)
    named = list(_of_one(plan, topic, bad=bad))
    if stage is not None:
        named += _of_one(stage, topic, bad=bad)
    return tuple(name for name in dict.fromkeys(named) if name in enabled)


def _of_one(owner: Plan | PlannedStage, topic: str, *, bad: bool) -> tuple[str, ...]:
    if bad:
        return owner.notify_failure
    if topic == "finished":
        return owner.notify_success
    return (*owner.notify_failure, *owner.notify_success)
