"""The network fails in every phase of a run: silently, with resets, and again and again."""

from __future__ import annotations

import threading

import attrs
import pytest
from hosts.commands import wait_for

from buildorch import events
from buildorch.api import RunHandle
from faults.scene import Scene, sha256, stage

PHASES = ("connecting", "launching", "answering", "streaming", "ending", "fetching")

#: The moment at which each phase is struck; the host is deafened first in the other two.
_MOMENT = {"answering": "launching", "ending": "streaming"}


@attrs.define
class Cut:
    """A cut in one phase.

    Attributes:
        scene: The run that it hits.
        phase: Where it hits it.
        how: `silence` or `reset`.
    """

    scene: Scene
    phase: str
    how: str

    def arm(self) -> threading.Event:
        """Let it happen in its phase."""
        first = self.scene.wire.deafen if self.phase in _MOMENT else self._cut
        return self.scene.backend.strike(_MOMENT.get(self.phase, self.phase), first)

    def _cut(self) -> None:
        getattr(self.scene.wire, self.how)()

    def complete(self) -> None:
        """Complete a cut that was to let the host do something unheard: it has, then."""
        if self.phase == "answering":
            self.scene.await_trace()
        if self.phase == "ending":
            self.scene.go()
            exits = self.scene.job_folder() / "exit"
            wait_for(exits.exists, "the end is recorded on the host")
            assert not self.scene.told(events.StepFinished)
        if self.phase in _MOMENT:
            self._cut()

    def heal(self) -> None:
        """End it, once it has bitten and was noticed."""
        self.scene.wire.await_bite()
        wait_for(lambda: self.scene.backend.noticed, "the cut is noticed", 20)
        self.scene.wire.heal()


def _begin(scene: Scene, phase: str) -> RunHandle:
    if phase in ("connecting", "fetching"):
        scene.go()
    return scene.start(stage(artifacts=["out.bin"]))


def _assert_as_if_nothing_had_been(scene: Scene, handle: RunHandle) -> None:
    """Fail unless the run is as it would have been without any fault."""
    scene.go()
    result = scene.finish(handle)
    assert result.ok, scene.seen.records
    assert 1 == result.stages["image"].attempt
    scene.assert_ran(("image", 1))
    scene.assert_whole()
    there = (scene.home / "out.bin").read_bytes()
    here = (scene.folder / "results/latest/image/artifacts/out.bin").read_bytes()
    assert sha256(there) == sha256(here)
    assert 1 == len(scene.told(events.StepFinished))


@pytest.mark.parametrize("how", ["silence", "reset"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_cut_costs_nothing(scene: Scene, phase: str, how: str) -> None:
    """Cut silently or with resets, in any phase: one start, whole log, whole artifacts."""
    cut = Cut(scene, phase, how)
    struck = cut.arm()
    handle = _begin(scene, phase)
    assert struck.wait(20), scene.seen.records
    cut.complete()
    cut.heal()
    _assert_as_if_nothing_had_been(scene, handle)


@pytest.mark.parametrize("phase", PHASES)
def test_a_link_that_goes_up_and_down_costs_nothing(scene: Scene, phase: str) -> None:
    """Lost in that phase, and again each time as soon as it is back: the same as one cut."""
    cut = Cut(scene, phase, "reset")
    struck = [cut.arm()]
    struck += [scene.backend.strike("linked", scene.wire.reset) for _ in range(2)]
    handle = _begin(scene, phase)
    for number, one in enumerate(struck):
        assert one.wait(20), scene.seen.records
        if number == 0:
            cut.complete()
        noticed = scene.backend.noticed
        scene.wire.await_bite()
        wait_for(lambda: scene.backend.noticed > noticed, "the cut is noticed")  # noqa: B023 - called here only
        scene.wire.heal()
    assert scene.backend.noticed >= 3
    _assert_as_if_nothing_had_been(scene, handle)


def test_a_link_that_is_lost_while_artifacts_are_fetched_is_told(scene: Scene) -> None:
    """The build is done and the server gone for long: the run says what it waits for."""
    defaults = attrs.evolve(scene.config.defaults, lost_after=0.1)
    scene.config = attrs.evolve(scene.config, defaults=defaults)
    cut = Cut(scene, "fetching", "silence")
    struck = cut.arm()
    handle = _begin(scene, "fetching")
    assert struck.wait(20), scene.seen.records
    scene.until(events.LinkLost)
    told = scene.until(events.NotificationDue, topic="link_lost")
    assert "artifacts are fetched once there is an answer" in told.text
    cut.heal()
    _assert_as_if_nothing_had_been(scene, handle)
    assert 1 == len(scene.told(events.LinkRestored))
