"""The processes of a job: how they are found, and how they end.

Three nets, since each has holes: descent (the supervisor is a subreaper, so that orphans stay
below it), the session, and a marker in the environment. A signal goes only to a process whose
start time is still the one that was found.
"""

import os
import signal
import time

from buildorch.remote.agent import bitbake, kernel

#: Seconds after KILL until the survivors are named instead of waited for.
PATIENCE = 10.0
#: Parts of the grace after which a bitbake client gets its second INT, and everybody TERM.
SECOND_INT = 0.35
AFTER_INT = 0.8
#: Seconds for what is about to end anyway.
SETTLE = 0.5
#: Seconds for which a server works on that lost its client (30), and some more.
LAST_TASKS = 40.0


class Tree:
    """The processes of one job.

    Attributes:
        roots: Processes (number and start time) whose descendants all belong to the job, though
            they do not themselves.
        session: Session of the job.
        marker: `NAME=value` that its processes have in their environment.
        servers: Processes (number and start time) that belong to it in spite of all this.
    """

    def __init__(self, roots: "dict[int, int]", session: int, marker: bytes) -> None:
        self.roots = roots
        self.session = session
        self.marker = marker
        self.servers = {}  # type: dict[int, int]

    def members(self) -> "dict[int, kernel.Process]":
        """Return all living processes of the job."""
        table = kernel.processes()
        servers = _there(self.servers, table)
        found = set(servers + kernel.descendants(table, servers + _there(self.roots, table)))
        mine = os.getpid()
        for pid in table:
            if pid != mine and pid not in found and self._belongs(table[pid]):
                found.add(pid)
        return dict((pid, table[pid]) for pid in found if pid in table and table[pid].alive)

    def _belongs(self, row: kernel.Process) -> bool:
        return row.session == self.session or kernel.environment_holds(row.pid, self.marker)

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
        builds: Its bitbake builds.
    """

    def __init__(self, tree: Tree, rest: "Rest", builds: bitbake.Builds) -> None:
        self._tree = tree
        self._rest = rest
        self._builds = builds

    def kill(self, grace: float) -> "list[str]":
        """End all processes; return those that nothing could end, as `pid command`."""
        begin = time.monotonic()
        self._builds.look()
        self._interrupt(begin, grace)
        members = self._tree.members()
        self._tree.signal(members, signal.SIGTERM)
        self._tree.signal(members, signal.SIGCONT)
        self._wait(begin + grace, self._tree.members)
        return self._destroy() + self._end_tasks(begin + grace)

    def _interrupt(self, begin: float, grace: float) -> None:
        """Ask bitbake's clients twice, and nobody else: a wrapper would leave them alone."""
        for part in (SECOND_INT, AFTER_INT):
            clients = self._builds.clients()
            self._tree.signal(clients, signal.SIGINT)
            self._tree.signal(clients, signal.SIGCONT)
            self._wait(begin + grace * part, self._builds.clients)
            if clients:
                # A wrapper may say now how its build has ended.
                self._wait(min(time.monotonic() + SETTLE, begin + grace), self._tree.members)

    def _end_tasks(self, until: float) -> "list[str]":
        """Wait for what a server that is not ours still runs for us, then end that: not it."""
        self._wait(until, self._builds.tasks)
        number, until = signal.SIGTERM, time.monotonic() + LAST_TASKS
        while True:
            tasks = self._builds.tasks()
            if not tasks or time.monotonic() > until:
                return describe(tasks)
            self._tree.signal(tasks, number)
            number = signal.SIGKILL
            self._wait(time.monotonic() + SETTLE, self._builds.tasks)

    def _wait(self, until: float, left: "Left") -> None:
        """Wait until nothing is left, or for so long."""
        self._rest(0.0)
        while left():
            seconds = until - time.monotonic()
            if seconds <= 0:
                return
            self._rest(min(seconds, 0.2))

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


def _there(known: "dict[int, int]", table: "dict[int, kernel.Process]") -> "list[int]":
    """Return those that are still who they were: a number alone may be anybody's by now."""
    return [pid for pid in known if pid in table and table[pid].start == known[pid]]


def describe(rows: "dict[int, kernel.Process]") -> "list[str]":
    """Return processes as `pid command` texts."""
    return [str(pid) + " " + " ".join(kernel.words(pid))[:120] for pid in sorted(rows)]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Rest = Callable[[float], bool]
    Left = Callable[[], dict[int, kernel.Process]]
