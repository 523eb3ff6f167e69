"""Commands that want something of a run's controller: cancel, move and wait."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

import attrs

from buildorch import api
from buildorch.assembly import Driver
from buildorch.cli.command import CONFIG, RUN, command
from buildorch.cli.driving import drive, tell_unconfirmed
from buildorch.errors import RunOwned
from buildorch.events import MoveRequested, Recorded
from buildorch.observers.lines import Lines
from buildorch.observers.summary import summary
from buildorch.runner.journal import Observer
from buildorch.store.ownership import holder
from buildorch.view import RunView, exit_code
from buildorch.view.outcome import DETACHED
from buildorch.watched import INTERVAL, Watched, left_alone


@command(
    positional=["run"],
    help={
        "run": RUN,
        "abandon": "end without servers that do not answer: jobs may live on there",
        "config": CONFIG,
    },
)
def cancel(run: str = "last", abandon: bool = False, config: str | None = None) -> int:
    """End a run: every remote tree is killed, also when its controller has died.

    Ends when all is confirmed to be gone. The cancel is stored at once and stays stored: Ctrl-C
    only leaves this view.
    """
    options = api.Options(config=config)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        return api.reopened(found, attrs.evolve(options, observers=observers))

    with api.history(options) as (places, store):
        found = store.find(run)
        seen = store.run(found).seq
        api.order_cancel(found, options, by=f"{api.user()} (cancel)", abandon=abandon)
        while True:
            watched, known = (Watched(places, store, found) for _ in range(2))
            again = known.catch_up() and known.view.cancel_requested is not None and not abandon
            if not _seen_ending(watched, seen, known.view if again else None):
                return DETACHED
            if watched.over:
                return 0
            seen = watched.view.seq
            with contextlib.suppress(RunOwned):  # a controller begins just now, and finds the order
                return 0 if drive(opened, resumed=True) != DETACHED else DETACHED


def _seen_ending(watched: Watched, seen: int, known: RunView | None) -> bool:
    """Show what the run's controller does after event *seen*; tells whether nobody left this.

    *known* is the run of a controller that was told to cancel it before.
    """
    lines, by = Lines(sys.stderr), watched.holder
    print(f"cancelling run {watched.view.run}{f', driven by {by}' if by else ''}", file=sys.stderr)
    if known is not None:
        tell_unconfirmed(known)
    try:
        for record in watched.records():
            if record.seq > seen:
                lines.see(watched.view, record)
    except KeyboardInterrupt:
        print("the cancel stays recorded; the run's controller goes on with it", file=sys.stderr)
        return False
    if watched.over:
        lines.close()
    return True


@command(
    positional=["run", "stage"],
    help={
        "run": RUN,
        "stage": "the stage",
        "to": "one of the stage's servers (default: its next fallback)",
        "config": CONFIG,
    },
)
def move(run: str, stage: str, to: str | None = None, config: str | None = None) -> int:
    """Let a stage go on on another server, from its beginning.

    Its job is killed first. Where its server does not answer the stage starts elsewhere at once,
    the job is killed as soon as the server answers, and the run does not end before that.
    """
    options = api.Options(config=config)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        return api.reopened(order.run, attrs.evolve(options, observers=observers))

    with api.history(options) as (places, store):
        before = store.run(store.find(run)).seq
        order = api.order_move(run, stage, to, options, by=f"{api.user()} (move)")
        while any(left.id == order.number for left in store.orders(order.run)):
            if holder(places, order.run) is None:
                print(f"nobody drives run {order.run}: it goes on here", file=sys.stderr)
                with contextlib.suppress(RunOwned):  # a controller begins just now
                    return drive(opened, resumed=True)
            time.sleep(INTERVAL)
        return _moved(store.read(order.run, before), stage)


def _moved(fresh: Sequence[Recorded], stage: str) -> int:
    """Say what came of the order."""
    found = [one.event for one in fresh if isinstance(one.event, MoveRequested)]
    for event in found:
        if event.stage == stage:
            print(f"stage {stage} is moved to {event.server}", file=sys.stderr)
            return 0
    print(f"stage {stage} was not moved: it has ended, or is being stopped", file=sys.stderr)
    return 1


@command(positional=["run"], help={"run": RUN, "config": CONFIG})
def wait(run: str = "last", config: str | None = None) -> int:
    """Wait until a run has ended, and end with its exit code; 75 where nobody drives it."""
    with api.history(api.Options(config=config)) as (places, store):
        watched = Watched(places, store, store.find(run))
        with contextlib.suppress(KeyboardInterrupt):
            watched.to_the_end()
        view = watched.view
        if watched.over:
            print(summary(view).split("\n", 1)[0], file=sys.stderr)
        elif watched.holder is None:
            print(left_alone(view.run), file=sys.stderr)
    return exit_code(view)
