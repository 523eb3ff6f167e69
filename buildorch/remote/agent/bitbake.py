"""bitbake builds: which processes are clients and servers, and what a server runs for us.

By evidence alone. A client is a command line, in whatever session a wrapper has put it. A
server is who holds `bitbake.lock` of a build folder and has written its number there; one that
the job started is the job's own, any other was joined. What a joined server runs is ours only
where nobody else can be who it runs it for.
"""

import fcntl
import os
import re

from buildorch.remote.agent import kernel

_CLIENT = "bitbake"
_SERVER = re.compile(r"bitbake([-_]server)?(\.py)?\Z")
_INTERPRETER = re.compile(r"(python[0-9.]*|pypy[0-9.]*|busybox|[bd]?ash|sh)\Z")


def program(words: "list[str]") -> str:
    """Return the name of what a command line runs, past the interpreter of a script."""
    for word in words:
        name = os.path.basename(word)
        if word.startswith("-"):
            if "c" in word and not word.startswith("--"):
                return ""
        elif not _INTERPRETER.match(name):
            return name
    return ""


def lock_of(pid: int) -> "str | None":
    """Return the lock of the folder that a client builds in; None where nobody may know."""
    try:
        folders = [os.readlink("/proc/" + str(pid) + "/cwd")]
    except OSError:
        return None
    named = kernel.variable(pid, b"BUILDDIR")
    if named:
        folders.insert(0, os.path.join(folders[0], os.fsdecode(named)))
    locks = [os.path.realpath(os.path.join(folder, "bitbake.lock")) for folder in folders]
    return next((lock for lock in locks if os.path.exists(lock)), locks[0])


def holder(lock: str) -> "kernel.Process | None":
    """Return the server that holds a lock: a number alone may be anybody's by now."""
    words = (kernel.read_file(lock, 200) or b"").split()
    row = kernel.process(int(words[0])) if words and words[0].isdigit() else None
    if row is None or not row.alive or not _SERVER.match(program(kernel.words(row.pid))):
        return None
    return row if _has_open(row.pid, lock) else None


def _has_open(pid: int, lock: str) -> bool:
    """Return whether a process has a file open; of another user's, whether the file is locked."""
    folder = "/proc/" + str(pid) + "/fd/"
    try:
        file, names = os.stat(lock), os.listdir(folder)
    except OSError:
        return _is_locked(lock)
    return any(_is_file(folder + name, file) for name in names)


def _is_file(path: str, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), file)
    except OSError:
        return False


def _is_locked(lock: str) -> bool:
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def work(table: "dict[int, kernel.Process]", server: int) -> "dict[int, int]":
    """Return all that a server runs: number of each process, and when its task was started.

    Forks of the server that keep its command line are parts of it, and stay when it is idle.
    """
    itself, found = kernel.words(server), {}
    for row in table.values():
        if row.parent == server and row.alive and kernel.words(row.pid) != itself:
            for pid in [row.pid] + kernel.descendants(table, [row.pid]):
                if pid in table and table[pid].alive:
                    found[pid] = row.start
    return found


class Foreign:
    """A server that was there before our client came, while it builds for our client.

    Attributes:
        lock: The lock that it holds.
        server: Its number and start time.
        since: Nothing that it started before is ours.
        seen: Tasks that it ran for us: start times by number.
    """

    def __init__(self, lock: str, server: "tuple[int, int]", since: int) -> None:
        self.lock = lock
        self.server = server
        self.since = since
        self.seen = {}  # type: dict[int, int]

    def see(self, table: "dict[int, kernel.Process]", tasks: "dict[int, int]") -> None:
        """Remember those of its tasks that it cannot have started for anybody else."""
        for pid in tasks:
            if tasks[pid] >= self.since:
                self.seen[pid] = table[pid].start


class Busy:
    """A server that builds for somebody else while our client waits."""

    def __init__(self, lock: str, pid: int, since: int) -> None:
        self.lock = lock
        self.pid = pid
        self.since = since

    def fields(self) -> "list[tuple[str, str]]":
        """Return what is told of it."""
        return [
            ("kind", "bitbake"),
            ("name", os.path.dirname(self.lock)),
            ("user", _name(kernel.owner(self.pid))),
            ("pid", str(self.pid)),
            ("since", str(self.since * 100 // kernel.TICKS)),
        ]


def _name(uid: "int | None") -> str:
    import pwd  # noqa: PLC0415 - small pythons are without

    try:
        return pwd.getpwuid(-1 if uid is None else uid).pw_name
    except (KeyError, OverflowError):
        return "uid " + str(uid)


class Builds:
    """The bitbake builds of one job.

    Args:
        members: Returns the living processes of the job.

    Attributes:
        own: Servers that the job started: start times by number.
        foreign: Servers that it joined and that build for it, by lock.
    """

    def __init__(self, members: "Members") -> None:
        self._members = members
        self.own = {}  # type: dict[int, int]
        self.foreign = {}  # type: dict[str, Foreign]
        self._not_before = {}  # type: dict[str, int]

    def clients(self) -> "dict[int, kernel.Process]":
        """Return the job's clients; forks of a server are none, whatever they are called."""
        return _clients(self._members())

    def look(self) -> "Busy | None":
        """Note what the clients' servers do; return one that builds for somebody else first."""
        members, busy = self._members(), None  # type: dict[int, kernel.Process], Busy | None
        for lock, client in _first_by_lock(_clients(members)).items():
            server = holder(lock)
            if server is None:
                continue
            if server.pid in members:
                self.own[server.pid] = server.start
            else:
                busy = self._join(lock, server, client, members) or busy
        return busy

    def _join(
        self,
        lock: str,
        server: kernel.Process,
        client: kernel.Process,
        members: "dict[int, kernel.Process]",
    ) -> "Busy | None":
        table = kernel.processes()
        tasks = work(table, server.pid)
        starts = [row.start for row in self._others(lock, server.pid, table, members)]
        earlier = [start for start in starts + list(tasks.values()) if start < client.start]
        if earlier:
            self._not_before[lock] = kernel.ticks()
            self.foreign.pop(lock, None)
            return Busy(lock, server.pid, min(earlier))
        one = self.foreign.get(lock)
        if one is None or one.server != (server.pid, server.start):
            since = max(client.start, self._not_before.get(lock, 0))
            one = self.foreign[lock] = Foreign(lock, (server.pid, server.start), since)
        one.see(table, tasks)
        return None

    def _others(
        self,
        lock: str,
        server: int,
        table: "dict[int, kernel.Process]",
        members: "dict[int, kernel.Process]",
    ) -> "list[kernel.Process]":
        """Return clients of a server that are not the job's; in doubt one is."""
        strangers = dict((pid, table[pid]) for pid in table if pid not in members)
        found = []
        for row in _clients(strangers).values():
            place = lock_of(row.pid)
            if place == lock or (place is None and kernel.owner(row.pid) == kernel.owner(server)):
                found.append(row)
        return found

    def record(self) -> bytes:
        """Return what nobody could find out later, as lines."""
        lines = ["own %d %d" % pair for pair in sorted(self.own.items())]
        found = self.foreign.values()
        lines += ["foreign %d %d %d %s" % (one.server + (one.since, one.lock)) for one in found]
        return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")

    def recall(self, record: bytes) -> None:
        """Know what a record says."""
        for line in record.decode("utf-8", "surrogateescape").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "own":
                pid, start = rest.split()
                self.own[int(pid)] = int(start)
            elif kind == "foreign":
                words = rest.split(" ", 3)
                server = (int(words[0]), int(words[1]))
                self.foreign[words[3]] = Foreign(words[3], server, int(words[2]))

    def tasks(self) -> "dict[int, kernel.Process]":
        """Return what servers that are not ours still run for us, as far as that is sure."""
        if not self.foreign:
            return {}
        table, members = kernel.processes(), self._members()
        for one in self.foreign.values():
            pid, start = one.server
            if not kernel.alive(pid, start) or self._others(one.lock, pid, table, members):
                continue
            one.see(table, work(table, pid))
        seen = [pair for one in self.foreign.values() for pair in one.seen.items()]
        alive = [pid for pid, start in seen if pid in table and table[pid].start == start]
        return dict((pid, table[pid]) for pid in alive if table[pid].alive)


def _clients(table: "dict[int, kernel.Process]") -> "dict[int, kernel.Process]":
    found = [pid for pid in table if program(kernel.words(pid)) == _CLIENT and table[pid].alive]
    locks = {lock for lock in map(lock_of, found) if lock is not None}
    servers = [row.pid for row in map(holder, locks) if row is not None]
    forks = set(servers + kernel.descendants(table, servers))
    return dict((pid, table[pid]) for pid in found if pid not in forks)


def _first_by_lock(clients: "dict[int, kernel.Process]") -> "dict[str, kernel.Process]":
    """Return the first client in each build folder: the others of ours wait for it."""
    found = {}  # type: dict[str, kernel.Process]
    for row in sorted(clients.values(), key=lambda row: (row.start, row.pid)):
        lock = lock_of(row.pid)
        if lock is not None:
            found.setdefault(lock, row)
    return found


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Members = Callable[[], dict[int, kernel.Process]]
