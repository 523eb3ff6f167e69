"""What the kernel tells of processes, and the two system calls that python has not.

A process is known by its number together with its start time: numbers are used again.
"""

import errno
import functools
import os
import signal
import struct
import time

SUBREAPER = 36
#: The clock that /proc/uptime shows; python has its name from 3.7 on.
_BOOTTIME = 7
#: Units of a start time in a second.
TICKS = os.sysconf("SC_CLK_TCK")
IN_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
IN_MODIFY = 0x2
IN_CLOSE_WRITE = 0x8
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
#: The folder is gone. IN_DELETE_SELF alone comes only when no file of it is open any more.
GONE = IN_DELETE_SELF | IN_MOVE_SELF
WATCHED = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | GONE
_EVENT = struct.Struct("iIII")


#: Bytes that are read of a file at first.
_FIRST = 1 << 14
#: What tells a signal that was sent from what happened to lie in memory: see `wait_signal`.
_CODES = frozenset([0, -1, -6, 128] + list(range(1, 7)))


def wait_signal(signals: "tuple[signal.Signals, ...]", seconds: float) -> "int | None":
    """Wait for one of some blocked signals; return which came, or None when the time is over.

    Python returns what was not filled in where a process is stopped and goes on after the time is
    over; no such thing is taken for a signal.
    """
    heard = signal.sigtimedwait(signals, seconds)
    if heard is None or heard.si_signo not in signals or heard.si_code not in _CODES:
        return None
    return heard.si_signo


def read_file(path: str, limit: int = 1 << 20) -> "bytes | None":
    """Return the first *limit* bytes of a file, or None where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _read(fd, limit)
    except OSError:
        return None
    finally:
        os.close(fd)


def _read(fd: int, limit: int) -> bytes:
    """Read up to *limit* bytes, of which most files have few: large buffers are slow to get."""
    data = os.read(fd, min(limit, _FIRST))
    piece = data
    while piece and len(piece) >= _FIRST:
        piece = os.read(fd, min(limit - len(data), 1 << 18))
        data += piece
    return data


@functools.lru_cache(maxsize=None)
def boot_id() -> str:
    """Return the kernel's boot id, which no process sees change; empty where there is none."""
    return (read_file("/proc/sys/kernel/random/boot_id") or b"").decode("ascii", "replace").strip()


def clock() -> int:
    """Return hundredths of a second since the boot, also while the machine slept."""
    return int(time.clock_gettime(_BOOTTIME) * 100)


class Process:
    """One row of the process table."""

    def __init__(self, pid: int, state: str, parent: int, session: int, start: int) -> None:
        self.pid = pid
        self.state = state
        self.parent = parent
        self.session = session
        self.start = start

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return self.state not in "ZX"


def process(pid: int) -> "Process | None":
    """Return the row of *pid*, or None where there is no such process."""
    stat = read_file("/proc/" + str(pid) + "/stat", 4096)
    if not stat:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Process(pid, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def alive(pid: int, start: int) -> bool:
    """Return whether the process *pid* that started at *start* still runs."""
    found = process(pid)
    return found is not None and found.start == start and found.alive


def namespace() -> str:
    """Return the name of our table of processes; empty where the kernel does not say."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def shows_strangers() -> bool:
    """Return whether we may see other accounts' processes: a server can hide them (hidepid)."""
    return process(1) is not None


def processes() -> "dict[int, Process]":
    """Return the process table."""
    rows = [process(int(name)) for name in os.listdir("/proc") if name.isdigit()]
    return dict((row.pid, row) for row in rows if row is not None)


def environment_holds(pid: int, entry: bytes) -> bool:
    """Return whether *pid* was started with `NAME=value` in its environment."""
    data = read_file("/proc/" + str(pid) + "/environ") or b""
    return b"\0" + entry + b"\0" in b"\0" + data + b"\0"


def words(pid: int) -> "list[str]":
    """Return the command line of *pid*."""
    data = read_file("/proc/" + str(pid) + "/cmdline", 4096) or b""
    return data.rstrip(b"\0").decode("utf-8", "replace").split("\0")


def descendants(table: "dict[int, Process]", roots: "list[int]") -> "list[int]":
    """Return the numbers of all that *roots* and their children have started and that is there."""
    children = {}  # type: dict[int, list[int]]
    for row in table.values():
        children.setdefault(row.parent, []).append(row.pid)
    found, queue = [], list(roots)
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def variable(pid: int, name: bytes) -> "bytes | None":
    """Return a variable that *pid* was started with, or None."""
    for entry in (read_file("/proc/" + str(pid) + "/environ") or b"").split(b"\0"):
        if entry.startswith(name + b"="):
            return entry[len(name) + 1 :]
    return None


def owner(pid: int) -> "int | None":
    """Return whose process *pid* is, or None where it is gone."""
    try:
        return os.stat("/proc/" + str(pid)).st_uid
    except OSError:
        return None


def uptime() -> int:
    """Return the time since the boot in hundredths of a second; no clock that somebody sets."""
    return ticks() * 100 // TICKS


def ticks() -> int:
    """Return the time in the unit of start times."""
    return int(float((read_file("/proc/uptime") or b"0 0").split()[0]) * TICKS)


def send_signal(pid: int, start: int, number: int) -> bool:
    """Signal the process that is both *pid* and *start*; return whether it was there."""
    if not alive(pid, start):
        return False
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


@functools.lru_cache(maxsize=None)
def _libc() -> "ctypes.CDLL | None":
    """Return the C library, or None where this python cannot call it."""
    try:
        import ctypes  # noqa: PLC0415 - small pythons are without

        return ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError, TypeError):
        return None


def adopt_orphans(adopt: int = 1) -> bool:
    """Have orphaned descendants become our children; return whether the kernel can."""
    libc = _libc()
    if libc is None or not hasattr(libc, "prctl"):
        return False
    return bool(libc.prctl(SUBREAPER, adopt, 0, 0, 0) == 0)


def default_signals() -> None:
    """Give a new program the signals that it expects: none ignored, none blocked."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError, RuntimeError):
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Watcher:
    """One inotify descriptor for all job folders; without one the caller has to tick."""

    def __init__(self) -> None:
        self._libc = _libc()
        self.fd = -1
        if self._libc is not None and hasattr(self._libc, "inotify_init1"):
            self.fd = self._libc.inotify_init1(IN_NONBLOCK_CLOEXEC)

    def add(self, path: str, mask: int = WATCHED) -> int:
        """Watch a folder; return its number, or -1 where it cannot be watched."""
        if self.fd < 0 or self._libc is None:
            return -1
        number = self._libc.inotify_add_watch(self.fd, os.fsencode(path), mask)
        return int(number)

    def remove(self, number: int) -> None:
        """Forget a folder."""
        if number >= 0 and self._libc is not None:
            self._libc.inotify_rm_watch(self.fd, number)

    def close(self) -> None:
        """Watch nothing any more."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def read(self) -> "list[tuple[int, int, bytes]]":
        """Return what happened: number of the folder, mask, name of the file."""
        if self.fd < 0:
            return []
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return []
            raise
        events, place = [], 0
        while place < len(data):
            number, mask, _, size = _EVENT.unpack_from(data, place)
            place += _EVENT.size
            events.append((number, mask, data[place : place + size].rstrip(b"\0")))
            place += size
        return events


TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
