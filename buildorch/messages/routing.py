"""Which channels hear of a message, and the key under which each is told."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.events import NotificationDue
from buildorch.model import Channel, Plan, PlannedStage


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
    """

    topic: str
    lines: list[str]
    stage: str | None = None
    attempt: int = 0
    mark: str = ""
    bad: bool = False


def addressed(
    plan: Plan, channels: Mapping[str, Channel], run: str, message: Message
) -> list[NotificationDue]:
    """Return *message* for each channel that hears of it."""
    stage = next((one for one in plan.stages if one.name == message.stage), None)
    text = "\n".join(line for line in message.lines if line)
    about = f"{message.stage or '-'}/{message.attempt}{message.mark}"
    return [
        NotificationDue(
            key=f"{run}/{message.topic}/{about}/{name}",
            channel=name,
            topic=message.topic,
            text=text,
            stage=message.stage,
        )
        for name in hearers(plan, channels, message.topic, stage, bad=message.bad)
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
    lists = [(one.notify_failure, one.notify_success) for one in plan.stages]
    lists.append((plan.notify_failure, plan.notify_success))
    if not any(failure or success for failure, success in lists):
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
