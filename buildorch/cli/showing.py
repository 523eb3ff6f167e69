"""What a run looks like on this terminal: the board, plain lines, or JSON lines."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, TextIO

from buildorch import api
from buildorch.analysis.tail import tail
from buildorch.assembly import Driver
from buildorch.events import ControllerAttached, Recorded
from buildorch.observers.board import Board
from buildorch.observers.diary import Diary
from buildorch.observers.jsonlines import JsonLines
from buildorch.observers.keyboard import SUSPEND, Keyboard
from buildorch.observers.lines import Lines
from buildorch.observers.look import wants_board
from buildorch.observers.progress import StageProgress
from buildorch.past import usual_times
from buildorch.progress import RunProgress
from buildorch.runner.inbox import Detach
from buildorch.runner.journal import Observer
from buildorch.store.codec import line
from buildorch.store.places import state_places
from buildorch.view import RunView

#: At the bottom of the board.
_HINT = "detached: d | cancelled: Ctrl-C, twice leaves at once"

#: Seconds until we know that Ctrl-Z does not stop us.
_STOPPED = 1.0


class Screen:
    """The observers that fit this terminal, and the controller's diary.

    Args:
        data: Where JSON lines go; None where people watch.
        quiet: Whether plain lines say only what goes wrong, and the end.
        verbose: Whether they say more.
        resumed: Whether plain lines leave out what earlier controllers stored.
    """

    def __init__(
        self,
        data: TextIO | None = None,
        *,
        quiet: bool = False,
        verbose: bool = False,
        resumed: bool,
    ) -> None:
        self._driver: Driver | None = None
        self._progress: RunProgress | None = None
        self._keyboard: Keyboard | None = None
        self._continued = threading.Event()
        self._before: Any = None
        self._diary = Diary(state_places().controller_log, line)
        self._shown: Board | Lines | JsonLines
        self._first: Observer
        if data is not None:
            self._shown = self._first = JsonLines(data, line)
        elif wants_board(sys.stderr) and not (quiet or verbose):
            self._shown = self._first = Board(sys.stderr, progress=self._of, hint=_HINT)
        else:
            lines = Lines(sys.stderr, tail=self._tail, quiet=quiet, verbose=verbose)
            self._shown, self._first = lines, _FromNow(lines) if resumed else lines

    @property
    def observers(self) -> Sequence[Observer]:
        """What the run is shown to."""
        return [self._first, self._diary]

    def attach(self, driver: Driver) -> None:
        """Show progress of the run that *driver* drives, and listen to the keyboard."""
        self._driver = driver
        with api.history(api.Options()) as (_, store):
            usual = usual_times(store, driver.controller.view)
        self._progress = RunProgress(lambda: driver.controller.view, usual)
        if isinstance(self._shown, Board):
            self._keyboard = Keyboard(
                sys.stdin,
                {"d": lambda: driver.inbox.put(Detach("d on the board")), SUSPEND: self._suspend},
            )
            self._before = signal.signal(signal.SIGCONT, lambda *_: self._continued.set())
            self._keyboard.start()

    def close(self) -> None:
        """Leave the terminal as it was, with a summary."""
        if self._keyboard is not None:
            self._keyboard.close()
            signal.signal(signal.SIGCONT, self._before)
        self._shown.close()
        self._diary.close()

    def _suspend(self) -> None:
        """Stop this process as Ctrl-Z does, with the terminal as it was; `fg` brings all back."""
        if not isinstance(self._shown, Board) or self._keyboard is None or self._driver is None:
            return
        with self._shown.aside(), self._keyboard.aside():
            run = self._driver.controller.view.run
            print(
                f"run {run} is suspended: builds on the servers go on, nothing new starts until "
                "`fg` or `bg`",
                file=sys.stderr,
            )
            self._continued.clear()
            os.killpg(0, signal.SIGTSTP)
            # It stops us any moment now; where nobody could continue us the kernel ignores it.
            self._continued.wait(_STOPPED)

    def _of(self, stage: str) -> StageProgress:
        return self._progress.of(stage) if self._progress is not None else StageProgress()

    def _tail(self, stage: str) -> Sequence[str]:
        if self._driver is None:
            return ()
        view: RunView = self._driver.controller.view
        path = view.log_path(view.stages[stage])
        return tail(path).splitlines() if path is not None else ()


class _FromNow:
    """Lets through what this process stores, and not what it finds in the store.

    Args:
        inner: Is shown the rest.
    """

    def __init__(self, inner: Observer) -> None:
        self._inner = inner
        self._begun = False

    def see(self, view: RunView, record: Recorded) -> None:
        """Pass on *record* once this process has attached."""
        event = record.event
        self._begun |= isinstance(event, ControllerAttached) and event.pid == os.getpid()
        if self._begun:
            self._inner.see(view, record)
