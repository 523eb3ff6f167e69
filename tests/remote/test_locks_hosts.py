"""Locks between accounts that do not trust each other, and machines that share a state folder."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest
from contract.locked import Holder, await_run, await_wait, hold, on_folder, on_name, queue
from contract.place import Place
from contract.ssh_place import HostMachine
from contract.talk import Talk, talk
from hosts.host import Host

from buildorch.backends.ssh import SshBackend

_PARTS = ("python", "sh")


def _account(host: Host, part: str, user: str | None = None, **fields: str) -> Place:
    """Return the place that an account of a host is, a new one where none is named."""
    user = user or f"u{secrets.token_hex(4)}"
    host.add_user(user)
    host.run("mkdir -p law", user=user)
    machine = HostMachine(host, user)
    server = host.server(user=user, **fields)
    return Place(part, SshBackend(), server, machine, f"/home/{user}/law")


@pytest.fixture(name="part", params=_PARTS)
def _part(request: pytest.FixtureRequest, hosts: tuple[Host, ...]) -> Iterator[str]:
    """Give the server part that runs on all hosts."""
    if request.param == "sh":
        for host in hosts:
            host.hide("/usr/bin/python3")
    yield request.param
    for host in hosts:
        host.end_user_processes()


@contextlib.contextmanager
def _two_users(host: Host, part: str) -> Iterator[tuple[Talk, Talk]]:
    with talk(_account(host, part)) as one, talk(_account(host, part)) as two:
        assert one.session.facts.agent == part
        yield one, two


@pytest.mark.hosts
def test_two_users(hosts: tuple[Host, ...], part: str) -> None:
    """Jobs of two accounts keep each other out of a folder, and the holder's account is named."""
    folder = f"/workspace/{secrets.token_hex(4)}"
    with _two_users(hosts[0], part) as (link, other):
        first = hold(link, on_folder("A", folder))
        second = queue(other, on_folder("B", folder), "second")
        wait = await_wait(other, second.job)
        assert wait.user == link.place.server.user
        assert (wait.run, wait.stage, wait.name) == (link.run, "first", folder)
        first.finish()
        await_run(other, second.job)
        second.finish()


@pytest.mark.hosts
def test_killed_supervisor_of_another_user(hosts: tuple[Host, ...], part: str) -> None:
    """What is left of another account's job is waited for: it is his to end."""
    name = secrets.token_hex(8)
    with _two_users(hosts[0], part) as (link, other):
        nap = link.nap()
        dead = link.start(nap.text, "dead", locks=on_name("A", name))
        nap.await_start()
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        link.leave()
        link.kill_watchers(dead)
        third = queue(other, on_name("C", name), "third")
        assert await_wait(other, third.job, 2).user == link.place.server.user
        assert nap.running
        assert second.job.id not in other.heard.logs
        nap.end()
        await_run(other, second.job)
        second.finish()
        await_run(other, third.job)
        third.finish()


@pytest.mark.hosts
def test_a_user_with_bad_intentions(hosts: tuple[Host, ...], part: str) -> None:
    """Another account cannot take a ticket away, nor harm; at worst he is waited for, by name."""
    host, name = hosts[0], secrets.token_hex(8)
    with _two_users(host, part) as (link, other):
        bad = str(other.place.server.user)
        first = hold(link, on_name("A", name))
        other.place.machine.run(
            "cd /run/lock; for f in buildorch-lock-*; do rm -f $f; mv $f x; echo W >$f; "
            "ln $f buildorch-lock-7-linked; done 2>/dev/null; "
            "umask 0; for n in 1 2 3; do echo junk >buildorch-lock-$n-aaaaaaa; done; "
            "chmod 0 buildorch-lock-2-aaaaaaa; mkfifo buildorch-lock-9-fifofifo; "
            "ln -s /home/nobody/x buildorch-lock-8-linkedlink; mkdir buildorch-lock-6-folder; :"
        )
        second = queue(link, on_name("B", name), "second")
        assert await_wait(link, second.job).run == link.run
        holding = other.place.machine.run(
            "flock -o /run/lock sleep 300 >/dev/null 2>&1 & echo $!"
        ).strip()
        third = queue(link, on_name("C", name), "third")
        first.let_go()
        if part == "python":
            link.heard.wait(
                lambda: getattr(link.heard.waits[second.job.id][-1], "user", "") == bad,
                "who holds the line up is named",
            )
        link.session.cancel(third.job.id, "cancelled", 5.0)
        assert link.heard.end_of(third.job).reason == "cancelled"
        other.place.machine.run(f"kill {holding}")
        await_run(link, second.job)
        second.finish()
        host.run("rm -rf /run/lock/buildorch-lock-*")


@pytest.mark.hosts
def test_a_stranger_locks_what_a_dead_job_had(hosts: tuple[Host, ...], part: str) -> None:
    """A lock that another account takes on a ticket keeps no job alive whose supervisor is dead."""
    name = secrets.token_hex(8)
    with _two_users(hosts[0], part) as (link, other):
        first = hold(link, on_name("A", name))
        grip = other.place.machine.run(
            f"file=$(grep -l -x 'name A {name}' /run/lock/buildorch-lock-*); exec >/dev/null 2>&1; "
            f"(exec 9<$file; flock 9; : >~/gripped; exec sleep 300) & echo $! >~/grip"
        )
        assert not grip
        second = queue(other, on_name("B", name), "second")
        await_wait(other, second.job)
        link.leave()
        link.kill_watchers(first.job)
        other.wait_for_file("~/gripped")
        first.let_go()
        await_run(other, second.job)
        second.finish()
        other.place.machine.run("kill $(cat ~/grip)")


@pytest.mark.hosts
def test_the_line_is_full(hosts: tuple[Host, ...], part: str) -> None:
    """Where no ticket can be made a job waits and says so, and goes on when one can be."""
    host, name = hosts[0], secrets.token_hex(8)
    with talk(_account(host, part)) as link:
        host.run("mount -t tmpfs -o mode=1777,nr_inodes=1 tmpfs /run/lock")
        job = queue(link, on_name("A", name), "first")
        assert "/run/lock" in await_wait(link, job.job).name
        host.run("umount /run/lock")
        await_run(link, job.job)
        job.finish()


@pytest.fixture(name="shared")
def _shared(hosts: tuple[Host, ...], part: str) -> Iterator[tuple[Place, Place]]:
    """Give one account on two machines that share its state folder, as with a home on NFS."""
    folder = f"/srv/buildorch-shared-{secrets.token_hex(6)}"
    hosts[0].run(f"mkdir -m 700 {folder}; chown build {folder}")
    yield (
        _account(hosts[0], part, "build", state_dir=folder),
        _account(hosts[1], part, "build", state_dir=folder),
    )
    hosts[0].run(f"rm -rf {folder}")


@pytest.mark.hosts
def test_machines_that_share_a_state_folder(shared: tuple[Place, Place]) -> None:
    """No machine judges another's job: not its end, not whether it is old; nor runs it again."""
    here, there = shared
    with talk(here) as link:
        nap = link.nap()
        witness = f"{here.folder}/{link.run}"
        job = link.start(f"echo on >>{witness}; echo on; {nap.text}")
        await_run(link, job)
        for ask in ("follow", "start", "cancel"):
            with talk(there, link) as wrong:
                if ask == "follow":
                    wrong.session.follow(job.id, 0)
                elif ask == "start":
                    wrong.session.start(job)
                else:
                    wrong.session.cancel(job.id, "cancelled", 1.0)
                wrong.heard.wait(lambda: wrong.heard.closings, "the machine leaves")
                assert "another machine" in wrong.heard.closings[0]
                assert not wrong.heard.ends
                assert not wrong.heard.starts
        with talk(there) as other:
            assert other.session.facts.state_dir != link.session.facts.state_dir
            assert other.session.clean(0)[0] == 0  # type: ignore[attr-defined] # beyond the port
            assert other.end("true").ok
        assert nap.running
        assert len(here.machine.read(witness).splitlines()) == 1
        nap.end()
        assert link.heard.end_of(job).code == 9
        assert link.end("true", "next").ok


@pytest.mark.hosts
def test_a_reboot_keeps_the_state_folder(hosts: tuple[Host, ...], part: str) -> None:
    """After a reboot a machine finds its own jobs again, and that they are lost."""
    place = _account(hosts[0], part)
    with talk(place) as link:
        first: Holder = hold(link, on_name("A", secrets.token_hex(8)))
        hosts[0].reboot()
        link.heard.wait(lambda: link.heard.closings, "the link is gone")
        if part == "sh":
            hosts[0].hide("/usr/bin/python3")
        with talk(place, link) as later:
            later.session.follow(first.job.id, 0)
            assert later.heard.end_of(first.job).reason == "rebooted"
            again = hold(later, on_name("B", secrets.token_hex(8)), "again")
            again.finish()
