"""The team's three servers: their programs, the traces of what ran, and their side of a log."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from hosts import processes
from hosts.host import Host

from acceptance.laptop import Line

_PROGRAM = Path(__file__).with_name("program.py").read_text(encoding="utf-8")

#: What one call of a program does; see `program.py`.
Told = dict[str, Any]


@attrs.frozen
class Ran:
    """One start of a program, in its own words."""

    nonce: str
    run: str
    stage: str
    attempt: str
    pid: int


@attrs.frozen
class Place:
    """One server of the team: its host, its account, and where its program is.

    Attributes:
        host: The host.
        user: Whom jobs run as.
        program: The program's path there.
        workdir: The folder that it is started in.
    """

    host: Host
    user: str
    program: str
    workdir: str

    @property
    def home(self) -> Path:
        """The account's home folder as seen from here."""
        return self.host.home(self.user)

    def path(self, there: str) -> Path:
        """Return a path of the host as seen from here."""
        home, workspace = f"/home/{self.user}/", "/workspace/"
        if there.startswith(home):
            return self.home / there.removeprefix(home)
        return self.host.folder / "workspace" / there.removeprefix(workspace)

    def install(self) -> None:
        """Put the program there."""
        self.write(self.program, _PROGRAM, mode=0o755)
        self.path(self.workdir).mkdir(parents=True, exist_ok=True)
        self.tell({})

    def tell(self, *calls: Told) -> None:
        """Say what each call of the program does; the last counts for all that follow."""
        self.write(f"{os.path.dirname(self.program)}/told.json", json.dumps(calls))  # noqa: PTH120 - a path of the host

    def write(self, there: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the account."""
        path = self.path(there)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def release(self) -> None:
        """Let a program go on that is held in mid-log."""
        self.write(f"{os.path.dirname(self.program)}/go", "")  # noqa: PTH120 - a path of the host

    def own(self) -> None:
        """Let the account own all of its folders."""
        self.host.run(f"chown -R {self.user}: /home/{self.user} /workspace")

    @property
    def traces(self) -> list[Ran]:
        """What the program wrote at each of its starts."""
        path = self.home / "trace"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        words = [line.split() for line in text.splitlines()]
        return [
            Ran(nonce, run, stage, number, int(pid)) for nonce, run, stage, number, pid in words
        ]

    def alive(self) -> list[str]:
        """Return the command lines of what the account runs, but sshd and the server part."""
        uid = self.home.stat().st_uid
        pids = [pid for pid in self.host.pids() if processes.owner_of(pid) == uid]
        commands = [processes.command_of(pid) for pid in pids]
        name = self.program.rpartition("/")[2]
        return [one for one in commands if "sleep" in one or name in one]

    def log(self, job: str) -> bytes:
        """Return the log of a job on this server."""
        (path,) = self.home.glob(f".*/**/{job}/log")
        return path.read_bytes()

    def clean(self) -> None:
        """End and remove what jobs left."""
        if self.host.init is not None:
            self.host.end_user_processes()
        self.host.run(
            "rm -rf /workspace/* /home/*/trace /home/*/bin /home/*/.local/state", check=False
        )


@attrs.frozen
class Team:
    """The three servers by their names in the configuration.

    Attributes:
        yocto: `yocto-builder`.
        ccu2: `ccu2-builder`.
        tester: `test-runner`.
    """

    yocto: Place
    ccu2: Place
    tester: Place

    @classmethod
    def on(cls, hosts: Sequence[Host]) -> Team:
        """Return the team on these three hosts, with its programs installed."""
        hosts[2].add_user("test")
        manifest = "/workspace/CCU_GEN2.0.manifest/mobis"
        team = cls(
            Place(hosts[0], "build", f"{manifest}/build.py", manifest),
            Place(hosts[1], "build", "/workspace/ccu-2.0/build.py", "/workspace/ccu-2.0"),
            Place(hosts[2], "test", "/home/test/bin/pytest", "/workspace/integration-tests"),
        )
        for place in team.places:
            place.clean()
            place.install()
            place.own()
        return team

    @property
    def places(self) -> Iterator[Place]:
        """All three."""
        yield from (self.yocto, self.ccu2, self.tester)

    def place(self, server: str) -> Place:
        """Return the server of that name in the configuration."""
        by_name = {"yocto-builder": self.yocto, "ccu2-builder": self.ccu2}
        return by_name.get(server, self.tester)

    def assert_once(self, *stages: str) -> None:
        """Fail unless exactly these stages ran, each once, by the programs' own traces."""
        ran = Counter((one.stage, one.attempt) for place in self.places for one in place.traces)
        assert Counter((stage, "1") for stage in stages) == ran

    def assert_logs_equal(self, lines: Sequence[Line], results: str) -> None:
        """Fail unless each collected log of one job equals that of its server, by SHA-256."""
        launches = {line["job"]: line for line in lines if line["event"] == "step_launching"}
        assert launches
        for job, line in launches.items():
            here = Path(results, line["stage"], f"attempt-{line['attempt']}.log").read_bytes()
            there = self.place(line["server"]).log(job)
            assert _digest(there) == _digest(here), f"{job}: {len(there)} there, {len(here)} here"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
