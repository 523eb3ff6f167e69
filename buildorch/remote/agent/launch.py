"""The supervisors of one link: each below its keeper, in a session of their own: they outlive us.

A supervisor sees to one job at a time. To make one costs more than a short job does, so one whose
job has left nothing behind takes the next; it ends with the link, or when it is idle for long.
"""

import array
import os
import signal
import socket
import time

from buildorch.remote.agent import account, command, folder, keeper, limits, supervisor, sweeper

#: Seconds after which a supervisor without a job is let go.
IDLE = 5.0
#: How many are kept for further jobs; each keeps a descriptor of ours.
MOST = 32
_LONGEST = 1 << 16


def orphan(work: "Work", *kept: int) -> None:
    """Run *work* in a process of its own session that is not our child."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            command.close_all_but(*kept)
            os.chdir("/")
            work()
    finally:
        os._exit(0)


def sweep(place: folder.Folder) -> None:
    """Start the sweeper of a job whose supervisor is dead, unless another one is at it."""
    lock = place.take()
    if lock is None:
        if not place.whole:  # nothing is there that could be held: two at it do no harm
            orphan(lambda: sweeper.sweep(place))
        return
    if place.end() is None:
        orphan(lambda: sweeper.sweep(place), lock)
    os.close(lock)


class Post:
    """One supervisor, as the agent sees it.

    Attributes:
        channel: Our end of what we speak over.
        ident: The job whose launch it has not answered yet, or None.
        free_since: Monotonic time since which it has had no job; None while it has one.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.ident = None  # type: str | None
        self.free_since = None  # type: float | None

    def give(self, words: "list[str]", lock: int) -> bool:
        """Give it a job: the order, the descriptor with the lock; return False if it is dead."""
        # Before it has it: whatever becomes of it, somebody waits for an answer.
        self.ident, self.free_since = words[0], None
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lock]))]
        try:
            self.channel.sendmsg([" ".join(words).encode("ascii")], passed)
        except OSError:
            return False
        return True

    def hear(self) -> "str | None":
        """Return what it says; None where it is dead."""
        try:
            text = self.channel.recv(_LONGEST)
        except OSError:
            return None
        return text.decode("utf-8", "replace") if text else None


class Supervisors:
    """All that are there for this link.

    Args:
        state: Where the jobs are.
        world: What the account gave us.
    """

    def __init__(self, state: account.State, world: command.World) -> None:
        self._state = state
        self._world = world
        self._posts = {}  # type: dict[int, Post]

    @property
    def ends(self) -> "list[int]":
        """The descriptors on which they speak."""
        return list(self._posts)

    @property
    def launching(self) -> "list[str]":
        """The jobs whose launches are not answered yet."""
        return [post.ident for post in self._posts.values() if post.ident is not None]

    def take_on(self, words: "list[str]", lock: int) -> None:
        """Have a supervisor see to a job, and keep its lock for life.

        Args:
            words: The order.
            lock: Descriptor with the lock; ours is closed.
        """
        for post in [one for one in self._posts.values() if one.free_since is not None]:
            if post.give(words, lock):
                break
            self._drop(post)
        else:
            self._make().give(words, lock)
        os.close(lock)

    def heard(self, fd: int) -> "tuple[str | None, str | None]":
        """Return what one says of a launch: the job and the answer, None where there is none."""
        post = self._posts[fd]
        text, ident = post.hear(), post.ident
        post.ident = None
        if text is None:
            self._drop(post)
        elif text == supervisor.FREE:
            post.free_since = time.monotonic()
        elif len(self._posts) > MOST:
            # It goes on without us, and ends with its job.
            self._drop(post)
        return ident, text

    def look(self) -> None:
        """Let those go that have had nothing to do for long."""
        until = time.monotonic() - IDLE
        for post in list(self._posts.values()):
            if post.free_since is not None and post.free_since < until:
                self._drop(post)
        _reap()

    def _drop(self, post: Post) -> None:
        del self._posts[post.channel.fileno()]
        post.channel.close()

    def _make(self) -> Post:
        """Make one, below a keeper of its own."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                keeper.keep(self._state, lambda post: self._serve(theirs, post))
            finally:
                os._exit(0)
        theirs.close()
        made = self._posts[ours.fileno()] = Post(ours)
        return made

    def _serve(self, channel: socket.socket, kept: keeper.Kept) -> None:
        """Be a supervisor: take one job after the other."""
        command.close_all_but(channel.fileno(), *kept.ends)
        os.chdir("/")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        order, lock = _receive(channel)
        while order is not None:
            place = self._state.folder(order.ident)
            kept.note(order.ident)
            one = supervisor.Supervisor(place, order, self._world, kept.by)
            if not one.run(lambda text: _tell(channel, text), lock):
                return
            kept.note("")
            _tell(channel, supervisor.FREE)
            order, lock = _receive(channel)


def _receive(channel: socket.socket) -> "tuple[limits.Order | None, int]":
    """Wait for the next order, and the lock that comes with it; None when nobody is there."""
    size = socket.CMSG_SPACE(array.array("i").itemsize)
    try:
        text, passed, _, _ = channel.recvmsg(_LONGEST, size, socket.MSG_CMSG_CLOEXEC)
    except OSError:
        text = b""
    if not text:
        return None, -1
    fds = array.array("i")
    for _, _, data in passed:
        fds.frombytes(data)
    return limits.Order(text.decode("ascii").split(" ")), fds[0]


def _tell(channel: socket.socket, text: str) -> None:
    """Answer the agent, if it still lives."""
    try:
        channel.send(text.encode("utf-8", "replace")[:_LONGEST])
    except OSError:
        return


def _reap() -> None:
    """Let go of the keepers that have left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[], None]
