"""Starting the job's own process: in the account's world, not in the agent's."""

import os
import select
import time

from buildorch.remote.agent import folder, kernel

#: Seconds that the look at the free space may take: a dead network disk answers never.
SPACE_SECONDS = 20.0
NO_SPACE = 3
_MOST_DESCRIPTORS = 4096


class World:
    """What the account gave us at login, before we changed anything for ourselves.

    Attributes:
        umask: Its mask for new files.
        environment: Its environment, less what belongs to the connection.
        home: Its home folder.
    """

    def __init__(self, umask: int, environment: "dict[bytes, bytes]", home: str) -> None:
        self.umask = umask
        self.environment = environment
        self.home = home


def marker(ident: str, nonce: str) -> bytes:
    """Return the entry that all processes of a job have in their environment."""
    return ("BUILDORCH_JOB=" + ident + "@" + nonce[:16]).encode("ascii")


def close_all_but(*kept: int) -> None:
    """Close what a forked process has inherited, and put nothing on the standard three."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    begin = 3
    for fd in sorted(kept):
        os.closerange(begin, fd)
        begin = max(begin, fd + 1)
    os.closerange(begin, _MOST_DESCRIPTORS)


class Command:
    """The job's first process, forked and waiting until it is let go."""

    def __init__(self, place: folder.Folder, world: World, entry: bytes) -> None:
        self._place = place
        self._world = world
        self._entry = entry
        gate, self._gate = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._gate)
                self._become(gate)
            finally:
                os._exit(127)
        os.close(gate)
        row = kernel.process(self.pid)
        self.start = row.start if row is not None else 0

    def release(self) -> None:
        """Let it run: from now on it may have effects."""
        os.write(self._gate, b"g")
        os.close(self._gate)

    def drop(self) -> None:
        """Let it end without having done anything."""
        os.close(self._gate)

    def _become(self, gate: int) -> None:
        os.setsid()
        if os.read(gate, 1) != b"g":
            os._exit(127)
        log = os.open(self._place.at("log"), os.O_WRONLY | os.O_APPEND)
        close_all_but(log)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        execute(self._place, self._world, self._entry, [b"run"])


def execute(place: folder.Folder, world: World, entry: bytes, words: "list[bytes]") -> None:
    """Become the job's script; *words* say what it shall do."""
    kernel.default_signals()
    os.umask(world.umask)
    enter_home(world.home)
    environment = dict(world.environment)
    name, _, value = entry.partition(b"=")
    environment[name] = value
    script = os.fsencode(place.at("enter"))
    os.execve("/bin/sh", [b"sh", script] + words, environment)  # noqa: S606 - no shell is the point


def enter_home(home: str) -> None:
    """Go to the home folder; to the root where it is missing, which the job's script notices."""
    for path in (home, "/"):
        try:
            os.chdir(path)
        except OSError:
            continue
        return


def check_space(place: folder.Folder, world: World, entry: bytes, least: int) -> None:
    """Return quietly where *least* bytes are free in the job's folder to work in.

    Raises:
        Refused: They are not, with the numbers.
    """
    answer, pipe = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            close_all_but(pipe)
            os.dup2(pipe, 1)
            execute(place, world, entry, [b"space", str(least // 1024).encode()])
        finally:
            os._exit(127)
    os.close(pipe)
    text = _read_until_end(answer, time.monotonic() + SPACE_SECONDS)
    if text is None:
        os.kill(pid, 9)
    status = os.waitpid(pid, 0)[1]
    if text is None:
        raise folder.Refused("state", "the free space could not be read within 20 s")
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NO_SPACE:
        raise folder.Refused("no_space", text.decode("utf-8", "replace").strip())


def _read_until_end(fd: int, until: float) -> "bytes | None":
    text = b""
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            os.close(fd)
            return None
        data = os.read(fd, 4096)
        if not data:
            os.close(fd)
            return text
        text += data
