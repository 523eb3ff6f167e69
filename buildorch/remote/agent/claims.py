"""One agent per run and link: a new one ends the one that a lost link has left here.

A claim says who the agent is, and after a while without a word from its client that it is `silent`.
"""

import os
import signal

from buildorch.remote.agent import account, folder, kernel

#: Seconds without a word from the client, which asks for a sign of life every 4 s, after which
#: nobody counts on it any more.
SILENT = 15.0


def is_served(place: folder.Folder, ident: str) -> bool:
    """Return whether the run of a job has an agent on this machine that hears its client."""
    agents = os.path.join(os.path.dirname(os.path.dirname(place.path)), "agents")
    run, boot = ident.split(".", 1)[0] + ".", kernel.boot_id()
    try:
        files = [name for name in os.listdir(agents) if name.startswith(run)]
    except OSError:
        return False
    return any(_serves(os.path.join(agents, name), boot) for name in files)


def _serves(path: str, boot: str) -> bool:
    pid, start = _agent(path, boot)
    if not kernel.alive(pid, start) or (kernel.read_file(path) or b"").endswith(b" silent\n"):
        return False
    # The sh part's agent keeps a file that says when it has heard its client last.
    desk = os.path.join(os.path.dirname(path), "sh-" + str(pid))
    heard = [int(word) for word in (kernel.read_file(os.path.join(desk, "heard")) or b"").split()]
    return heard[1:] != [start] or kernel.clock() - heard[0] < SILENT * 100


def _agent(path: str, boot: str) -> "tuple[int, int]":
    """Return number and start time of the agent that a claim names; zeros for none of this boot."""
    words = (kernel.read_file(path) or b"").decode("ascii", "replace").split()
    if len(words) < 3 or words[2] != boot:  # noqa: PLR2004 - pid, start, boot
        return 0, 0
    return int(words[0]), int(words[1])


class Claims:
    """The runs that this agent serves."""

    def __init__(self, state: account.State, link: str) -> None:
        self._state = state
        self._link = link
        self._boot = kernel.boot_id()
        self._runs = set()  # type: set[str]
        self._heard = kernel.clock()
        self._silent = False

    def hear(self) -> None:
        """Note that the client has said something."""
        self._heard = kernel.clock()
        if self._silent:
            self._tell(silent=False)

    def look(self) -> None:
        """Let nobody count on the client where it has been silent for long."""
        if not self._silent and kernel.clock() - self._heard > SILENT * 100:
            self._tell(silent=True)

    def _tell(self, silent: bool) -> None:
        self._silent = silent
        for run in self._runs:
            path = self._path(run)
            if _agent(path, self._boot)[0] == os.getpid():
                self._write(path)

    def claim(self, ident: str) -> None:
        """Take over the run of the job *ident* from an older agent."""
        run = ident.split(".", 1)[0]
        if run in self._runs:
            return
        self._runs.add(run)
        path = self._path(run)
        pid, start = _agent(path, self._boot)
        if pid and pid != os.getpid():
            kernel.send_signal(pid, start, signal.SIGTERM)
        self._write(path)

    def _path(self, run: str) -> str:
        # Machines that share a home folder must not end each other's agents.
        return os.path.join(self._state.agents, run + "." + self._link + "@" + self._boot[:8])

    def _write(self, path: str) -> None:
        me = kernel.process(os.getpid())
        words = [str(os.getpid()), str(me.start if me else 0), self._boot]
        text = " ".join(words + ["silent"] * self._silent) + "\n"
        try:
            folder.replace_file(path, text.encode("ascii"))
        except OSError:
            return
