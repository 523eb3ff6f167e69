"""Laws of effects that no other test pins down alone, each with a mutant that breaks it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from contract.talk import talk, wait_until
from remote.machines import ShellBackend, environment, machine
from runner.bench import CONFIG, Bench, a_stage, until
from runner.linked import LOG, linked

from buildorch import Pipeline, events, parallel
from buildorch.errors import StoreUnwritable
from buildorch.events import Event, Recorded, StepLaunching
from buildorch.model import Server
from buildorch.remote.agent import bitbake, kernel, tree
from buildorch.store.database import Store
from buildorch.testing import FakeBackend, Script


def test_nothing_is_launched_that_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch that the disk does not take is not sent: whoever resumes could not know of it."""
    append = Store.append

    def full(store: Store, run: str, batch: Sequence[Event], **more: Any) -> list[Recorded]:
        if any(isinstance(event, StepLaunching) for event in batch):
            raise StoreUnwritable("no space")
        return append(store, run, batch, **more)

    monkeypatch.setattr(Store, "append", full)
    bench = Bench(tmp_path)
    with pytest.raises(StoreUnwritable):
        bench.run(Pipeline("p", a_stage("a")))
    assert not bench.backend.jobs


def test_a_log_that_differs_is_fetched_again(tmp_path: Path) -> None:
    """As many bytes as the server has, but other ones: the end is told with the true log only."""
    (tmp_path / "r.0.1.1.log").write_bytes(LOG[::-1])
    with linked(tmp_path, Script(LOG)) as made:
        made.link.attend(made.watch(launched=True))
        until(lambda: made.ends)
        assert made.ends[0][1].complete
        assert (tmp_path / "r.0.1.1.log").read_bytes() == LOG


def test_no_fallback_after_a_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer fails who connects to it, and nobody who runs there."""
    monkeypatch.setattr("buildorch.runner.link.RECONNECT_DELAYS", (0.02,))
    one = attrs.evolve(CONFIG.servers["one"], fallback=("two",))
    two = Server(name="two", host="two.example", backend="fake")
    held = [Script(LOG, hold=True)]
    bench = Bench(tmp_path, FakeBackend({"a": held, "before": held}))
    bench.config = attrs.evolve(CONFIG, servers={"one": one, "two": two})
    late = a_stage("before", server="two") >> a_stage("late")
    handle = bench.start(Pipeline("p", parallel(a_stage("a"), late)), running="a")
    until(lambda: handle.view.stages["before"].state == "running")
    bench.lose_link()
    bench.backend.finish("before")
    until(lambda: bench.seen.of(events.ConnectFailed))
    bench.mend_link()
    until(lambda: bench.seen.of(events.LinkRestored))
    bench.backend.finish("a")
    assert bench.ended(handle).ok
    assert {"late"} == {event.stage for event in bench.seen.of(events.ConnectFailed)}
    assert 1 == len(bench.backend.launched("a"))


def test_what_left_the_session_goes_with_a_killed_supervisor(tmp_path: Path) -> None:
    """Descent is lost with those who watch: the marker still finds a child in its own session."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        nap = link.nap()
        job = link.start(f"(setsid sh -c '{nap.text}' &) ; sleep 60", kill_grace=1.0)
        nap.await_start()
        link.kill_watchers(job)
        assert link.heard.end_of(job).reason == "supervisor killed"
        wait_until(lambda: not nap.running, "the child is ended")


class _Growing(tree.Tree):
    """A tree in which a process comes up with each of the first KILLs."""

    def __init__(self, births: int) -> None:
        super().__init__({}, -1, b"")
        self.living = {1: kernel.Process(1, "S", 0, 0, 0)}
        self._births = births

    def members(self) -> dict[int, kernel.Process]:
        """Return those that live now."""
        return dict(self.living)

    def signal(self, rows: dict[int, kernel.Process], number: int) -> None:
        """End them, and have another one come up."""
        if number != signal.SIGKILL:
            return
        for pid in rows:
            del self.living[pid]
        if self._births:
            self._births -= 1
            born = 100 + self._births
            self.living[born] = kernel.Process(born, "S", 1, 0, 0)


def test_a_tree_that_grows_while_it_is_killed_is_scanned_again() -> None:
    """One scan is never the last one until it finds nothing: what came up meanwhile ends too."""
    grown = _Growing(3)
    builds = bitbake.Builds(dict)
    assert not tree.Killer(grown, lambda _: bool(grown.living), builds).kill(0.0)
    assert not grown.living
