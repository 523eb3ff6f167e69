"""The folder of all jobs of an account: where they lie, and the fences around a launch."""

import fcntl
import os

from buildorch.remote.agent import folder

#: How the state folder of a machine begins that is not the first one to use a home folder.
OTHERS = "at-"


class State:
    """The folder that holds all jobs of this account."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.jobs = os.path.join(root, "jobs")
        self.ends = os.path.join(root, "ends")
        self.runs = os.path.join(root, "runs")
        self.agents = os.path.join(root, "agents")

    def make(self) -> None:
        """Make what is not there yet."""
        for path in (self.root, self.jobs, self.ends, self.runs, self.agents):
            try:
                os.makedirs(path, 0o700)
            except OSError:
                if not os.path.isdir(path):
                    raise

    def folder(self, ident: str) -> folder.Folder:
        """Return the folder of a job, whether it is there or not."""
        return folder.Folder(os.path.join(self.jobs, ident), os.path.join(self.ends, ident))

    def elsewhere(self, ident: str) -> "str | None":
        """Return the state folder of another machine that shares ours and has the job, or None."""
        above, name = os.path.split(self.root)
        shared = above if name.startswith(OTHERS) else self.root
        try:
            roots = [shared] + [
                os.path.join(shared, name) for name in os.listdir(shared) if name.startswith(OTHERS)
            ]
        except OSError:
            return None
        for root in roots:
            place = State(root).folder(ident)
            if root != self.root and (place.there or place.launched):
                return root
        return None

    def lock_run(self, ident: str) -> int:
        """Return a descriptor of the file of a job's run, with its lock.

        All launches and tombstones of a run happen under it, of both server parts.
        """
        path = os.path.join(self.runs, ident.split(".", 1)[0])
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd

    def admit(self, run: int, nonce: str, epoch: int) -> None:
        """Let a launch of a run pass whose file is the descriptor *run*.

        Raises:
            Refused: The launch is another run's, or an older controller's.
        """
        seen = os.read(run, 200).decode("ascii", "replace").split()
        if len(seen) == 2:  # noqa: PLR2004 - nonce and epoch
            if seen[0] != nonce:
                raise folder.Refused("nonce", "this server knows another run of the same id")
            if epoch < int(seen[1]):
                detail = "controller " + seen[1] + " has taken the run over from " + str(epoch)
                raise folder.Refused("epoch", detail)
            if epoch == int(seen[1]):
                return
        os.lseek(run, 0, os.SEEK_SET)
        os.write(run, (nonce + " " + str(epoch)).encode("ascii").ljust(60) + b"\n")


def folder_at(path: str) -> folder.Folder:
    """Return the folder of a job by its path."""
    root = os.path.dirname(os.path.dirname(path))
    return State(root).folder(os.path.basename(path))
