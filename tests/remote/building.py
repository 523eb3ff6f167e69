"""A build folder of bitbake's stand-in on some machine, and what has run there."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from contract.place import Connects, Place
from contract.ssh_place import HostMachine
from contract.talk import wait_until
from hosts.host import Host

from buildorch.backends.ssh import SshBackend
from remote.machines import ShellBackend, environment, machine

_STUBS = Path(__file__).parents[1] / "day/stubs"
_PROGRAMS = {
    "bitbake": "bitbake.py",
    "bitbake_server.py": "bitbake_server.py",
    "knotty.py": "knotty.py",
    "witness.py": "witness.py",
}


@attrs.frozen
class BuildFolder:
    """One build folder.

    Attributes:
        place: Where it is.
        path: The folder there.
        task: The command line of its tasks, which no other folder has.
    """

    place: Place
    path: str
    task: str

    @classmethod
    def on(cls, place: Place) -> BuildFolder:
        """Install the stand-in on a place."""
        folder = cls(place, f"{place.folder}/build", f"sleep 70.{secrets.randbelow(10**9)}1")
        run = place.machine.run
        run(f"mkdir -p {folder.path} {folder.path}/../bin")
        for name, stub in _PROGRAMS.items():
            folder.write(f"../bin/{name}", (_STUBS / stub).read_text(encoding="utf-8"))
        run(f"chmod 755 {folder.path}/../bin/*")
        folder.turn()
        return folder

    def keep_name(self) -> None:
        """Let servers be called as their clients are, as those of older releases."""
        text = (_STUBS / "bitbake.py").read_text(encoding="utf-8")
        self.place.machine.run(f"mkdir {self.path}/../bin/server")
        old, new = '.with_name("bitbake_server.py")', '.parent / "server/bitbake"'
        self.write("../bin/bitbake", text.replace(old, new))
        for name, stub in {"bitbake": "bitbake_server.py", "witness.py": "witness.py"}.items():
            self.write(f"../bin/server/{name}", (_STUBS / stub).read_text(encoding="utf-8"))

    @property
    def env(self) -> dict[str, str]:
        """What a client needs."""
        path = f"{self.path}/../bin:/usr/local/bin:/usr/bin:/bin"
        return {"BUILDDIR": self.path, "PATH": path, "LC_ALL": "C.UTF-8"}

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder."""
        self.place.machine.run(f"cat >{self.path}/{name} <<'END_OF_FILE'\n{text}\nEND_OF_FILE")

    def turn(self, **knobs: str) -> None:
        """Set knobs; by default 6 tasks run until they are killed."""
        usual = {"tasks": "6", "tasksecs": self.task.split()[1], "noreply": "0.5", "alive": "1"}
        self.write("stub.conf", "".join(f"{k}={v}\n" for k, v in {**usual, **knobs}.items()))

    def run(self, command: str) -> None:
        """Let somebody start *command* by hand, who does not wait for it."""
        env = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.env.items())
        text = f"env {env} setsid sh -c {shlex.quote(command)}"
        self.place.machine.run(f"{text} </dev/null >>{self.path}/by-hand 2>&1 &")

    def start_server(self) -> int:
        """Let somebody leave an idle server, which lives until it is ended; returns its number."""
        self.turn(tasks="0")
        self.run("BB_SERVER_TIMEOUT=600 bitbake nothing")
        wait_until(lambda: self.noted("client-end"), "the server is idle")
        self.turn()
        server = self.server
        assert server is not None
        return server

    def build_by_hand(self, **knobs: str) -> int:
        """Let somebody build, and return the number of the server once its tasks run."""
        self.turn(**knobs)
        self.run("bitbake theirs")
        wait_until(lambda: self.noted("client-start") and self.tasks, "somebody builds")
        server = self.server
        assert server is not None
        return server

    def interrupt(self, client: int) -> None:
        """Let the one who builds by hand stop: ask, and when that was heard ask again."""
        run = self.place.machine.run
        run(f"kill -INT {client}")
        heard = f"grep -c 'closing down' {self.path}/by-hand || :"
        wait_until(lambda: run(heard).strip() != "0", "the client has heard")
        run(f"kill -INT {client}")

    @property
    def server(self) -> int | None:
        """The living process that the lock names, or None where the lock is free."""
        text = f"flock -n {self.path}/bitbake.lock true || cat {self.path}/bitbake.lock"
        return int(self.place.machine.run(text).strip() or 0) or None

    @property
    def tasks(self) -> int:
        """How many tasks run."""
        return self.place.machine.commands().count(self.task)

    def runs(self, command: str) -> bool:
        """Return whether a process runs that a script's interpreter or *command* is."""
        return any(line.endswith(command) for line in self.place.machine.commands())

    def noted(self, what: str) -> list[dict[str, Any]]:
        """Return what clients and servers noted of one kind."""
        text = self.place.machine.run('cat "$HOME"/witness/bitbake.log 2>/dev/null || :')
        notes = [json.loads(line) for line in text.splitlines()]
        return [note for note in notes if note["what"] == what]

    def end(self) -> None:
        """End what is left, each process by its own number."""
        text = "for p in /proc/[0-9]*; do tr '\\0' ' ' 2>/dev/null <$p/environ |"
        text += f" grep -q 'BUILDDIR={self.path} ' && kill -9 ${{p##*/}}; done; :"
        self.place.machine.run(text)


@contextlib.contextmanager
def build_folder(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[BuildFolder]:
    """Give a build folder on `local-python`, `local-sh`, `ssh-python` or `ssh-sh`."""
    where, part = kind.split("-")
    if where == "local":
        place = machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))
    else:
        place = _on_host(request.getfixturevalue("hosts")[0], part)
    folder = BuildFolder.on(place)
    try:
        yield folder
    finally:
        folder.end()


def _on_host(host: Host, part: str) -> Place:
    user = f"u{secrets.token_hex(4)}"
    host.add_user(user)
    host.run("mkdir law", user=user)
    backend: Connects = SshBackend(prefer=part)
    return Place(
        part, backend, host.server(user=user), HostMachine(host, user), f"/home/{user}/law"
    )
