"""Laws of who is told: the pipeline's channels, and a stage's own."""

from __future__ import annotations

import pytest
from unit.played import (
    CHANNELS,
    a_stage,
    done,
    plan,
    play,
)

from buildorch.messages import hearers
from buildorch.model import StageStatus

EVERYBODY = ("started", "stage_done", "recovered")


@pytest.mark.parametrize(
    ("failure", "success", "topic", "bad", "heard"),
    [
        *[(["discord"], ["mail"], topic, False, ["discord", "mail"]) for topic in EVERYBODY],
        (["discord"], ["mail"], "failed", True, ["discord"]),
        (["discord"], ["mail"], "unreachable", True, ["discord"]),
        (["discord"], ["mail"], "finished", False, ["mail"]),
        (["discord"], ["mail"], "finished", True, ["discord"]),
        ([], ["mail"], "failed", True, []),
        (["discord"], [], "finished", False, []),
        (["discord", "pager"], ["discord", "off"], "started", False, ["discord"]),
        ([], [], "started", False, ["discord", "telegram", "mail"]),
        ([], [], "failed", True, ["discord", "telegram", "mail"]),
    ],
)
def test_who_hears_what(
    failure: list[str],
    success: list[str],
    topic: str,
    bad: bool,
    heard: list[str],
) -> None:
    """Exactly the channels that the pipeline names for it, where they are configured."""
    some = plan(notify_failure=failure, notify_success=success)
    assert tuple(heard) == hearers(some, CHANNELS, topic, bad=bad)


def test_a_stage_has_hearers_of_its_own() -> None:
    """Channels of a stage hear of that stage, beside the pipeline's, and of no other."""
    own = a_stage("a", 0, "s", notify_failure=("mail",), notify_success=("telegram",))
    some = plan(stages=(own, a_stage("b", 1, "s")))
    told = play([done("a"), done("b"), done("a", StageStatus.FAILED)], of=some)
    heard = [(message.topic, message.stage, message.channel) for message in told]
    assert heard == [
        ("started", None, "discord"),
        *[("stage_done", "a", name) for name in ("discord", "mail", "telegram")],
        ("stage_done", "b", "discord"),
        *[("failed", "a", name) for name in ("discord", "mail")],
    ]
    only = plan(stages=(own,), notify_failure=(), notify_success=())
    assert hearers(only, CHANNELS, "started") == ()
