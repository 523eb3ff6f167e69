"""A run in this process on one real host, under an account of its own, with its witnesses.

What a job did is read from what it wrote itself on the host, past everything of ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import attrs
from hosts import processes
from hosts.bed import Bed
from hosts.commands import wait_for
from hosts.host import Host

from buildorch import Config, Pipeline, RunResult, Stage, events, parallel
from buildorch.api import Options, RunHandle, reopened, start
from buildorch.backends.ssh import SshBackend
from buildorch.events import Recorded
from buildorch.model import Channel, Defaults
from buildorch.runner.journal import Observer
from buildorch.testing import EventLog
from buildorch.view import RunView
from faults.moments import Moments
from faults.network import Wire

#: Notes its start, says something, goes on saying so until it may end, then makes its artifact.
HELD = """\
echo "$BUILDORCH_STAGE $BUILDORCH_ATTEMPT $$" >>"$HOME/trace"
number=0
while [ "$number" -lt 200 ]; do number=$((number + 1)); echo "line $number"; done
while [ ! -e "$HOME/go" ]; do echo "held"; sleep 0.05; done
head -c 3000000 /dev/urandom >"$HOME/out.bin"
echo "the end"
"""

#: Notes its start, and waits in silence.
SILENT = """\
echo "$BUILDORCH_STAGE $BUILDORCH_ATTEMPT $$" >>"$HOME/trace"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
echo "the end"
"""

_QUICK_SSH = "Host *\n    ConnectTimeout 1\n"


@attrs.define
class Scene:
    """One server of the configuration, `one`, and runs on it.

    Attributes:
        host: Its host.
        user: Its account there.
        shell: Name of its login shell.
        folder: Where everything of this machine is kept.
        config: The configuration.
        backend: Reaches the server.
        seen: Every event.
        watchers: Other observers of its runs.
        sent: The texts of all messages, as the channel `here` got them.
        more: Other options of its runs.
    """

    host: Host
    user: str
    shell: str
    folder: Path
    config: Config
    backend: Moments
    seen: EventLog = attrs.field(factory=EventLog)
    watchers: list[Observer] = attrs.field(factory=list)
    sent: list[str] = attrs.field(factory=list)
    more: dict[str, Any] = attrs.field(factory=dict)
    _handles: list[RunHandle] = attrs.field(factory=list)
    _mounts: list[str] = attrs.field(factory=list)

    @property
    def wire(self) -> Wire:
        """The network of the host."""
        return Wire(self.host)

    @property
    def home(self) -> Path:
        """The account's home folder as seen from here."""
        return self.host.home(self.user)

    @property
    def work(self) -> Path:
        """A folder of the account outside of its home, as seen from here."""
        return self.host.folder / "workspace" / self.user

    def workspace(self) -> str:
        """Make that folder, and return its path on the host."""
        self.host.run(f"mkdir -p /workspace/{self.user}; chown {self.user}: /workspace/{self.user}")
        return f"/workspace/{self.user}"

    def mount(self, what: str, folder: str) -> None:
        """Mount something on a folder of the host; it goes with the scene."""
        self.host.run(f"mkdir -p {folder}; mount {what} {folder}")
        self._mounts.append(folder)

    # Runs.

    @property
    def options(self) -> Options:
        """How its runs are driven."""
        plain = Options(
            config=self.config,
            backends={"ssh": self.backend},
            observers=[self.seen, *self.watchers],
            results=self.folder / "results",
            home=self.folder / "state",
            notifiers={"here": self.sent.append},
            kill_grace=2.0,
        )
        return attrs.evolve(plain, **self.more)

    def start(self, *stages: Stage) -> RunHandle:
        """Start a pipeline of these stages, all at once; it is ended with the scene."""
        self._handles.append(start(Pipeline("p", parallel(*stages)), self.options))
        return self._handles[-1]

    def resume(self) -> RunHandle:
        """Go on with the last run."""
        self._handles.append(RunHandle(reopened("last", self.options)))
        return self._handles[-1]

    def finish(self, handle: RunHandle, seconds: float = 30.0) -> RunResult:
        """Return the result of a run that ends in time."""
        result = handle.wait(seconds)
        assert result is not None, f"not ended within {seconds:g} s: {self.seen.records}"
        return result

    def run(self, *stages: Stage, seconds: float = 30.0) -> RunResult:
        """Run a pipeline of these stages to its end."""
        return self.finish(self.start(*stages), seconds)

    def until(self, kind: type[Any], seconds: float = 20.0, **fields: object) -> Any:
        """Return the first event of a kind with these fields, as soon as it is there."""
        wait_for(lambda: self.told(kind, **fields), f"{kind.kind} {fields}", seconds)
        return self.told(kind, **fields)[0]

    def told(self, kind: type[Any], **fields: object) -> list[Any]:
        """Return the events of a kind with these fields."""
        known = {record.seq: record.event for record in list(self.seen.records)}
        return [  # a controller that resumes shows again what was stored before it
            event
            for event in known.values()
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def close(self) -> None:
        """Leave what still runs, and end what it left on the host."""
        for handle in self._handles:
            handle.detach()
        for handle in self._handles:
            with contextlib.suppress(Exception):
                handle.wait(20)
        if self.host.init is None:
            return
        wait_for(self._end_all, "nothing of the account runs")
        for folder in reversed(self._mounts):
            self.host.run(f"umount -l {folder}", check=False)

    # Witnesses.

    def go(self) -> None:
        """Let held commands end."""
        (self.home / "go").touch()

    @property
    def traces(self) -> list[tuple[str, int, int]]:
        """What the commands noted at their starts: stage, attempt, pid on the host."""
        path = self.home / "trace"
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [(stage, int(attempt), int(pid)) for stage, attempt, pid in words]

    def await_trace(self, number: int = 1) -> tuple[str, int, int]:
        """Return what the command noted that starts as this one, once it has."""
        wait_for(lambda: len(self.traces) >= number, f"start {number} of a command", 20)
        return self.traces[number - 1]

    def assert_ran(self, *starts: tuple[str, int]) -> None:
        """Fail unless exactly these attempts of stages were started, each once."""
        assert Counter(starts) == Counter((stage, attempt) for stage, attempt, _ in self.traces)

    def alive(self) -> list[int]:
        """Return the processes of the account as seen from here, but those of its connections."""
        uid = self.home.stat().st_uid
        return [
            pid
            for pid in self.host.pids()
            if processes.owner_of(pid) == uid
            and processes.name_of(pid) != "sshd"
            and state_of(Path(f"/proc/{pid}")) not in ("", "Z")
        ]

    def _end_all(self) -> bool:
        left = self.alive()
        processes.signal_each(left, signal.SIGKILL)
        return not left

    def job_folder(self, end: str = ".0.1.1") -> Path:
        """Return the folder of a job on the host, as seen from here."""
        (path,) = self.state_dir.glob(f"jobs/*{end}")
        return path

    @property
    def state_dir(self) -> Path:
        """The folder of the server part on the host, as seen from here."""
        return self.host.path(self.backend.server_facts.state_dir)

    def supervisor(self, end: str = ".0.1.1") -> int:
        """Return the number of a job's supervisor on the host."""
        lines = (self.job_folder(end) / "id").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("supervisor")))

    def assert_whole(self, end: str = ".0.1.1", attempt: int = 1) -> None:
        """Fail unless the collected log of the first stage is that of the host, by SHA-256."""
        stage = self.told(events.StepLaunching)[0].stage
        there = (self.job_folder(end) / "log").read_bytes()
        here = (self.folder / "results/latest" / stage / f"attempt-{attempt}.log").read_bytes()
        assert sha256(there) == sha256(here), f"{len(there)} bytes there, {len(here)} here"

    def messages(self, topic: str) -> list[events.NotificationDue]:
        """Return the messages of a topic."""
        return self.told(events.NotificationDue, topic=topic)


def state_of(process: Path) -> str:
    """Return the state letter of a process by its folder in /proc; empty where it is gone."""
    try:
        return (process / "stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""


def sha256(data: bytes) -> str:
    """Return the checksum of bytes."""
    return hashlib.sha256(data).hexdigest()


def stage(name: str = "image", command: str = HELD, **options: Any) -> Stage:
    """Return a stage on `one`."""
    return Stage(name=name, server=options.pop("server", "one"), command=command, **options)


@attrs.frozen
class At:
    """An observer that does something as soon as an event of a kind is stored."""

    kind: type[Any]
    do: Callable[[], object]

    def see(self, _: RunView, record: Recorded) -> None:
        """Do it, if it is time."""
        if isinstance(record.event, self.kind):
            self.do()


class MakeScene(Protocol):
    """Makes the scene of a test; its arguments are fields of its server."""

    def __call__(self, **server: Any) -> Scene:
        """Make it."""


@contextlib.contextmanager
def open_scene(bed: Bed, folder: Path, **server: Any) -> Iterator[Scene]:
    """Give a scene on the first host, under a new account; *server* are fields of the server."""
    host, user = bed.hosts[0], f"u{secrets.token_hex(4)}"
    shell = server.pop("login_shell", "/bin/bash")
    host.add_user(user, shell)
    ssh_config = folder / "ssh_config"
    first = server.pop("ssh", "")
    ssh_config.write_text(first + _QUICK_SSH + (bed.client / "ssh_config").read_text())
    fields = {"name": "one", "user": user, "ssh_config": str(ssh_config), "slots": 100, **server}
    scene = Scene(
        host,
        user,
        shell.rpartition("/")[2],
        folder,
        Config(
            servers={"one": host.server(**fields)},
            channels={"here": Channel(name="here", enabled=True)},
            defaults=Defaults(parallel_limit=100),
        ),
        Moments(SshBackend()),
    )
    try:
        yield scene
    finally:
        scene.close()
