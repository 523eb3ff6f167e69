"""Starting the job's own process: in the account's world, not in the agent's."""

import os
import select
import signal
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
        bash: Path of the bash that may read the jobs' scripts; None where there is none.
    """

    def __init__(self, umask: int, environment: "dict[bytes, bytes]", home: str) -> None:
        self.umask = umask
        self.environment = environment
        self.home = home
        self.bash = _bash(environment)


#: What makes bash read a file first, tell what it reads, or take functions for our commands.
_HAZARDS = (b"BASH_ENV", b"SHELLOPTS", b"BASHOPTS", b"POSIXLY_CORRECT")
_FUNCTION = b"BASH_FUNC_"


def _bash(environment: "dict[bytes, bytes]") -> "str | None":
    """Return the first bash of the account's PATH, where it would do nothing of its own."""
    if any(name in _HAZARDS or name.startswith(_FUNCTION) for name in environment):
        return None
    for path in os.fsdecode(environment.get(b"PATH", b"")).split(":"):
        found = os.path.join(path, "bash")
        if path.startswith("/") and os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    return None


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
    """The job's first process: started, in a session of its own, and waiting until it is let go.

    Args:
        place: The job's folder.
        world: What the account gave us.
        entry: The marker in its environment.
        bash: Whether bash may read the script.

    Raises:
        Refused: It cannot be started.
    """

    def __init__(self, place: folder.Folder, world: World, entry: bytes, bash: bool) -> None:
        shell = (bash and world.bash) or SH
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        log = os.open(place.at("log"), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        gate, self._gate = os.pipe()
        try:
            mask = ("%03o" % world.umask).encode("ascii")
            # What bash has to say of the account's locale is not of the command.
            ends = (gate, log, null)
            words = [os.fsencode(place.at("enter")), b"run", mask]
            self.pid = _start(shell, world, entry, words, ends)
        except OSError as error:
            os.close(self._gate)
            raise folder.Refused("state", SH + ": " + (error.strerror or str(error)))
        finally:
            for fd in (gate, log, null):
                os.close(fd)
        row = kernel.process(self.pid)
        self.start = row.start if row is not None else 0

    def release(self) -> None:
        """Let it run: from now on it may have effects."""
        try:
            os.write(self._gate, _WORD)
        except OSError:
            return  # it was killed while it waited: that is its end
        finally:
            os.close(self._gate)

    def drop(self) -> None:
        """Let it end without having done anything."""
        os.close(self._gate)


SH = "/bin/sh"
#: What lets a process go that waits for it.
_WORD = b"go\n"


def _start(
    shell: str,
    world: World,
    entry: bytes,
    words: "list[bytes]",
    ends: "tuple[int, int, int]",
) -> int:
    """Start the job's script in the account's world, and return its number.

    Args:
        shell: What reads it; SH does where that cannot be started.
        world: What the account gave us.
        entry: The marker in its environment.
        words: The script, and what it shall do.
        ends: Descriptors for its standard three; on the first it waits for its word.

    Raises:
        OSError: It cannot be started.
    """
    line = words[:1] + [b"wait", os.fsencode(world.home)] + words[1:]
    environment = dict(world.environment)
    name, _, value = entry.partition(b"=")
    environment[name] = value
    try:
        return _become(shell, [os.fsencode(shell)] + line, environment, ends)
    except OSError:
        if shell == SH:
            raise
    return _become(SH, [os.fsencode(SH)] + line, environment, ends)


def _become(
    program: str,
    line: "list[bytes]",
    environment: "dict[bytes, bytes]",
    ends: "tuple[int, int, int]",
) -> int:
    """Start a program in a session of its own, and return its number."""
    if hasattr(os, "posix_spawn"):  # since 3.8, and much quicker than a fork of a whole python
        actions = [(os.POSIX_SPAWN_DUP2, ends[number], number) for number in range(3)]
        try:
            return os.posix_spawn(
                *(program, line, environment),
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=[one for one in signal.valid_signals() if _is_ignored(one)],
            )
        except NotImplementedError:
            pass  # an old C library cannot make sessions so
    return _fork(program, line, environment, ends)


def _is_ignored(number: int) -> bool:
    """Return whether a program that we become would find a signal ignored."""
    return signal.getsignal(number) == signal.SIG_IGN


def _fork(
    program: str,
    line: "list[bytes]",
    environment: "dict[bytes, bytes]",
    ends: "tuple[int, int, int]",
) -> int:
    """Start a program as `posix_spawn` would."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            close_all_but(*ends)
            for number in range(3):
                os.dup2(ends[number], number)
            os.closerange(3, _MOST_DESCRIPTORS)
            kernel.default_signals()
            try:
                os.execve(program, line, environment)  # noqa: S606 - no shell is the point
            except OSError:
                os.execve(SH, line, environment)  # noqa: S606 - nor is it here
        finally:
            os._exit(127)
    return pid


def check_space(place: folder.Folder, world: World, entry: bytes, least: int) -> None:
    """Return quietly where *least* bytes are free in the job's folder to work in.

    Raises:
        Refused: They are not, with the numbers.
    """
    answer, output = os.pipe()
    gate, word = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.write(word, _WORD)
    try:
        script, kib = os.fsencode(place.at("enter")), str(least // 1024).encode("ascii")
        pid = _start(SH, world, entry, [script, b"space", kib], (gate, output, null))
    except OSError as error:
        os.close(answer)
        raise folder.Refused("state", SH + ": " + (error.strerror or str(error)))
    finally:
        for fd in (output, gate, word, null):
            os.close(fd)
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
