"""Cleaning up: what is old and over goes, and nothing else."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from hosts.host import Host

from buildorch.api import Options
from buildorch.cleaning import clean
from buildorch.model import Config, Server
from buildorch.testing import FakeBackend
from cli.user import User, signalled, until

CONFIG = "servers: {here: {backend: local}}\n"
SHORT = "name: short\nserver: here\nstages: [{name: a, command: echo a}]\n"
LONG = "name: long\nserver: here\nstages: [{name: b, command: sleep 60}]\n"


def _jobs(user: User) -> list[Path]:
    return sorted((Path(user.environ["BUILDORCH_HOME"]) / "local/jobs").glob("[!.]*"))


def _age(job: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(job, (then, then))


def test_what_is_old_and_over_goes(user: User) -> None:
    """Jobs that ended long enough ago are removed, younger ones stay; it can be done again."""
    user.write("buildorch.yaml", CONFIG)
    user.write("short.yaml", SHORT)
    for _ in range(2):
        assert user.run("run", "short.yaml").code == 0
    old, young = _jobs(user)
    _age(old, 3)
    _age(young, 1)
    assert user.run("clean").out == "here  CLEANED  0 jobs removed, 0.0 MB freed\n"
    done = user.run("clean", "here", "--older-than", "2d")
    assert (done.code, done.err) == (0, "")
    assert done.out == "here  CLEANED  1 job removed, 0.0 MB freed\n"
    assert [young] == _jobs(user)
    assert user.run("clean", "--older-than", "2d").out.startswith("here  CLEANED  0 jobs")


def test_what_lives_stays(user: User) -> None:
    """A job that runs is never touched, however old its folder is."""
    user.write("buildorch.yaml", CONFIG)
    user.write("long.yaml", LONG)
    run = user.run("run", "long.yaml", "--detach").out.strip()
    with user.gone(run):
        until(lambda: user.run("servers", "--json").last[0]["running"], "it runs")
        (job,) = _jobs(user)
        _age(job, 30)
        assert user.run("clean").out == "here  CLEANED  0 jobs removed, 0.0 MB freed\n"
        assert [job] == _jobs(user)


def test_what_may_be_resumed_stays(user: User) -> None:
    """Where a run waits for its resume, its server is left out and the run is named."""
    user.write("buildorch.yaml", CONFIG)
    user.write("long.yaml", LONG.replace("sleep 60", "sleep 1"))
    process = user.start("run", "long.yaml")
    until(lambda: '"running"' in user.run("status", "--json").out, "it runs")
    run = user.run("status", "--json").last["run"]
    signalled(process, signal.SIGTERM)
    user.ends(process)
    (job,) = _jobs(user)
    until((job / "exit").exists, "the job is over")
    _age(job, 30)
    done = user.run("clean")
    assert done.code == 0
    assert done.out.startswith(f"here  LEFT     nobody drives {run} b: resume or cancel it first")
    assert [job] == _jobs(user)
    assert user.run("resume", run).code == 0
    assert user.run("clean").out.startswith("here  CLEANED  1 job removed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["heer"], "there is no server 'heer'; did you mean 'here'?"),
        (["--older-than", "5m"], "--older-than takes 1h or more, not 5m"),
        (["--older-than", "soon"], "--older-than: "),
    ],
)
def test_what_cannot_be_meant(words: list[str], said: str, user: User) -> None:
    """A wrong server or time is said before anything is touched."""
    user.write("buildorch.yaml", CONFIG)
    done = user.run("clean", *words)
    assert done.code == 2
    assert said in done.err


@pytest.mark.hosts
def test_servers_out_of_reach_are_told(hosts: tuple[Host, ...], tmp_path: Path, user: User) -> None:
    """Others are cleaned all the same; a backend that cannot clean says so."""
    hosts[1].stop_sshd()
    servers = {host.name: host.server() for host in hosts[:2]}
    servers["fake"] = Server(name="fake", backend="fake")
    options = Options(
        config=Config(servers=servers), home=tmp_path / "home", backends={"fake": FakeBackend()}
    )
    one, two, fake = clean(options=options)
    assert (one.jobs, one.reachable, one.reason) == (0, True, None)
    assert (two.jobs, two.reachable) == (None, False)
    assert "refused" in str(two.reason)
    assert (fake.jobs, fake.reachable) == (None, True)
    assert "cannot clean" in str(fake.reason)
    where = f"{{host: {hosts[1].name}, user: build, ssh_config: {hosts[1].client}/ssh_config}}"
    user.write("buildorch.yaml", f"servers: {{h2: {where}}}\n")
    assert user.run("clean").code == 3
