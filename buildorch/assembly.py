"""A controller and everything that it drives a run with, put together.

The only place that knows scheduler, store, backends, notifiers and runner at once.
"""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from buildorch.analysis import Analyzer, LastLine
from buildorch.analysis.own import analyzer_for
from buildorch.analysis.tail import tail
from buildorch.events import Event, Recorded
from buildorch.job import KILL_GRACE
from buildorch.messages import NO_BACKGROUND, Background
from buildorch.model import JSON, Channel, Config, PlannedStage, Secret
from buildorch.notifiers import Delivery
from buildorch.past import background, told_before
from buildorch.ports import Backend
from buildorch.runner.archive import Archive
from buildorch.runner.calls import Calls
from buildorch.runner.controller import Controller
from buildorch.runner.inbox import Inbox, Told
from buildorch.runner.jobs import Identity
from buildorch.runner.journal import Journal, Observer
from buildorch.runner.leases import Leases
from buildorch.runner.links import Links
from buildorch.runner.logs import Logs
from buildorch.scheduler import Scheduler
from buildorch.store.database import Store
from buildorch.store.places import Places
from buildorch.store.slots import Slots
from buildorch.view import RunView

#: Returns the function of a stage, given the parameters of the run.
Finder = Callable[[Mapping[str, JSON], PlannedStage], Callable[..., Any]]


@attrs.frozen
class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return the time that only goes forward."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the Unix time."""
        return time.time()


@attrs.frozen(kw_only=True)
class Surroundings:
    """What a run is driven with.

    Attributes:
        config: The configuration.
        places: The state folder.
        store: The run history.
        backends: Returns a backend by name.
        find: Returns the function of a stage.
        observers: Are shown every event.
        channels: Who is told; none with `--no-notify`.
        notifiers: Notifiers and functions of the caller, by channel.
        environ: Where secrets come from.
        kill_grace: Seconds that a tree has between TERM and KILL.
        abandon_after: Seconds after which a server that does not answer is given up; None: never.
    """

    config: Config
    places: Places
    store: Store
    backends: Callable[[str], Backend]
    find: Finder
    observers: Sequence[Observer] = ()
    channels: Mapping[str, Channel] = attrs.field(factory=dict)
    notifiers: Mapping[str, Any] = attrs.field(factory=dict)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    kill_grace: float = KILL_GRACE
    abandon_after: float | None = None


@attrs.frozen
class Driver:
    """A run that this process owns, ready to be driven.

    Attributes:
        controller: Drives it.
        inbox: Takes interrupts and detach wishes.
        logs: Of the attempts under way, for progress.
        first: Events that are stored before anything is decided.
    """

    controller: Controller
    inbox: Inbox
    logs: Logs
    first: tuple[Event, ...]

    def drive(self) -> RunView:
        """Drive the run until it ends or is left."""
        return self.controller.drive(self.first)


@attrs.frozen(kw_only=True)
class Assembly:
    """Puts the parts of a controller together.

    Attributes:
        here: What the run is driven with.
        view: The run up to now.
        epoch: Number of the controller.
        secrets: Values of all secrets.
        scheduler: The run's state, replayed.
        clock: Time.
        inbox: Where everything arrives.
        chance: Returns a number from 0 to 1.
    """

    here: Surroundings
    view: RunView
    epoch: int
    secrets: Mapping[Secret, str] = attrs.field(repr=False)
    scheduler: Scheduler
    clock: SystemClock
    inbox: Inbox
    chance: Callable[[], float]

    @classmethod
    def of(
        cls,
        view: RunView,
        stored: Sequence[Recorded],
        epoch: int,
        here: Surroundings,
        secrets: Mapping[Secret, str],
    ) -> Assembly:
        """Return the assembly for the run *view*, which *stored* led to."""
        chance = random.SystemRandom().random
        clock = SystemClock()
        scheduler = Scheduler(view.plan, view.run, here.config.defaults, chance, here.abandon_after)
        replay(scheduler, stored, clock)
        return cls(
            here=here,
            view=view,
            epoch=epoch,
            secrets=secrets,
            scheduler=scheduler,
            clock=clock,
            inbox=Inbox(),
            chance=chance,
        )

    def driver(self, first: tuple[Event, ...]) -> Driver:
        """Return the driver of the run; *first* are stored before anything is decided."""
        hidden = [value.encode() for value in self.secrets.values()]
        results = Path(self.view.results)
        logs = Logs(results, hidden, self._analyzer)
        links = self._links(logs)
        controller = Controller(
            scheduler=self.scheduler,
            journal=self._journal(logs),
            inbox=self.inbox,
            store=self.here.store,
            leases=self._leases(),
            links=links,
            logs=logs,
            calls=self._calls(links, logs),
            deliver=self._delivery(),
            clock=self.clock,
            defaults=self.here.config.defaults,
            archive=Archive(results, self._report),
        )
        return Driver(controller, self.inbox, logs, first)

    def _analyzer(self, stage: str) -> Analyzer | LastLine:
        one = self.view.stages[stage].stage
        return analyzer_for(one.tool, one.progress) if one.analyze else LastLine()

    def _leases(self) -> Leases:
        slots = Slots(self.here.places)
        return Leases(slots, self.scheduler, self.view.run, self.view.plan.parallel_limit)

    def _links(self, logs: Logs) -> Links:
        return Links(
            self.scheduler.state,
            identity=Identity(
                self.view.run, self.view.created.nonce, self.epoch, self.view.created.by
            ),
            backends=self.here.backends,
            logs=logs,
            secrets=self.secrets,
            post=self.inbox.put,
            chance=self.chance,
            kill_grace=self.here.kill_grace,
        )

    def _calls(self, links: Links, logs: Logs) -> Calls:
        return Calls(
            self.scheduler,
            self.view.run,
            links=links,
            logs=logs,
            backends=self.here.backends,
            find=lambda stage: self.here.find(self.view.params, stage),
            put=self.inbox.put,
            secrets=self.secrets,
        )

    def _journal(self, logs: Logs) -> Journal:
        return Journal(
            self.here.store,
            self.view,
            epoch=self.epoch,
            wall=self.clock.wall,
            channels=self.here.channels,
            language=self.here.config.language,
            tails=lambda stage: _tail(logs.path(stage)),
            observers=self.here.observers,
            background=self.background,
        )

    @functools.cached_property
    def background(self) -> Background:
        """What earlier runs say of this one; nothing where nobody is told."""
        return background(self.here.store, self.view) if self.here.channels else NO_BACKGROUND

    def _delivery(self) -> Delivery:
        return Delivery(
            self.here.channels,
            lambda key, ok, text, receipt: self.inbox.put(Told(key, ok, text, receipt)),
            environ=self.here.environ,
            notifiers=self.here.notifiers,
            told=told_before(self.here.store, self.view) if self.here.channels else None,
        )

    def _report(self) -> None:
        """Write the report of the run into its results folder."""
        from buildorch.report import read_report, write_report  # noqa: PLC0415 - for archives only

        write_report(read_report(self.here.store, self.view.run, alive=True))


def _tail(path: Path) -> str:
    """Return the last lines of a log; nothing of one that was never begun."""
    return tail(path) if path.exists() else ""


def replay(scheduler: Scheduler, stored: Sequence[Recorded], clock: SystemClock) -> None:
    """Apply stored events at the monotonic times at which they happened, as far as known."""
    wall, monotonic = clock.wall(), clock.monotonic()
    for record in stored:
        scheduler.replay(record.event, monotonic - max(0.0, wall - record.at))
