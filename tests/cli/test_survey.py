"""Servers at a glance: asked at once, none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from buildorch.errors import ConnectRefused, LoginRefused
from buildorch.model import Server
from buildorch.ports import SessionListener
from buildorch.survey import ServerReport, survey
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


CONFIG = """\
servers:
  here: {backend: local, slots: 2, build_type: bitbake}
  gone: {host: 127.0.0.1, port: 1, user: nobody}
  image: {backend: local, build_type: bitbake}
"""


def test_servers_are_listed(user: User, here: Here) -> None:
    """`servers` says in a line each who is there; as JSON also slots and jobs."""
    user.write("buildorch.yaml", CONFIG)
    shown = here("servers")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == "here   OK\ngone   OFFLINE (refused)\nimage  OK\n"
    found = user.run("servers", "--json").last
    assert [(one["alias"], one["reachable"], one["slots"]) for one in found] == [
        ("here", True, 2),
        ("gone", False, 3),
        ("image", True, 1),
    ]
    assert [set(one) for one in found] == [
        {"alias", "host", "reachable", "reason", "slots", "jobs"}
    ] * 3


def test_jobs_of_a_server_are_listed(user: User) -> None:
    """What runs on a server is told with the run that it belongs to."""
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
        assert user.run("servers", "--json").last[0]["jobs"] == [f"{run} a"]
        assert user.run("servers").out == f"here  OK       {run} a\n"


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
