"""Commands about the end of a run: cancel and wait."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import attrs
from invoke import Context, task

from buildorch import api
from buildorch.assembly import Driver
from buildorch.cli.driving import drive
from buildorch.cli.looking import CONFIG, RUN
from buildorch.cli.watching import Watched
from buildorch.errors import RunOwned
from buildorch.observers.lines import Lines
from buildorch.observers.summary import summary
from buildorch.runner.journal import Observer
from buildorch.view import exit_code

_DETACHED = 75


@task(positional=["run"], help={"run": RUN, "config": CONFIG})
def cancel(c: Context, run: str = "last", config: str | None = None) -> int:
    """End a run: every remote tree is killed, also when its controller has died.

    Ends when all is confirmed to be gone. The cancel is stored at once and stays stored: Ctrl-C
    only leaves this view.
    """
    del c
    options = api.Options(config=config)

    def opened(observers: Sequence[Observer]) -> AbstractContextManager[Driver]:
        return api.reopened(found, attrs.evolve(options, observers=observers))

    with api.history(options) as (places, store):
        found = store.find(run)
        seen = store.run(found).seq
        api.order_cancel(found, options, by=f"{api.user()} (cancel)")
        while True:
            watched = Watched(places, store, found)
            if not _seen_ending(watched, seen):
                return _DETACHED
            if watched.over:
                return 0
            seen = watched.view.seq
            with contextlib.suppress(RunOwned):  # a controller begins just now, and finds the order
                return 0 if drive(opened, resumed=True) != _DETACHED else _DETACHED


def _seen_ending(watched: Watched, seen: int) -> bool:
    """Show what the run's controller does after event *seen*; tells whether nobody left this."""
    lines, by = Lines(sys.stderr), watched.holder
    print(f"cancelling run {watched.view.run}{f', driven by {by}' if by else ''}", file=sys.stderr)
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


@task(positional=["run"], help={"run": RUN, "config": CONFIG})
def wait(c: Context, run: str = "last", config: str | None = None) -> int:
    """Wait until a run has ended, and end with its exit code; 75 where nobody drives it."""
    del c
    with api.history(api.Options(config=config)) as (places, store):
        watched = Watched(places, store, store.find(run))
        with contextlib.suppress(KeyboardInterrupt):
            for _ in watched.records():
                pass
        view = watched.view
        if watched.over:
            print(summary(view).split("\n", 1)[0], file=sys.stderr)
        elif watched.holder is None:
            print(
                f"nobody drives run {view.run}: it is interrupted; "
                f"`buildorch resume {view.run}` goes on with it",
                file=sys.stderr,
            )
    return exit_code(view)
