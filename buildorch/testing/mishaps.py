"""What can happen on this machine: the controller dies, the history is stuck, a chat is down."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from buildorch.errors import NotifyError
from buildorch.events import Event, Recorded
from buildorch.ports import Notifier
from buildorch.view import RunView

#: File of the history in a state folder.
_DATABASE = "runs.db"


@attrs.define
class DiesAfter:
    """An observer that kills its own process; made by `dies_after`."""

    kind: type[Event] | None
    number: int
    seen: int = 0

    def see(self, view: RunView, record: Recorded) -> None:
        """Count *record*, which is stored already; its effects are still to come."""
        del view  # only the facts count
        if self.kind is None or isinstance(record.event, self.kind):
            self.seen += 1
            if self.seen == self.number:
                os.kill(os.getpid(), signal.SIGKILL)


def dies_after(number: int, kind: type[Event] | None = None) -> DiesAfter:
    """Return an observer that kills its own process with KILL: use it in a child process.

    Args:
        number: After the how many-th event, counted from 1; nothing that follows from that
            event has been done then.
        kind: Only events of this kind are counted.

    Example:
        >>> from buildorch.events import StepStarted
        >>> dies_after(1, StepStarted).number
        1
    """
    return DiesAfter(kind, number)


@contextmanager
def history_locked(home: str | Path) -> Iterator[None]:
    """Let the history in a state folder take no event meanwhile, as a hung program would.

    Args:
        home: The state folder, in which a run has been.
    """
    with closing(sqlite3.connect(Path(home, _DATABASE), timeout=10, isolation_level=None)) as base:
        base.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            base.execute("ROLLBACK")


@attrs.frozen
class FaultyNotifier:
    """Tells people late, or fails, or never comes back.

    Attributes:
        notifier: Who tells them in the end; None is nobody.
        seconds: How long it takes; `math.inf` hangs.
        error: What it says when it fails then; None does not fail.

    Example:
        >>> FaultyNotifier(error="the chat is down").send("done", key="k")
        Traceback (most recent call last):
        buildorch.errors.NotifyError: the chat is down
    """

    notifier: Notifier | None = None
    seconds: float = 0.0
    error: str | None = None

    def send(self, text: str, *, key: str) -> None:
        """Send *text* after a while.

        Raises:
            NotifyError: As it was told to.
        """
        deadline = time.monotonic() + self.seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 3600.0))
        if self.error is not None:
            raise NotifyError(self.error)
        if self.notifier is not None:
            self.notifier.send(text, key=key)
