"""Jobs over SSH on real hosts: odd login shells, crowded servers, links that die."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator

import pytest
from hosts.commands import wait_for
from hosts.host import Host
from ssh.following import Follower, job, reconnect

from buildorch.backends.ssh import SshBackend
from buildorch.errors import ServerUnusable
from buildorch.model import Server
from buildorch.ports import Session

_SHELLS = ("bash", "dash", "zsh", "fish", "tcsh")
_NOISE = "echo Welcome to build-01; echo careful >&2; cd /; umask 027\n"
_STARTUP_FILES = (".bashrc", ".profile", ".bash_profile", ".zshrc", ".zshenv", ".tcshrc", ".cshrc")
_NASTY = 'it\'s 100% "fine"\n$HOME `x` \\ !! \t ümlaut 한글'


@pytest.fixture(name="part", params=["python", "sh"])
def _part(request: pytest.FixtureRequest) -> str:
    """Give each server part."""
    part: str = request.param
    return part


@contextlib.contextmanager
def _session(server: Server, follower: Follower, part: str | None = None) -> Iterator[Session]:
    session = SshBackend(prefer=part).connect(server, follower)
    try:
        yield session
    finally:
        session.close()


def _noisy_account(host: Host, shell: str) -> str:
    user = f"with-{shell}"
    host.add_user(user, f"/usr/bin/{shell}")
    home = host.home(user)
    for name in _STARTUP_FILES:
        (home / name).write_text(_NOISE)
    (home / ".config/fish").mkdir(parents=True, exist_ok=True)
    (home / ".config/fish/config.fish").write_text(_NOISE)
    host.run(f"chown -R {user}: /home/{user}")
    return user


@pytest.mark.parametrize("shell", _SHELLS)
def test_login_shells_and_their_noise_change_nothing(
    hosts: tuple[Host, ...], shell: str, part: str
) -> None:
    """Whatever the account's shell prints or does, exit code, log and environment are the job's."""
    user = _noisy_account(hosts[0], shell)
    follower, server = Follower(), hosts[0].server(user=user)
    with SshBackend().connection(server) as connection:
        umask = connection.run("umask", hide=True).stdout.split()[-1].zfill(4)
    with _session(server, follower, part) as session:
        asked = job(shell, 'umask; pwd; printf "%s" "$NASTY"; exit 3', env={"NASTY": _NASTY})
        session.start(asked)
        end = follower.end_of(asked.id)
    assert (end.kind, end.code, end.reason) == ("exit", 3, None)
    assert f"{umask}\n/home/{user}\n{_NASTY}" == follower.logs[asked.id].decode()
    assert part == session.facts.agent


@pytest.mark.parametrize("shell", ["false", "nologin"])
def test_an_account_without_a_shell_is_unusable(hosts: tuple[Host, ...], shell: str) -> None:
    """A login shell that ends at once is told as such, with what it said; no second try helps."""
    hosts[0].add_user(shell, f"/usr/sbin/{shell}" if shell == "nologin" else "/bin/false")
    with pytest.raises(
        ServerUnusable, match="login shell ended at once with exit code 1"
    ) as failed:
        SshBackend().connect(hosts[0].server(user=shell), Follower())
    assert ("not available" in str(failed.value)) == (shell == "nologin")


def test_python_is_used_where_it_is_and_sh_where_it_is_not(hosts: tuple[Host, ...]) -> None:
    """The server part is found out by looking; a missing python3 is said with its cost."""
    with _session(hosts[0].server(), Follower()) as session:
        assert session.facts.agent == "python"
    hosts[0].hide("/usr/bin/python3")
    follower = Follower()
    with _session(hosts[0].server(), follower) as session:
        assert session.facts.agent == "sh"
        assert any("python" in sentence for sentence in session.facts.missing)
        asked = job("without-python", "echo here; exit 4")
        session.start(asked)
        assert follower.end_of(asked.id).code == 4
        assert follower.logs[asked.id] == b"here\n"


def test_twenty_jobs_need_one_session_only(hosts: tuple[Host, ...], part: str) -> None:
    """MaxSessions 1 loses no job: all of them share one channel."""
    hosts[0].configure_sshd(MaxSessions="1")
    follower = Follower()
    jobs = [job(f"many-{number}", f"sleep 0.2; echo {number}") for number in range(20)]
    with _session(hosts[0].server(), follower, part) as session:
        for asked in jobs:
            session.start(asked)
        assert all(follower.end_of(asked.id).ok for asked in jobs)
    assert [f"{number}\n".encode() for number in range(20)] == [
        follower.logs[asked.id] for asked in jobs
    ]


def test_a_cut_of_twenty_seconds_costs_no_byte(hosts: tuple[Host, ...], part: str) -> None:
    """The dead link is noticed during the cut; after it the log goes on at its offset, whole."""
    follower, backend = Follower(), SshBackend(prefer=part)
    server = hosts[0].server()
    asked = job(f"cut-{part}", "for i in $(seq 1 500); do echo line $i; sleep 0.05; done")
    session = backend.connect(server, follower)
    session.start(asked)
    follower.wait(lambda: len(follower.logs.get(asked.id, b"")) > 200)
    cut = time.monotonic()
    hosts[0].network.cut()
    follower.wait(lambda: follower.links_lost, 19)
    time.sleep(max(0.0, 20 - (time.monotonic() - cut)))
    assert hosts[0].network.dropped() > 0
    hosts[0].network.heal()
    session.close()
    before = len(follower.logs[asked.id])
    session = reconnect(backend, server, follower)
    session.follow(asked.id, before)
    assert follower.end_of(asked.id, 30).ok
    whole = "".join(f"line {number}\n" for number in range(1, 501)).encode()
    assert whole == follower.logs[asked.id]
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == session.checksum(asked.id)
    session.close()


def test_a_job_outlives_every_session_of_sshd(hosts: tuple[Host, ...], part: str) -> None:
    """Sshd's processes are killed: the job goes on, and the next session has its true end."""
    follower, backend = Follower(), SshBackend(prefer=part)
    asked = job(f"outlives-{part}", "echo begun; sleep 1.5; echo done; exit 7")
    session = backend.connect(hosts[0].server(), follower)
    session.start(asked)
    follower.wait(lambda: b"begun\n" in follower.logs.get(asked.id, b""))
    hosts[0].stop_sshd(sessions=True)
    follower.wait(lambda: follower.links_lost)
    session.close()
    hosts[0].start_sshd()
    session = reconnect(backend, hosts[0].server(), follower)
    session.follow(asked.id, len(follower.logs[asked.id]))
    end = follower.end_of(asked.id)
    session.close()
    assert (end.kind, end.code) == ("exit", 7)
    assert follower.logs[asked.id] == b"begun\ndone\n"


def test_a_reboot_loses_the_job_and_says_so(hosts: tuple[Host, ...], part: str) -> None:
    """After a reboot the job is lost, for that reason; it is neither failed nor succeeded."""
    follower, backend = Follower(), SshBackend(prefer=part)
    asked = job(f"reboot-{part}", "echo begun; sleep 300")
    session = backend.connect(hosts[0].server(), follower)
    session.start(asked)
    follower.wait(lambda: b"begun\n" in follower.logs.get(asked.id, b""))
    boot_id = session.facts.boot_id
    hosts[0].reboot()
    session.close()
    session = reconnect(backend, hosts[0].server(), follower)
    assert boot_id != session.facts.boot_id
    session.follow(asked.id, len(follower.logs[asked.id]))
    end = follower.end_of(asked.id)
    session.close()
    assert (end.kind, end.reason) == ("lost", "rebooted")


def test_a_frozen_host_is_noticed(hosts: tuple[Host, ...]) -> None:
    """The kernel answers for a frozen host, so only the session itself can notice it."""
    follower = Follower()
    with _session(hosts[0].server(), follower):
        hosts[0].freeze()
        follower.wait(lambda: follower.links_lost, 60)


def test_a_second_connection_does_not_disturb_the_first(hosts: tuple[Host, ...]) -> None:
    """Plain connections beside a session are their own, also where only one session fits each."""
    hosts[0].configure_sshd(MaxSessions="1")
    follower, backend = Follower(), SshBackend()
    asked = job("beside", "sleep 1; echo end")
    session = backend.connect(hosts[0].server(), follower)
    session.start(asked)
    with backend.connection(hosts[0].server()) as connection:
        assert connection.run("hostname", hide=True).stdout.strip() == "h1"
    assert follower.end_of(asked.id).ok
    session.close()


def test_closing_a_session_leaves_nothing_of_it(hosts: tuple[Host, ...], part: str) -> None:
    """After close neither sshd's session nor the server part stays; the job does."""
    asked = job(f"stays-{part}", "sleep 300")
    follower = Follower()
    with _session(hosts[0].server(), follower, part) as session:
        session.start(asked)
        follower.wait(lambda: asked.id in follower.accepted)
    wait_for(lambda: len(hosts[0].pids("sshd")) == 1, "only the listener is left", 5)
    assert hosts[0].pids("sleep")
    hosts[0].end_user_processes()
