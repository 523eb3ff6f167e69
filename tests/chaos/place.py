"""One host of a story: its program, its witness, and what of the account must stay as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hosts import processes
from hosts.commands import BedError, wait_for
from hosts.host import Host

from chaos.evidence import Ran, read_witness

_PROGRAM = Path(__file__).with_name("program.sh").read_text(encoding="utf-8")
_PYTHON = "/usr/bin/python3"
_USER = "build"

#: A process of the account's own that looks like a job's command.
_BYSTANDER = "echo $$\nexec >/dev/null 2>&1\nwhile :; do sleep 3; done\n"

#: The account's folder of jobs.
STATE = "/home/build/.local/state/buildorch"

#: Lists all files of the account but those of the state folder, as far as they say who changed.
_LISTING = (
    r"find /home/build /tmp /workspace/mine -path /home/build/.local -prune -o -type f "
    r"-printf '%p %s %T@ %m\n' | sort"
)


class Place:
    """A host that is ready for a story.

    Args:
        host: The host.
        part: `python` or `sh`.
        small: Whether its jobs lie on a disk of a few MiB.
        latency: Milliseconds that a packet takes.
    """

    def __init__(self, host: Host, part: str, *, small: bool = False, latency: int = 0) -> None:
        self.host = host
        self.name = host.name
        self._part = part
        self._small = small
        self.latency = latency
        self._bystander = 0
        self.rebooted = False

    def prepare(self) -> None:
        """Put the program there, a file and a process of the account's own, and look around."""
        workspace = self.host.folder / "workspace"
        (workspace / "program.sh").write_text(_PROGRAM, encoding="utf-8")
        self.host.run("mkdir -p work mine && echo mine >mine/file", user=_USER)
        self.host.run(f"cd /workspace && mkdir -p work mine && chown {_USER} work mine")
        self.host.run("echo mine >/workspace/mine/file", user=_USER)
        self.arm()
        self.host.network.delay(self.latency)
        if self._small:
            self.host.run(f"mkdir -p {STATE}", user=_USER)
            self.host.run(f"mount -t tmpfs -o size=3m,mode=700 small {STATE}")
            self.host.run(f"chown {_USER}: {STATE}")
        # Its name, its arguments and its folder are those of a job's command.
        start = "cd /workspace/work && BUILDORCH_STAGE=s0 exec sh /workspace/bystander.sh"
        (workspace / "bystander.sh").write_text(_BYSTANDER)
        self._bystander = int(self.host.run(f"setsid sh -c '{start}' &", user=_USER).split()[0])
        self.before = self._listing()

    def arm(self) -> None:
        """Take what the story takes from the host; a boot gives it back."""
        if self._part == "sh":
            self.host.hide(_PYTHON)

    def _listing(self) -> set[str]:
        return set(self.host.run(_LISTING).splitlines())

    @property
    def touched(self) -> list[str]:
        """What of the account's files is not as it was."""
        gone = {line for line in self.before if self.rebooted and line.startswith("/tmp/")}
        return sorted((self.before - gone) ^ self._listing())

    @property
    def bystander_lives(self) -> bool:
        """Whether the account's own process still lives, or went with a reboot."""
        return self.rebooted or "bystander" in self.command_of(self._bystander)

    def command_of(self, pid: int) -> str:
        """Return the command line of a process by its number there; empty where it is gone."""
        with contextlib.suppress(OSError):
            line = self.host.path(f"/proc/{pid}/cmdline").read_bytes()
            return line.replace(b"\0", b" ").decode(errors="replace").strip()
        return ""

    @property
    def ran(self) -> list[Ran]:
        """What commands wrote down here."""
        path = self.host.folder / "workspace/witness"
        return read_witness(self.name, path.read_text() if path.exists() else "")

    @property
    def running(self) -> list[Ran]:
        """The commands that run now."""
        if self.host.init is None:
            return []
        return [
            one
            for one in self.ran
            if one.end is None and "/workspace/program.sh" in self.command_of(one.pid)
        ]

    @property
    def jobs(self) -> Path:
        """The folder of job folders as seen from here."""
        return self.host.path(f"{STATE}/jobs")

    def field(self, job: str, name: str) -> str:
        """Return a field of the record of a running job's identity; empty where there is none."""
        with contextlib.suppress(OSError):
            for line in (self.jobs / job / "id").read_text().splitlines():
                if line.startswith(f"{name} "):
                    return line.partition(" ")[2]
        return ""

    def kill(self, pid: int) -> bool:
        """Kill a process by its number there; returns whether it was there, and is gone."""
        try:
            self.host.run(f"kill -9 {pid}")
        except BedError:
            return False
        with contextlib.suppress(BedError):
            wait_for(lambda: not self.command_of(pid), f"{pid} is gone", 2)
        return not self.command_of(pid)

    def agents(self) -> list[int]:
        """Return what sshd has started for the account, as seen from here."""
        return [pid for pid in self._of_users() if _parent_name(pid) == "sshd"]

    def _of_users(self) -> list[int]:
        found = [pid for pid in self.host.pids() if (processes.owner_of(pid) or 0) >= 2001]
        return [pid for pid in found if processes.name_of(pid) != "sshd"]

    def left(self) -> list[str]:
        """Return what the account still runs but its own process and what serves a link."""
        agents = set(self.agents())
        mine = {pid for pid in self._of_users() if "bystander" in processes.command_of(pid)}
        excused = agents | mine
        return [
            f"{processes.command_of(pid)[:150]}"
            for pid in self._of_users()
            if pid not in excused
            and not excused & set(_ancestors(pid))
            and processes.command_of(pid)
        ]

    def clean(self) -> None:
        """End and remove all that the story left."""
        self.host.restore()
        self.host.end_user_processes()
        self.host.run(f"umount -l {STATE}", check=False)
        self.host.run("rm -rf /workspace/* /home/build/.local /home/build/mine /home/build/work")
        self.host.run("rm -rf /tmp/*")


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _parent_name(pid: int) -> str:
    return processes.name_of(_parent(pid))


def _ancestors(pid: int) -> Iterator[int]:
    while (pid := _parent(pid)) > 1:
        yield pid
