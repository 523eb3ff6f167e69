"""The processes of a job: how they are found, and how they end.

Three nets, since each has holes: descent (the supervisor is a subreaper, so that orphans stay
below it), the session, and a marker in the environment. A signal goes only to a process whose
start time is still the one that was found.
"""

import os
import signal
import time

from buildorch.remote.agent import kernel

#: Seconds after KILL until the survivors are named instead of waited for.
PATIENCE = 10.0
#: Parts of the grace after which a bitbake client gets its second INT, and everybody TERM.
SECOND_INT = 0.35
AFTER_INT = 0.8


class Tree:
    """The processes of one job.

    Attributes:
        root: Number of the process below which all descendants belong to the job, or 0.
        session: Session of the job.
        marker: `NAME=value` that its processes have in their environment.
    """

    def __init__(self, root: int, session: int, marker: bytes) -> None:
        self.root = root
        self.session = session
        self.marker = marker

    def members(self) -> "dict[int, kernel.Process]":
        """Return all living processes of the job."""
        table = kernel.processes()
        found = set(self._descendants(table))
        mine = os.getpid()
        for pid in table:
            if pid != mine and pid not in found and self._belongs(table[pid]):
                found.add(pid)
        return dict((pid, table[pid]) for pid in found if table[pid].alive)

    def _belongs(self, row: kernel.Process) -> bool:
        return row.session == self.session or kernel.environment_holds(row.pid, self.marker)

    def _descendants(self, table: "dict[int, kernel.Process]") -> "list[int]":
        children = {}  # type: dict[int, list[int]]
        for row in table.values():
            children.setdefault(row.parent, []).append(row.pid)
        found, queue = [], list(children.get(self.root, [])) if self.root else []
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children.get(pid, [])
        return found

    def signal(self, rows: "dict[int, kernel.Process]", number: int) -> None:
        """Signal those of *rows* that are still who they were; parents mostly before children."""
        for pid in sorted(rows):
            kernel.send_signal(pid, rows[pid].start, number)


class Killer:
    """Ends a tree: politely, then surely.

    Args:
        tree: Whose processes.
        rest: Called with seconds; waits that long or until a child ended, reaps, and returns
            whether there can still be processes.
    """

    def __init__(self, tree: Tree, rest: "Rest") -> None:
        self._tree = tree
        self._rest = rest

    def kill(self, grace: float) -> "list[str]":
        """End all processes; return those that nothing could end, as `pid command`."""
        begin = time.monotonic()
        clients = self._bitbake_clients()
        if clients:
            self._tree.signal(clients, signal.SIGINT)
            self._wait(begin + grace * SECOND_INT)
            self._tree.signal(self._bitbake_clients(), signal.SIGINT)
            self._wait(begin + grace * AFTER_INT, lambda: not self._bitbake_clients())
        members = self._tree.members()
        self._tree.signal(members, signal.SIGTERM)
        self._tree.signal(members, signal.SIGCONT)
        self._wait(begin + grace)
        return self._destroy()

    def _bitbake_clients(self) -> "dict[int, kernel.Process]":
        """Return the bitbake clients of the job; the server has a session of its own."""
        members = self._tree.members()
        return dict(
            (pid, members[pid])
            for pid in members
            if members[pid].session == self._tree.session and _is_bitbake(kernel.words(pid))
        )

    def _wait(self, until: float, enough: "Enough | None" = None) -> None:
        """Wait for the end of all processes, or until *enough*."""
        while self._rest(0.0) or self._tree.members():
            left = until - time.monotonic()
            if left <= 0 or (enough is not None and enough()):
                return
            self._rest(min(left, 0.2))

    def _destroy(self) -> "list[str]":
        """STOP before KILL: what forks all the time is caught standing still."""
        until = time.monotonic() + PATIENCE
        pause = 0.005
        while True:
            members = self._stop_all()
            if not members and not self._rest(0.0):
                return []
            self._tree.signal(members, signal.SIGKILL)
            if time.monotonic() > until:
                return describe(self._tree.members())
            self._rest(pause)
            pause = min(pause * 2, 0.2)

    def _stop_all(self) -> "dict[int, kernel.Process]":
        stopped = {}  # type: dict[int, kernel.Process]
        while True:
            members = self._tree.members()
            fresh = dict((pid, members[pid]) for pid in members if pid not in stopped)
            if not fresh:
                return stopped
            self._tree.signal(fresh, signal.SIGSTOP)
            stopped.update(fresh)


def describe(rows: "dict[int, kernel.Process]") -> "list[str]":
    """Return processes as `pid command` texts."""
    return [str(pid) + " " + " ".join(kernel.words(pid))[:120] for pid in sorted(rows)]


def _is_bitbake(command: "list[str]") -> bool:
    """Return whether a command line is `bitbake ...`, or an interpreter that runs it."""
    return any(os.path.basename(word) == "bitbake" for word in command[:3])


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Rest = Callable[[float], bool]
    Enough = Callable[[], bool]
