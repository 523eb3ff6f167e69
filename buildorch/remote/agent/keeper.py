"""The keeper: the parent of a supervisor, which ends the job should the supervisor be killed.

All that a killed supervisor had below it comes to the keeper, also what has left the session and
cleared its environment. It holds no file of the job and hears of nothing: it waits for its child.
"""

import os
import signal

from buildorch.remote.agent import command, folder, kernel, sweeper

#: Blocked, so that it is there as long as its supervisor, which the same signals do not end.
_BLOCKED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def keep(place: folder.Folder, work: "Work") -> None:
    """Run a supervisor as a child until it has ended, then sweep where it did not do its work.

    Args:
        place: The job's folder.
        work: What the supervisor does; it is given the number of its keeper.
    """
    os.setsid()
    me = os.getpid()
    # First of all: somebody waits for the job to begin.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(me)
            status = 0
        finally:
            os._exit(status)
    signal.pthread_sigmask(signal.SIG_SETMASK, _BLOCKED)
    kernel.adopt_orphans()
    command.close_all_but()
    os.chdir("/")
    # What its command left on purpose after a good end goes to init when we leave.
    if _status(pid) != 0:
        _sweep(place)


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

    Work = Callable[[int], None]
