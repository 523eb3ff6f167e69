"""Servers at a glance: asked at once, none waits for another."""

from __future__ import annotations

import datetime as dt
import queue
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hosts.host import Host

from buildorch import api
from buildorch.backends.ssh import SshBackend
from buildorch.errors import ConnectRefused, LoginRefused
from buildorch.model import Config, Server
from buildorch.ports import SessionListener
from buildorch.remote.duplex import Duplex
from buildorch.survey import ServerReport, glance, survey
from buildorch.testing import FakeBackend
from cli.conftest import Here
from cli.user import User

NAMES = ("fine", "shut", "strange", "silent", "locked")
SERVERS = {name: Server(name=name, host=f"{name}.lan", backend=name) for name in NAMES}


class _Silent(FakeBackend):
    """Never answers until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def connect(self, server: Server, listener: SessionListener) -> Any:
        self.let_go.wait()
        return super().connect(server, listener)


class _Strange(FakeBackend):
    """Breaks."""

    def connect(self, server: Server, listener: SessionListener) -> Any:
        raise ZeroDivisionError(server.name + repr(listener)[:0])


@pytest.fixture(name="backends")
def _backends() -> Iterator[dict[str, FakeBackend]]:
    found: dict[str, FakeBackend] = {name: FakeBackend() for name in NAMES}
    silent = found["silent"] = _Silent()
    found["strange"] = _Strange()
    found["shut"].refuse(
        "shut", [ConnectRefused("shut: no", server="shut", host="shut.lan", port=22)]
    )
    found["locked"].refuse(
        "locked", [LoginRefused("locked: no key", server="locked", host="locked.lan", port=22)]
    )
    yield found
    silent.let_go.set()


def test_each_server_has_its_answer(backends: dict[str, FakeBackend]) -> None:
    """A report says what a server is, or in a word and a sentence why it did not answer."""
    reports = survey(SERVERS, backends.__getitem__, limit=0.5)
    assert [(one.server.name, one.reachable, one.reason) for one in reports] == [
        ("fine", True, None),
        ("shut", False, "refused"),
        ("strange", False, "defect"),
        ("silent", False, "timed out"),
        ("locked", False, "login refused"),
    ]
    assert [one.message for one in reports] == [
        None,
        "shut: no",
        "ZeroDivisionError('strange')",
        "silent.lan did not answer within 0.5 s",
        "locked: no key",
    ]


def test_all_are_asked_at_once() -> None:
    """However many are silent, the limit is that of one."""
    many = {f"s{number}": Server(name=f"s{number}", host="h") for number in range(40)}
    silent = _Silent()
    before = time.monotonic()
    reports = survey(many, lambda _: silent, limit=0.3)
    took = time.monotonic() - before
    silent.let_go.set()
    assert {one.reason for one in reports} == {"timed out"}
    assert took < 3


def test_nothing_is_asked_of_nobody() -> None:
    """Without servers there are no reports."""
    none: list[ServerReport] = []
    assert none == survey({}, lambda _: FakeBackend())


class _Script:
    """A `Duplex` that says something, then nothing more until it is closed.

    Args:
        words: What it says; `N1` stands for the nonce that it was asked with.
        ends: Whether it ends after that.
    """

    def __init__(self, words: bytes, *, ends: bool) -> None:
        self._words = words
        self._ends = ends
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.closed = threading.Event()

    def send(self, data: bytes) -> None:
        """Answer."""
        nonce = data.partition(b"buildorch_nonce='")[2].partition(b"'")[0]
        self._said.put(self._words.replace(b"N1", nonce))
        if self._ends:
            self._said.put(b"")

    def recv(self, limit: int) -> bytes:
        """Return what is said; a script says it in one piece."""
        del limit
        return self._said.get()

    def close(self) -> None:
        """End."""
        self._said.put(b"")
        self.closed.set()


class _Streaming(FakeBackend):
    """Gives a script as its stream."""

    def __init__(self, words: bytes, *, ends: bool = False) -> None:
        super().__init__()
        self.script = _Script(words, ends=ends)

    def stream(self, server: Server) -> tuple[Duplex, Server]:
        return self.script, server


@pytest.mark.parametrize(
    ("words", "ends", "expected"),
    [
        (b"hi\nGLANCE N1\nload\t1.0\t2\nend\n", False, (True, None, True)),
        (b"hi\nGLANCE N1\nload\t1.0\t2\nmem", False, (True, None, False)),
        (b"hi\nGLANCE N1\nload\t1.0\t2\nmem", True, (True, None, False)),
        (b"hi", False, (False, "no answer", None)),
        (b"This account is not available.\n", True, (False, "unusable", None)),
        (b"hi\nUNUSABLE N1 the state folder is shared\n", False, (False, "unusable", None)),
        (b"hi\nGLANCE other\nload\t1.0\t2\nend\n", False, (False, "no answer", None)),
    ],
)
def test_what_a_server_answers(
    words: bytes, ends: bool, expected: tuple[bool, str | None, bool | None]
) -> None:
    """What came in time counts, also where the rest hangs; a link is never left open."""
    backend = _Streaming(words, ends=ends)
    server = Server(name="one", host="one.lan")
    (report,) = glance({"one": server}, lambda _: backend, limit=0.2)
    whole = report.glance.whole if report.glance else None
    assert expected == (report.reachable, report.reason, whole)
    assert (report.message is None) == report.reachable
    assert backend.script.closed.wait(10)


def test_a_server_that_comes_too_late_is_let_go() -> None:
    """What is reached after the answer was given is closed, and not listened to for ever."""
    let_go = threading.Event()

    class Late(_Streaming):
        def stream(self, server: Server) -> tuple[Duplex, Server]:
            let_go.wait(10)
            return super().stream(server)

    backend = Late(b"hi")
    (report,) = glance({"one": Server(name="one", host="one.lan")}, lambda _: backend, limit=0.1)
    assert (report.reachable, report.reason) == (False, "timed out")
    let_go.set()
    assert backend.script.closed.wait(10)


def test_a_glance_says_why_not(backends: dict[str, FakeBackend]) -> None:
    """Errors are told as `survey` tells them; a backend without streams says who is there."""
    reports = glance(SERVERS, backends.__getitem__, limit=0.5)
    assert [(one.server.name, one.reachable, one.reason) for one in reports] == [
        ("fine", True, None),
        ("shut", False, "refused"),
        ("strange", False, "defect"),
        ("silent", False, "timed out"),
        ("locked", False, "login refused"),
    ]


def test_fifty_servers_ten_of_them_dead() -> None:
    """All are asked at once: the time is that of the slowest one that still counts."""
    silent = _Silent()
    backends: dict[str, FakeBackend] = {
        f"s{number}": silent if number % 5 == 0 else _Streaming(b"\nGLANCE N1\nload\t1.0\t2\nend\n")
        for number in range(50)
    }
    servers = {name: Server(name=name, host=name, backend=name) for name in backends}
    before = time.monotonic()
    reports = glance(servers, backends.__getitem__)
    took = time.monotonic() - before
    silent.let_go.set()
    assert [one.reachable for one in reports] == [number % 5 != 0 for number in range(50)]
    assert 2.0 <= took < 3.0


@pytest.mark.hosts
def test_a_pulled_cable_holds_nobody_up(hosts: tuple[Host, ...]) -> None:
    """Of real servers one is cut off, one has no sshd, one answers; nobody waits longer."""
    hosts[1].stop_sshd()
    hosts[2].network.cut("drop")
    servers = {host.name: host.server() for host in hosts}
    backend = SshBackend()
    before = time.monotonic()
    reports = glance(servers, lambda _: backend)
    took = time.monotonic() - before
    assert [(one.reachable, one.reason) for one in reports] == [
        (True, None),
        (False, "refused"),
        (False, "timed out"),
    ]
    assert 2.0 <= took < 4.0


@pytest.mark.hosts
def test_a_frozen_server_gives_no_answer_and_a_full_one_does(
    hosts: tuple[Host, ...], tmp_path: Path
) -> None:
    """A machine that accepts and then hangs is told so in time; a full disk hinders nothing."""
    disk = "/home/build/full"
    hosts[0].run(
        f"mkdir {disk} && mount -t tmpfs -o size=64k,mode=700,uid=$(id -u build) no {disk}"
    )
    hosts[1].freeze()
    servers = {host.name: host.server() for host in hosts[:2]}
    servers["h1"] = attrs.evolve(servers["h1"], state_dir=disk, workdir=disk)
    before = time.monotonic()
    try:
        hosts[0].run(f"cat /dev/zero >{disk}/zero", check=False)
        one, two = api.servers(api.Options(config=Config(servers=servers), home=tmp_path))
    finally:
        hosts[0].run(f"umount {disk}; rmdir {disk}")
    took = time.monotonic() - before
    assert one.glance is not None, one
    assert one.glance.disk is not None
    assert (one.glance.disk.free, one.glance.disk.place) == (0, disk)
    assert (two.reachable, two.reason) == (False, "timed out")
    assert took < 6.0


CONFIG = """\
servers:
  here: {backend: local, slots: 2, build_type: bitbake}
  gone: {host: 127.0.0.1, port: 1, user: nobody}
  image: {backend: local, build_type: bitbake}
"""


KEYS = {
    *("alias", "host", "reachable", "reason", "message", "slots", "slots_taken", "jobs"),
    *("load", "processors", "memory", "disk", "running", "builds", "whole"),
}


def test_servers_are_listed(user: User, here: Here) -> None:
    """`servers` says in a line each who is there, with its room; as JSON the same and slots."""
    user.write("buildorch.yaml", CONFIG)
    shown = here("servers", "--brief")
    assert (shown.code, shown.err) == (0, "")
    here_line, gone, image = shown.out.splitlines()
    figures = r"load \d+\.\d of \d+, \d+\.\d GB memory and \d+\.\d GB disk free"
    assert re.fullmatch(rf"here   OK       {figures}, 0 of 2 slots", here_line)
    assert gone == "gone   OFFLINE (refused)"
    assert re.fullmatch(rf"image  OK       {figures}, 0 of 1 slots", image)
    found = user.run("servers", "--json").last
    assert [(one["alias"], one["reachable"], one["slots"]) for one in found] == [
        ("here", True, 2),
        ("gone", False, 3),
        ("image", True, 1),
    ]
    assert [set(one) for one in found] == [KEYS] * 3
    assert "nothing listens" in found[1]["message"]


def test_jobs_of_a_server_are_listed(user: User) -> None:
    """What runs on a server is told with the run that it belongs to, since when, and by whom."""
    user.write("buildorch.yaml", "servers: {here: {backend: local}}\n")
    user.write("slow.yaml", "name: slow\nserver: here\nstages: [{name: a, command: sleep 60}]\n")
    run = user.run("run", "slow.yaml", "--detach").out.strip()
    with user.gone(run):
        process = user.start("status", "-f", "--json")
        assert process.stdout is not None
        for line in process.stdout:
            if '"step_started"' in line:
                break
        process.terminate()
        (server,) = user.run("servers", "--json").last
        assert server["jobs"] == [f"{run} a"]
        assert server["slots_taken"] == 1
        (job,) = server["running"]
        by = user.run("history", "--json").last["by"]
        assert (job["run"], job["stage"], job["by"]) == (run, "a", by)
        begun = dt.datetime.fromisoformat(job["since"])
        assert abs(dt.datetime.now(dt.UTC) - begun) < dt.timedelta(seconds=60)
        shown = user.run("servers").out.splitlines()
        assert f"1 of {server['slots']} slots" in shown[0]
        told = [line for line in shown if run in line]
        assert re.fullmatch(rf"    {run} a since \d\d:\d\d, by {re.escape(by)}", told[0])
        assert len(told) == 1


def test_no_servers(here: Here) -> None:
    """Without servers the list is empty, and a word on stderr says what that means."""
    shown = here("servers")
    assert (shown.code, shown.out) == (0, "")
    assert "stages run on this machine" in shown.err
    assert here("servers", "--json").out == "[]\n"


def test_the_doctor_says_what_is_in_the_way(user: User, here: Here) -> None:
    """`doctor` names what it looked at and each finding; a server out of reach ends with 3."""
    well = here("doctor")
    assert well.code == 0
    assert well.out.splitlines()[:2] == [
        "configuration: none found; stages run on this machine",
        f"state folder: {user.environ['BUILDORCH_HOME']}",
    ]
    assert "local: OK, " in well.out
    user.write("buildorch.yaml", CONFIG + "notifications: {alerts: {via: telegram}}\n")
    ill = here("doctor")
    assert ill.code == 3
    findings = [line for line in ill.out.splitlines() if line.startswith("- ")]
    assert any(line.startswith("- gone: ") for line in findings)
    assert any(line.startswith("- alerts: has no `token`") for line in findings)
    assert ill.err == f"{len(findings)} findings\n"
