"""Driving a run in this thread: what signals mean, and what is said when it is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType
from typing import Any, TypeAlias

from buildorch import api
from buildorch.assembly import Driver
from buildorch.cli.aside import prints_aside
from buildorch.runner.inbox import Detach, Inbox, Interrupt, Poke
from buildorch.runner.journal import Observer
from buildorch.view import RunView, StageView, exit_code

#: Owns a run and shows it to the observers that it is given.
Opened: TypeAlias = Callable[[Sequence[Observer]], AbstractContextManager[Driver]]


def drive(
    opened: Opened,
    *,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    ci: bool = False,
    resumed: bool = False,
) -> int:
    """Drive a run in this thread and show it.

    Args:
        opened: Owns the run.
        json: Whether JSON lines go to stdout.
        quiet: Whether only what goes wrong, and the end, is said.
        verbose: Whether connections, commands and files are said as well.
        ci: Whether SIGTERM cancels.
        resumed: Whether its first events are known from before, so that they are not said again.

    Returns:
        The exit code of the run.
    """
    from buildorch.cli.showing import Screen  # noqa: PLC0415 - rich takes long to import

    with ExitStack() as stack:
        data = stack.enter_context(prints_aside()) if json else None
        screen = Screen(data, quiet=quiet, verbose=verbose, resumed=resumed)
        stack.callback(screen.close)
        driver = stack.enter_context(opened(screen.observers))
        screen.attach(driver)
        if resumed:
            tell_unconfirmed(driver.controller.view)
        with signals_to(driver.inbox, ci=ci):
            view = driver.drive()
    if view.status is None and (json or view.cancel_requested is not None):
        print(left(view), file=sys.stderr)
    return exit_code(view)


def tell_unconfirmed(view: RunView) -> None:
    """Say at once for which servers a run cannot end: nothing else may happen for long."""
    from buildorch.observers.look import Look  # noqa: PLC0415 - as the screen, only where shown
    from buildorch.observers.sentences import unconfirmed  # noqa: PLC0415 - likewise

    text = unconfirmed(view, Look.of(sys.stderr))
    if text:
        print(text, file=sys.stderr)


def left(view: RunView) -> str:
    """Return what to say of a run that this process has left, and what may still run where."""
    if view.cancel_requested is None:
        return f"run {view.run} goes on without us; `buildorch resume {view.run}` picks it up"
    where = [f"{one.name} on {one.server}" for one in view.stages.values() if _may_run(one)]
    unconfirmed = f"; not confirmed to be gone: {', '.join(where)}" if where else ""
    return (
        f"run {view.run} was left while it was cancelled{unconfirmed}. The cancel stays recorded: "
        f"`buildorch cancel {view.run}` finishes it"
    )


def _may_run(stage: StageView) -> bool:
    return stage.finished is None and bool(stage.history)


@contextmanager
def signals_to(inbox: Inbox, *, ci: bool) -> Iterator[None]:
    """Let signals speak to the controller; the old handlers come back afterwards.

    Args:
        inbox: The controller's.
        ci: Whether SIGTERM cancels the run, instead of leaving it.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        how = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        inbox.put(Interrupt(f"{api.user()} ({how})"))

    def leave(number: int, frame: FrameType | None) -> None:
        del frame
        inbox.put(Detach(signal.Signals(number).name))

    wanted: dict[int, Callable[[int, FrameType | None], None]] = {
        signal.SIGINT: interrupt,
        signal.SIGTERM: interrupt if ci else leave,
        signal.SIGHUP: leave,
    }
    before: dict[int, Any] = {
        number: signal.signal(number, handler) for number, handler in wanted.items()
    }
    try:
        with _woken_by_signals(inbox):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _woken_by_signals(inbox: Inbox) -> Iterator[None]:
    """Wake the controller after each signal, so that Python gets to run its handler.

    A signal that comes just before the main thread begins to wait, or that another thread is
    given, would else be noticed at the next turn: a minute later.
    """
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)

    def listen() -> None:
        while os.read(ear, 64):
            inbox.put(Poke())

    thread = threading.Thread(target=listen, name="signals", daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(mouth)
        thread.join()
        os.close(ear)
