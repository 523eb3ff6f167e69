"""The stand-in programs on their servers, and the witness files of what they did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from acceptance.team import Place, Team
from hosts import processes
from hosts.commands import wait_for

_STUBS = Path(__file__).with_name("stubs")
_MANIFEST = "/workspace/CCU_GEN2.0.manifest"
_HOME = "/home/test/bin"

#: Where each stand-in is installed on h1, h2 and h3.
_INSTALLED = (
    {
        f"{_MANIFEST}/mobis/build.py": "yocto_build.py",
        f"{_MANIFEST}/mobis/witness.py": "witness.py",
        f"{_MANIFEST}/poky/oe-init-build-env": "oe-init-build-env",
        f"{_MANIFEST}/poky/bitbake/bin/bitbake": "bitbake.py",
        f"{_MANIFEST}/poky/bitbake/bin/bitbake_server.py": "bitbake_server.py",
        f"{_MANIFEST}/poky/bitbake/bin/knotty.py": "knotty.py",
        f"{_MANIFEST}/poky/bitbake/bin/witness.py": "witness.py",
    },
    {
        "/workspace/ccu-2.0/build.py": "host_build.py",
        "/workspace/ccu-2.0/witness.py": "witness.py",
    },
    {
        f"{_HOME}/pytest": "board_tests.py",
        f"{_HOME}/witness.py": "witness.py",
        f"{_HOME}/docker": "docker.py",
        f"{_HOME}/sudo": "sudo.sh",
        f"{_HOME}/rack": "rack.sh",
    },
)
_TESTS = "/workspace/integration-tests"

#: Times are shorter than the programs' own: a test waits for nothing.
_QUICK = (
    (f"{_MANIFEST}/build/stub.conf", {"tasks": "20", "tasksecs": "0.1"}),
    ("/workspace/ccu-2.0/stub.conf", {"steps": "10", "step": "0.05"}),
    (f"{_TESTS}/stub.conf", {"step": "0.02"}),
)


@attrs.frozen
class Span:
    """One run of a command, by its own notes; `end` and `code` are None while it runs."""

    what: str
    start: float
    end: float | None = None
    code: int | None = None


@attrs.frozen
class Crew:
    """What the team's servers really run in this day.

    Attributes:
        team: The servers.
    """

    team: Team

    def install(self) -> None:
        """Put every stand-in in its place."""
        for place, programs in zip(self.team.places, _INSTALLED, strict=True):
            for there, stub in programs.items():
                text = (_STUBS / stub).read_text(encoding="utf-8")
                place.write(there, text, mode=0o755)
            place.host.run("rm -rf /home/*/witness /home/*/rack /home/*/docker")
            self.turn(place)
            place.own()

    def turn(self, place: Place, **knobs: str) -> None:
        """Set knobs of the programs on one server."""
        there, quick = _QUICK[list(self.team.places).index(place)]
        place.write(there, "".join(f"{key}={value}\n" for key, value in {**quick, **knobs}.items()))

    def spans(self) -> Iterator[Span]:
        """Yield every command that started, from all servers' `runs.log`."""
        for place in self.team.places:
            known: dict[str, Span] = {}
            for line in self._witness(place, "runs.log"):
                at, what, kind, pid, *rest = line.split()
                if kind == "start":
                    known[pid] = Span(what, float(at))
                else:
                    code = int(rest[0].removeprefix("rc="))
                    known[pid] = attrs.evolve(known[pid], end=float(at), code=code)
            yield from known.values()

    def bitbake(self, what: str) -> list[dict[str, Any]]:
        """Return what bitbake noted of one kind."""
        notes = [json.loads(line) for line in self._witness(self.team.yocto, "bitbake.log")]
        return [note for note in notes if note["what"] == what]

    def by_hand(self, command: str, **variables: str) -> None:
        """Let somebody start bitbake on h1 in the team's build folder, and not wait for it."""
        place = self.team.yocto
        words = " ".join(f"{name}={value}" for name, value in variables.items())
        enter = f"cd {_MANIFEST}/mobis && . ../poky/oe-init-build-env ../build"
        text = f"export {words} LC_ALL=C.UTF-8; {enter} >/dev/null; exec {command}"
        place.host.run(f"setsid bash -c '{text}' </dev/null >>by-hand.log 2>&1 &", user=place.user)

    def leave_server(self) -> int:
        """Let somebody leave an idle bitbake server on h1; returns its number there."""
        self.turn(self.team.yocto, tasks="0", wic_bytes="1")
        self.by_hand("bitbake nothing", BB_SERVER_TIMEOUT="600")
        wait_for(lambda: self.bitbake("client-end"), "the server is idle")
        server = self.lock_holder()
        assert server is not None
        return server

    def lock_holder(self) -> int | None:
        """Return the number that holds the lock of the build folder, or None where it is free."""
        lock = f"{_MANIFEST}/build/bitbake.lock"
        host = self.team.yocto.host
        return int(host.run(f"flock -n {lock} true || cat {lock}").strip() or 0) or None

    def tasks(self) -> int:
        """Return how many tasks of bitbake run on h1."""
        return sum("sleep" in one for one in self.at_work())

    def at_work(self) -> list[str]:
        """Return the command lines of all that builds on h1: script, client, server, tasks."""
        host = self.team.yocto.host
        uid = self.team.yocto.home.stat().st_uid
        pids = [pid for pid in host.pids() if processes.owner_of(pid) == uid]
        words = ("build.py", "bitbake", "sleep")
        commands = [processes.command_of(pid) for pid in pids]
        return [one for one in commands if any(word in one for word in words)]

    @staticmethod
    def _witness(place: Place, name: str) -> list[str]:
        path = place.home / "witness" / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
