"""The keeper: the parent of a supervisor, which ends its job should the supervisor be killed.

All that a killed supervisor had below it comes to the keeper, also what has left the session and
cleared its environment. It holds no file of the job and hears of nothing: it waits for its child.
"""

import os
import select
import signal

from buildorch.remote.agent import account, command, folder, kernel, sweeper

#: Blocked, so that it is there as long as its supervisor, which the same signals do not end.
_BLOCKED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LONGEST = 1 << 12


class Kept:
    """What a supervisor and its keeper know of each other.

    Attributes:
        by: Number of the keeper.
        ends: The descriptors of the note that says which job the supervisor has.
    """

    def __init__(self) -> None:
        self.by = os.getpid()
        self.ends = os.pipe()
        self._noted = False

    def note(self, ident: str) -> None:
        """Note the job that the supervisor has from now on; empty for none."""
        # The pipe holds the one note: a kernel's buffer outlives whoever is killed.
        if self._noted:
            os.read(self.ends[0], _LONGEST)
        self._noted = bool(ident)
        if ident:
            os.write(self.ends[1], ident.encode("ascii"))

    def noted(self) -> str:
        """Return the job that a dead supervisor had; empty for none."""
        there = select.select([self.ends[0]], [], [], 0)[0]
        return os.read(self.ends[0], _LONGEST).decode("ascii") if there else ""


def keep(state: account.State, work: "Work") -> None:
    """Run a supervisor as a child until it has ended, then sweep where it did not do its work.

    Args:
        state: Where its jobs are.
        work: What the supervisor does.
    """
    os.setsid()
    kept = Kept()
    # First of all: somebody waits for the job to begin.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(kept)
            status = 0
        finally:
            os._exit(status)
    signal.pthread_sigmask(signal.SIG_SETMASK, _BLOCKED)
    kernel.adopt_orphans()
    command.close_all_but(*kept.ends)
    os.chdir("/")
    status, ident = _status(pid), kept.noted()
    # What its command left on purpose after a good end goes to init when we leave.
    if status != 0 and ident:
        _sweep(state.folder(ident))


def _status(pid: int) -> int:
    """Wait for the end of a child, and of all that comes to us meanwhile; return its status."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return status


def _sweep(place: folder.Folder) -> None:
    """End what is left, unless it never began or its end is known; others may be at it first."""
    if not place.has("id") and not place.launched:
        return
    lock = place.wait()
    if place.end() is None and place.remembered_end() is None:
        sweeper.sweep(place, _rest)
    if lock is not None:
        os.close(lock)


def _rest(seconds: float) -> bool:
    """Wait for a child's end, reap; return whether there are still processes below us."""
    if seconds > 0:
        kernel.wait_signal((signal.SIGCHLD,), seconds)
    while True:
        try:
            done = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return False
        if done is None or done.si_pid == 0:
            return True


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[Kept], None]
