"""From a plan to a controller that drives it: everything that a run needs, put together.

The composition root: the only place that knows backends, store, notifiers and runner at once.
"""

from __future__ import annotations

import os
import random
import secrets as randomness
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs

from buildorch import events, messages
from buildorch.analysis import Analyzer
from buildorch.analysis.tail import tail
from buildorch.errors import DefinitionError, Problem, UsageError
from buildorch.events import Event, Recorded
from buildorch.model import JSON, Channel, Config, Plan, PlannedStage
from buildorch.notifiers import Delivery
from buildorch.ports import Backend
from buildorch.runner.archive import Archive
from buildorch.runner.calls import Calls
from buildorch.runner.controller import Controller, Inbox, Poke, Told
from buildorch.runner.jobs import secret_names
from buildorch.runner.journal import Journal, Observer
from buildorch.runner.links import Identity, Links
from buildorch.runner.logs import Logs
from buildorch.scheduler import Scheduler
from buildorch.store.codec import plan_from_dict, plan_to_dict
from buildorch.store.control import ControlSocket
from buildorch.store.database import Store
from buildorch.store.ids import new_run_id
from buildorch.store.ownership import RunLock, boot_id, pipeline_lock
from buildorch.store.places import Places
from buildorch.store.slots import Slots
from buildorch.view import RunView

#: Shorter secrets would be masked in places that have nothing to do with them.
SHORTEST_SECRET = 6

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
    """

    config: Config
    places: Places
    store: Store
    backends: Callable[[str], Backend]
    find: Finder
    observers: Sequence[Observer] = ()
    channels: Mapping[str, Channel] = attrs.field(factory=dict)
    notifiers: Mapping[str, Any] = attrs.field(factory=dict)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ)


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


@contextmanager
def new_run(
    plan: Plan,
    here: Surroundings,
    *,
    results: Path,
    by: str,
    parent: str | None = None,
    allow_parallel: bool = False,
) -> Iterator[Driver]:
    """Create a run of *plan* and own it.

    Args:
        plan: What is run.
        here: What it is driven with.
        results: Folder in which the run's own results folder is made.
        by: Who starts it.
        parent: Id of the run that this one repeats.
        allow_parallel: Whether another run of the same pipeline may be under way.

    Raises:
        DefinitionError: A secret is missing; no server was touched.
        RunOwned: The same pipeline is already running.
        StoreError: The run cannot be stored.
    """
    secrets = resolve_secrets(plan, here.environ)
    clock = SystemClock()
    now = clock.wall()
    run = new_run_id(now)
    folder = results.absolute() / run
    created = events.RunCreated(
        pipeline=plan.name,
        plan=plan_to_dict(plan),
        nonce=randomness.token_hex(16),
        results=str(folder),
        by=by,
        params=plan.params,
        parent=parent,
        source=plan.source,
    )
    with ExitStack() as held:
        if not allow_parallel:
            held.callback(pipeline_lock(here.places, plan.name, run).release)
        lock = held.enter_context(RunLock.acquire(here.places, run))
        _make_results(folder)
        stored = here.store.create(run, [created], at=now, epoch=lock.epoch)
        yield held.enter_context(_driver(stored, lock, here, secrets, clock))


@contextmanager
def stored_run(run: str, here: Surroundings) -> Iterator[Driver]:
    """Own a run that was left, and replay what is stored of it.

    Args:
        run: Its id.
        here: What it is driven with.

    Raises:
        UsageError: It has ended.
        RunOwned: A controller that lives drives it.
        DefinitionError: A secret is gone; no server was touched.
        StoreError: It cannot be read or written.
    """
    clock = SystemClock()
    row = here.store.run(run)
    with RunLock.acquire(here.places, run, after_epoch=row.epoch) as lock:
        stored = here.store.read(run)
        view = RunView.of(stored, plan_from_dict)
        if view.status is not None:
            raise UsageError(f"run {run} has ended: {view.status}; start a new one instead")
        secrets = resolve_secrets(view.plan, here.environ)
        with _driver(stored, lock, here, secrets, clock) as driver:
            yield driver


@contextmanager
def _driver(
    stored: Sequence[Recorded],
    lock: RunLock,
    here: Surroundings,
    secrets: Mapping[str, str],
    clock: SystemClock,
) -> Iterator[Driver]:
    """Put a controller together and replay *stored* into it."""
    view = RunView.of(stored, plan_from_dict)
    chance = random.SystemRandom().random
    scheduler = Scheduler(view.plan, view.run, here.config.defaults, chance)
    replay(scheduler, stored, clock)
    inbox = Inbox()
    hidden = [value.encode() for value in secrets.values()]
    logs = Logs(Path(view.results), hidden, lambda _stage: Analyzer())
    links = Links(
        scheduler.state,
        identity=Identity(view.run, view.created.nonce, lock.epoch),
        backends=here.backends,
        logs=logs,
        secrets=secrets,
        post=inbox.put,
        chance=chance,
    )
    calls = Calls(
        scheduler,
        view.run,
        links=links,
        logs=logs,
        backends=here.backends,
        find=lambda stage: here.find(view.params, stage),
        put=inbox.put,
        secrets=secrets,
    )
    journal = Journal(
        here.store,
        view,
        epoch=lock.epoch,
        wall=clock.wall,
        channels=here.channels,
        language=here.config.language,
        tails=lambda stage: tail(logs.path(stage)),
        observers=here.observers,
    )
    deliver = Delivery(
        here.channels,
        lambda key, ok, text: inbox.put(Told(key, ok, text)),
        environ=here.environ,
        notifiers=here.notifiers,
    )
    controller = Controller(
        scheduler=scheduler,
        journal=journal,
        inbox=inbox,
        store=here.store,
        slots=Slots(here.places),
        links=links,
        logs=logs,
        calls=calls,
        deliver=deliver,
        clock=clock,
        defaults=here.config.defaults,
        archive=Archive(Path(view.results)),
    )
    attached = events.ControllerAttached(
        pid=os.getpid(), host=socket.gethostname(), boot_id=boot_id()
    )
    for observer in here.observers:
        for record in stored:
            observer.see(view, record)
    with ControlSocket(here.places, view.run, lambda: inbox.put(Poke())):
        yield Driver(controller, inbox, logs, (attached, *_greeting(stored, view, here)))


def _greeting(stored: Sequence[Recorded], view: RunView, here: Surroundings) -> list[Event]:
    """Return the messages that a run begins; only of one of which nothing else is stored yet."""
    if len(stored) > 1:
        return []
    language = here.config.language
    return [
        *messages.due(
            view.plan, here.channels, view, stored[0], language=language, tails=lambda _: ""
        )
    ]


def replay(scheduler: Scheduler, stored: Sequence[Recorded], clock: SystemClock) -> None:
    """Apply stored events at the monotonic times at which they happened, as far as known."""
    wall, monotonic = clock.wall(), clock.monotonic()
    for record in stored:
        scheduler.replay(record.event, monotonic - max(0.0, wall - record.at))


def resolve_secrets(plan: Plan, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of all secrets of *plan* by variable.

    Raises:
        DefinitionError: Some are not set, or too short to be masked safely.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for stage in plan.stages:
        for variable in sorted(secret_names(stage)):
            value = environ.get(variable)
            if value is None:
                problems.append(_secret(stage, variable, "is not set; export it, then try again"))
            elif len(value) < SHORTEST_SECRET:
                problems.append(
                    _secret(stage, variable, f"is shorter than {SHORTEST_SECRET} characters")
                )
            else:
                found[variable] = value
    if problems:
        raise DefinitionError(problems)
    return found


def _secret(stage: PlannedStage, variable: str, what: str) -> Problem:
    return Problem(f"stage {stage.name}: the secret {variable} {what}")


def _make_results(folder: Path) -> None:
    """Make the run's folder, and let `latest` beside it point there."""
    try:
        folder.mkdir(parents=True)
        fresh = folder.parent / f".latest.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        fresh.replace(folder.parent / "latest")
    except OSError as error:
        raise UsageError(
            f"the results folder {folder} cannot be made: {error.strerror}; name another with "
            "--results"
        ) from error
