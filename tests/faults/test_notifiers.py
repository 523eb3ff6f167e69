"""Chats that hang, that lie, that are always busy: the run ends in time, and says so."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import attrs
import pytest
from acceptance.sink import open_sink

from buildorch import events
from buildorch.model import Channel
from buildorch.notifiers.delivery import Delivery
from faults.scene import Scene, stage

#: Seconds that the end of a run may be held back in these tests, and that one send may take.
_PATIENCE, _LIMIT = 6.0, 1.0

_CALLS = 'echo "$@" | head -n 1 >>"$0.calls"\n'


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildorch.runner.controller.CLOSE_SECONDS", _PATIENCE)
    quick = functools.partial(Delivery, seconds=_LIMIT)
    monkeypatch.setattr("buildorch.assembly.Delivery", quick)


def _with_channel(scene: Scene, channel: Channel) -> None:
    """Let the scene tell this channel beside `here`, which takes everything."""
    scene.config = attrs.evolve(scene.config, channels={channel.name: channel})


def _openclaw(scene: Scene, body: str) -> Path:
    """Let the scene tell by a command of that shell text; returns where its calls are noted."""
    program = scene.folder / "openclaw"
    program.write_text(f"#!/bin/sh\n{_CALLS}{body}\n")
    program.chmod(0o755)
    options = {"channel": "discord", "target": "channel:42", "url": "http://127.0.0.1:1"}
    channel = Channel(name="openclaw", options={**options, "command": str(program)})
    _with_channel(scene, channel)
    return scene.folder / "openclaw.calls"


def _run(scene: Scene) -> None:
    """Run one quick stage; fail unless it ends in time and each message has its failure.

    The other channel is told all the same.
    """
    scene.go()
    begun = time.monotonic()
    assert scene.run(stage()).ok
    assert time.monotonic() - begun < _PATIENCE + 8
    due = {one.key: one.channel == "here" for one in scene.told(events.NotificationDue)}
    answers = [(one.key, one.ok) for one in scene.told(events.NotificationResult)]
    assert sorted(due.items()) == sorted(answers)
    assert len(_due(scene)) >= 3
    assert len(_due(scene)) == len(scene.sent)
    assert 1 == len(scene.told(events.RunFinished))


def _due(scene: Scene) -> list[events.NotificationDue]:
    return [one for one in scene.told(events.NotificationDue) if one.channel != "here"]


def test_a_notifier_that_hangs(scene: Scene) -> None:
    """It ignores TERM: each message is tried once, killed at its limit, recorded as failed."""
    calls = _openclaw(scene, "trap '' TERM\nwhile :; do sleep 1; done")
    _run(scene)
    assert len(_due(scene)) == len(calls.read_text().splitlines())


@pytest.mark.parametrize("said", ['{"ok": false, "error": "no such target"}', "", "sent!"])
def test_a_notifier_that_exits_0_on_failure(scene: Scene, said: str) -> None:
    """Its exit code is not believed: recorded as failed, and not sent again."""
    calls = _openclaw(scene, f"echo '{said}'\nexit 0")
    _run(scene)
    assert len(_due(scene)) == len(calls.read_text().splitlines())


def test_a_chat_that_is_busy_for_ever(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 to everything: tried on while the build runs, given up at its end, nothing doubled."""
    with open_sink(refusals=10**6) as sink:
        monkeypatch.setenv("BUILDORCH_DISCORD_WEBHOOK", sink.webhook)
        _with_channel(scene, Channel(name="discord"))
        _run(scene)
        assert sink.refused, "a fault that did not bite"
        assert [] == sink.taken
