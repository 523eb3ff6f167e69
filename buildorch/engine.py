"""Owning a run: a new one, or one that was left."""

from __future__ import annotations

import os
import secrets as randomness
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from buildorch import events, messages
from buildorch.assembly import Assembly, Driver, Surroundings, SystemClock
from buildorch.errors import UsageError
from buildorch.events import Recorded
from buildorch.model import Plan, Secret
from buildorch.runner.inbox import Poke
from buildorch.runner.journal import Observer
from buildorch.secret_values import resolve_secrets
from buildorch.store.codec import plan_from_dict, plan_to_dict
from buildorch.store.control import ControlSocket
from buildorch.store.ids import new_run_id
from buildorch.store.ownership import RunLock, boot_id, pipeline_lock
from buildorch.view import RunView


@contextmanager
def new_run(
    plan: Plan,
    here: Surroundings,
    *,
    results: Path,
    by: str,
    parent: str | None = None,
    carried: Sequence[events.StageFinished] = (),
    allow_parallel: bool = False,
) -> Iterator[Driver]:
    """Create a run of *plan* and own it.

    Args:
        plan: What is run.
        here: What it is driven with.
        results: Folder in which the run's own results folder is made.
        by: Who starts it.
        parent: Id of the run that this one repeats.
        carried: Ends of the stages that need not run again.
        allow_parallel: Whether another run of the same pipeline may be under way.

    Raises:
        DefinitionError: A secret is missing; no server was touched.
        RunOwned: The same pipeline is already running.
        StoreError: The run cannot be stored.
    """
    secrets = resolve_secrets(plan.stages, here.environ)
    now = SystemClock().wall()
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
        allow_parallel=allow_parallel,
    )
    with ExitStack() as held:
        if not allow_parallel:
            held.callback(pipeline_lock(here.places, plan.name, run).release)
        lock = held.enter_context(RunLock.acquire(here.places, run))
        _make_results(folder)
        stored = here.store.create(run, [created, *carried], at=now, epoch=lock.epoch)
        view = RunView.of(stored, lambda _: plan)
        yield held.enter_context(_driver(view, stored, lock, here, secrets))


@contextmanager
def stored_run(run: str, here: Surroundings) -> Iterator[Driver]:
    """Own a run that was left, and replay what is stored of it.

    A run whose controller died between its end and the messages about it is driven as well:
    people are told, and nothing else is left to do.

    Args:
        run: Its id.
        here: What it is driven with.

    Raises:
        UsageError: It has ended.
        RunOwned: A controller that lives drives it.
        DefinitionError: A secret is gone; no server was touched.
        StoreError: It cannot be read or written.
    """
    row = here.store.run(run)
    with RunLock.acquire(here.places, run, after_epoch=row.epoch) as lock:
        stored = here.store.read(run)
        view = RunView.of(stored, plan_from_dict)
        if view.status is not None and not (here.channels and _untold(view)):
            left = "".join(
                f"; {one.server} has not confirmed that its job {one.job} is dead"
                for one in view.orphans
            )
            raise UsageError(f"run {run} has ended: {view.status}{left}; start a new one instead")
        with ExitStack() as held:
            stages = view.plan.stages
            if view.status is not None:
                stages = ()
            elif _ends(view, here):
                stages = tuple(stage for stage in stages if stage.always)
            else:
                _find_functions(view, here)
                if not view.created.allow_parallel:
                    held.callback(pipeline_lock(here.places, view.plan.name, run).release)
            secrets = resolve_secrets(stages, here.environ)
            yield held.enter_context(_driver(view, stored, lock, here, secrets))


def _untold(view: RunView) -> bool:
    """Tell whether of some message nobody knows whether it arrived."""
    return any(told is None for _, told in view.messages.values())


def _ends(view: RunView, here: Surroundings) -> bool:
    """Tell whether the run is only taken over to be cancelled."""
    orders = here.store.orders(view.run)
    return view.cancel_requested is not None or any(order.kind == "cancel" for order in orders)


def _find_functions(view: RunView, here: Surroundings) -> None:
    """Raise now where a function is gone, not when its stage would fail for that."""
    for state in view.stages.values():
        if state.stage.function is not None and state.finished is None:
            here.find(view.params, state.stage)


@contextmanager
def _driver(
    view: RunView,
    stored: Sequence[Recorded],
    lock: RunLock,
    here: Surroundings,
    secrets: Mapping[Secret, str],
) -> Iterator[Driver]:
    """Put a controller together, show what happened before, and listen to other processes."""
    parts = Assembly.of(view, stored, lock.epoch, here, secrets)
    attached = events.ControllerAttached(
        pid=os.getpid(), host=socket.gethostname(), boot_id=boot_id()
    )
    _show(view.plan, stored, here.observers)
    with ControlSocket(here.places, parts.view.run, lambda: parts.inbox.put(Poke())):
        first: tuple[events.Event, ...] = (attached, *_greeting(stored, parts, here))
        yield parts.driver(first if parts.view.status is None else ())


def _show(plan: Plan, stored: Sequence[Recorded], observers: Sequence[Observer]) -> None:
    """Show what happened before, each event with the run as it was after it."""
    if not observers:
        return
    view = RunView.start(plan, stored[0])
    for record in stored:
        if record is not stored[0]:
            view.apply(record)
        for observer in observers:
            observer.see(view, record)


def _greeting(
    stored: Sequence[Recorded], parts: Assembly, here: Surroundings
) -> list[events.NotificationDue]:
    """Return what people are told of a run that no controller has driven before."""
    if any(isinstance(record.event, events.ControllerAttached) for record in stored):
        return []
    return messages.due(
        here.channels,
        parts.view,
        stored[0],
        language=here.config.language,
        tails=lambda _: "",
        background=parts.background,
    )


def _make_results(folder: Path) -> None:
    """Make the run's folder, and let `latest` beside it point there."""
    try:
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        fresh = folder.parent / f".latest.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name)
        fresh.replace(folder.parent / "latest")
    except OSError as error:
        raise UsageError(
            f"the results folder {folder} cannot be made: {error.strerror}; name another with "
            "--results"
        ) from error
