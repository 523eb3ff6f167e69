"""The line for locks: all tickets of this machine, and the lock under which one looks at them.

The tickets lie in a folder of the system that every account may write, that is root's, and that
is sticky: so nobody can remove or replace what is another's, and there is nothing of ours that
somebody could make first. The lock on the folder itself is held for the moment of a look.
"""

import binascii
import fcntl
import os
import re
import stat

from buildorch.remote.agent import account, command, folder, kernel, tickets

#: The first that is fit is taken, by both server parts; the first is empty after a boot.
PLACES = ("/run/lock", "/var/tmp", "/tmp")  # noqa: S108 - what nobody can replace is safe there
PREFIX = "buildorch-lock-"
#: The number, and something that nobody can know before.
_NAME = re.compile(PREFIX + r"([1-9][0-9]{0,14})-[0-9A-Za-z]{6,32}\Z")
_MOST_BYTES = 1 << 16
_SHARED = 0o1007


def find() -> str:
    """Return the folder of the tickets.

    Raises:
        Refused: There is none that all accounts can share safely.
    """
    for path in PLACES:
        try:
            status = os.lstat(path)
        except OSError:
            continue
        shared = status.st_mode & _SHARED == _SHARED
        if stat.S_ISDIR(status.st_mode) and shared and status.st_uid == 0:
            return path
    raise folder.Refused(
        "refused",
        "no locks can be taken on this server: none of " + ", ".join(PLACES) + " is a folder of "
        "root's that all accounts may write (mode 1777); make one, or set share_workdir where "
        "runs may build in one folder at once",
    )


class Line:
    """All tickets of this machine.

    Args:
        path: The folder of the tickets.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.boot = kernel.boot_id() or "-"
        self.namespace = kernel.namespace()
        self._lock = -1
        self._helper = 0

    @property
    def entering(self) -> bool:
        """Whether somebody else looks, and we wait for that."""
        return self._lock >= 0

    def enter(self) -> bool:
        """Take the lock; where it is not free return False, and a child's end tells when it is.

        Raises:
            OSError: The folder cannot be read.
        """
        if self._lock < 0:
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            row = kernel.process(self._helper) if self._helper else None
            if row is None or not row.alive:
                self._helper = _hold_up(self._lock)
            return False
        self._end_helper()
        return True

    def leave(self) -> None:
        """Let others look, or stop waiting for that."""
        self._end_helper()
        if self._lock >= 0:
            # By word: the helper may have the descriptor for a moment longer.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = -1

    def _end_helper(self) -> None:
        if self._helper and kernel.process(self._helper) is not None:
            os.kill(self._helper, 9)
        self._helper = 0

    def looker(self) -> int:
        """Return the process that has the lock, or 0 where the kernel does not say."""
        status = os.fstat(self._lock)
        device = os.major(status.st_dev), os.minor(status.st_dev)
        file = "%02x:%02x:%d" % (device + (status.st_ino,))
        for row in (kernel.read_file("/proc/locks") or b"").decode("ascii", "replace").split("\n"):
            words = row.split()
            if words[1:2] == ["FLOCK"] and file in words and words[4].isdigit():
                return int(words[4])
        return 0

    def others(self, mine: str) -> "list[tickets.Ticket]":
        """Return all tickets that count, but for *mine*; remove those of ours that do not."""
        found = []
        for name in os.listdir(self.path):
            found_name = _NAME.match(name)
            if found_name is None or name == mine:
                continue
            one = self._read(name, int(found_name.group(1)))
            if one is not None and self._counts(one):
                found.append(one)
            elif one is not None and one.uid == os.geteuid():
                self.remove(one.name)
        return found

    def add(self, ticket: tickets.Ticket) -> int:
        """Make the file of a ticket; return the descriptor that holds its lock.

        Raises:
            OSError: It cannot be made; nothing is left of it.
        """
        random = binascii.hexlify(os.urandom(8)).decode("ascii")
        ticket.name = PREFIX + str(ticket.number) + "-" + random
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(os.path.join(self.path, ticket.name), flags, 0o600)
        try:
            # First the lock, then the bytes, then everybody may look.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder.write_all(fd, ticket.encode())
            os.fchmod(fd, 0o644)
        except OSError:
            self.remove(ticket.name)
            os.close(fd)
            raise
        return fd

    def remove(self, name: str) -> None:
        """Remove a ticket, where it is ours."""
        try:
            os.unlink(os.path.join(self.path, name))
        except OSError:
            return

    def _read(self, name: str, number: int) -> "tickets.Ticket | None":
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            fd = os.open(os.path.join(self.path, name), flags)
        except OSError:
            return None
        try:
            status = os.fstat(fd)
            data = os.read(fd, _MOST_BYTES) if stat.S_ISREG(status.st_mode) else b""
            held = _is_locked(fd)
        except OSError:
            return None
        finally:
            os.close(fd)
        one = tickets.parse(data)
        if one is not None:
            one.name, one.number, one.uid = name, number, status.st_uid
            # Anybody can lock what anybody may read.
            one.held = held and not self._is_dead(one)
        return one

    def _is_dead(self, one: tickets.Ticket) -> bool:
        """Whether a ticket's supervisor is known to be dead."""
        if one.about.get("namespace") != self.namespace or not kernel.shows_strangers():
            return False
        return not kernel.alive(*one.process("supervisor"))

    def _counts(self, one: tickets.Ticket) -> bool:
        """Whether a ticket is somebody's; after its supervisor's death while its job lives."""
        if one.about.get("boot") != self.boot:
            return False
        if one.held or one.state != tickets.HOLDING:
            return one.held
        place = account.folder_at(one.about.get("job", "/"))
        if one.uid == os.geteuid() and place.there:
            return place.end() is None
        return _session_lives(one.about.get("session", ""))


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _session_lives(session: str) -> bool:
    rows = kernel.processes().values()
    return any(str(row.session) == session and row.alive for row in rows)


def _hold_up(lock: int) -> int:
    """Start a child that waits for a lock for us and ends; return its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        command.close_all_but(lock)
        kernel.default_signals()
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os._exit(0)
