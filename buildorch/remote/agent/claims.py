"""One agent per run and link: a new one ends the one that a lost link has left here."""

import os
import signal

from buildorch.remote.agent import folder, kernel


def is_served(place: folder.Folder, ident: str) -> bool:
    """Return whether the run of a job has an agent on this machine."""
    agents = os.path.join(os.path.dirname(os.path.dirname(place.path)), "agents")
    run, boot = ident.split(".", 1)[0] + ".", kernel.boot_id()
    try:
        files = [name for name in os.listdir(agents) if name.startswith(run)]
    except OSError:
        return False
    return any(_lives(os.path.join(agents, name), boot) for name in files)


def _lives(path: str, boot: str) -> bool:
    words = (kernel.read_file(path) or b"").decode("ascii", "replace").split()
    if len(words) != 3 or words[2] != boot:  # noqa: PLR2004 - pid, start, boot
        return False
    return kernel.alive(int(words[0]), int(words[1]))


class Claims:
    """The runs that this agent serves."""

    def __init__(self, state: folder.State, link: str) -> None:
        self._state = state
        self._link = link
        self._boot = kernel.boot_id()
        self._runs = set()  # type: set[str]

    def claim(self, ident: str) -> None:
        """Take over the run of the job *ident* from an older agent."""
        run = ident.split(".", 1)[0]
        if run in self._runs:
            return
        self._runs.add(run)
        # Machines that share a home folder must not end each other's agents.
        path = os.path.join(self._state.agents, run + "." + self._link + "@" + self._boot[:8])
        old = (kernel.read_file(path) or b"").decode("ascii", "replace").split()
        if len(old) == 3 and old[2] == self._boot and int(old[0]) != os.getpid():  # noqa: PLR2004 - pid, start, boot
            kernel.send_signal(int(old[0]), int(old[1]), signal.SIGTERM)
        self._write(path)

    def _write(self, path: str) -> None:
        me = kernel.process(os.getpid())
        text = " ".join([str(os.getpid()), str(me.start if me else 0), self._boot]) + "\n"
        try:
            folder.replace_file(path, text.encode("ascii"))
        except OSError:
            return
