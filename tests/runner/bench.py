"""A bench for whole runs: real threads, store and controller, against the scripted backend."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from buildorch import api, events
from buildorch.dsl import Pipeline
from buildorch.errors import ConnectRefused
from buildorch.events import Recorded
from buildorch.flow import Stage
from buildorch.model import Config, Server
from buildorch.testing import EventLog, FakeBackend
from buildorch.view import RunView

CONFIG = Config(servers={"one": Server(name="one", host="one.example", backend="fake", slots=5)})

#: Refusals that outlast any test.
FOR_EVER = 1000


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition with a deadline."""
    done = threading.Event()
    for _ in range(1000):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it did not come to this within 10 s")


@attrs.define
class Bench:
    """Runs pipelines on a fake server, with a state folder of its own.

    Attributes:
        folder: Where state and results are.
        backend: The fake server.
        seen: Every event of every run.
        config: What the runs are configured with.
        more: Other options of the runs.
    """

    folder: Path
    backend: FakeBackend = attrs.field(factory=FakeBackend)
    seen: EventLog = attrs.field(factory=EventLog)
    config: Config = CONFIG
    more: dict[str, Any] = attrs.field(factory=dict)

    @property
    def options(self) -> api.Options:
        """How its runs are driven."""
        plain = api.Options(
            config=self.config,
            backends={"fake": self.backend},
            observers=[self.seen],
            results=self.folder / "results",
            home=self.folder / "home",
        )
        return attrs.evolve(plain, **self.more)

    def run(self, pipeline: Pipeline, **more: Any) -> api.RunResult:
        """Run a pipeline to its end."""
        return api.run(pipeline, self.options, **more)

    def start(self, pipeline: Pipeline, *, running: str | None = None) -> api.RunHandle:
        """Start a pipeline; returns once a job of the stage *running* runs and is known to."""
        handle = api.start(pipeline, self.options)
        if running is not None:
            until(lambda: self.backend.running(running))
            until(lambda: handle.view.stages[running].state == "running")
        return handle

    def resume(self, pipeline: Pipeline | None = None) -> api.RunHandle:
        """Go on with the last run, in the background."""
        return api.RunHandle(api.reopened("last", self.options, pipeline))

    def lose_link(self, errors: int = FOR_EVER) -> None:
        """Cut the link, and let as many tries to connect again fail."""
        told = len(self.seen.of(events.LinkLost))
        self.backend.refuse("one", refusals(errors))
        self.backend.cut()
        until(lambda: len(self.seen.of(events.LinkLost)) > told)

    def mend_link(self) -> None:
        """Let the next try to connect work."""
        self.backend.refuse("one", [])

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition with a deadline."""
        until(condition)

    def ended(self, handle: api.RunHandle) -> api.RunResult:
        """Return the result; a run that does not end is cancelled, left, and the test fails."""
        result = handle.wait(10)
        if result is None:
            handle.cancel()
            handle.cancel()
            handle.wait(10)
            raise AssertionError("the run did not end within 10 s")
        return result

    def left(self, handle: api.RunHandle) -> None:
        """Let the controller of a run leave it."""
        handle.detach()
        assert "interrupted" == self.ended(handle).status

    def log(self, stage: str) -> bytes:
        """Return the newest log of a stage of the newest run."""
        return (self.folder / "results" / "latest" / stage / "log").read_bytes()


@attrs.define
class Watcher:
    """An observer that does as it is told."""

    do: Callable[[RunView, Recorded], None]

    def see(self, view: RunView, record: Recorded) -> None:
        """Do it."""
        self.do(view, record)


def a_stage(name: str, **options: Any) -> Stage:
    """Return a stage on the fake server."""
    options.setdefault("command", "make")
    options.setdefault("server", "one")
    return Stage(name=name, **options)


def refusals(count: int, *, transient: bool = True) -> list[ConnectRefused]:
    """Return what as many tries to connect `one` raise."""
    return [_refusal(transient=transient) for _ in range(count)]


def _refusal(*, transient: bool) -> ConnectRefused:
    error = ConnectRefused("one: nothing listens", server="one", host="one.example", port=22)
    error.transient = transient
    return error


def statuses(result: api.RunResult) -> dict[str, str]:
    """Return how each stage ended."""
    return {name: view.state for name, view in result.stages.items()}
