"""bitbake builds: whom a kill asks, what it ends and what it spares; whose build is waited for."""

from __future__ import annotations

import shlex
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract.talk import Nap, Talk, talk, wait_until

from buildorch.job import Job, JobEnd
from buildorch.remote.agent import bitbake
from remote.building import BuildFolder, build_folder
from remote.machines import ShellBackend, environment, machine

_CLIENT = """\
#!/bin/sh
n=0
trap 'n=$((n + 1)); echo INT $n; [ $n -lt 2 ] || { echo tasks stopped; exit 1; }' INT
if [ -n "$SERVER" ]; then
    (env -i setsid sh -c "$SERVER" </dev/null >/dev/null 2>&1 &)
fi
echo building
while :; do sleep 0.05; done
"""


def _build(link: Talk, tmp_path: Path, server: Nap | None) -> bytes:
    """Cancel a build once it runs; return its log."""
    client = tmp_path / "bitbake"
    client.write_text(_CLIENT)
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    env = {"SERVER": server.text if server else ""}
    job = link.start(f"{client} core-image-minimal; echo not reached", env=env, kill_grace=3.0)
    link.heard.wait(lambda: b"building" in link.heard.logs.get(job.id, b""), "the build runs")
    if server:
        server.await_start()
    link.session.cancel(job.id, "cancelled", 3.0)
    end = link.heard.end_of(job)
    assert (end.kind, end.code, end.reason) == ("exit", 1, "cancelled")
    return bytes(link.heard.logs[job.id])


@pytest.mark.parametrize("part", ["python", "sh"])
def test_client_is_asked_twice(tmp_path: Path, part: str) -> None:
    """Two INTs, with time between: the first lets tasks finish, the second stops them."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
        log = _build(link, tmp_path, None)
    assert log == b"building\nINT 1\nINT 2\ntasks stopped\n"


def test_own_server_goes_and_foreign_server_stays(tmp_path: Path) -> None:
    """A server that this build started is ended; one that was there before is not touched."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        own, foreign = link.nap(), link.nap()
        link.place.machine.run(f"setsid sh -c '{foreign.text}' </dev/null >/dev/null 2>&1 &")
        foreign.await_start()
        _build(link, tmp_path, own)
        assert not own.running
        foreign.end()


def test_idle_server_is_left_after_a_normal_end(tmp_path: Path) -> None:
    """A server that stays for the next build is named, not ended, when the build succeeds."""
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path)))) as link:
        server = link.nap()
        command = f"(env -i setsid sh -c '{server.text}' </dev/null >/dev/null 2>&1 &); sleep 0.3"
        end = link.end(command)
        assert end.ok
        assert any(server.command in text for text in end.leftovers)
        server.end()


#: Every kind of server part, here and on a real host.
_KINDS = ["local-python", "local-sh"]
_FAR = [pytest.param(kind, marks=pytest.mark.hosts) for kind in ("ssh-python", "ssh-sh")]


@pytest.fixture(params=[*_KINDS, *_FAR], name="folder")
def _folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BuildFolder]:
    """Give a build folder of bitbake's stand-in."""
    with build_folder(request.param, request, tmp_path) as folder:
        yield folder


@pytest.fixture(name="link")
def _link(folder: BuildFolder) -> Iterator[Talk]:
    """Give a run's link to the machine of the build folder."""
    with talk(folder.place) as link:
        assert link.session.facts.agent == folder.place.part
        yield link


def _start(link: Talk, folder: BuildFolder, command: str = "bitbake ours", **more: Any) -> Job:
    """Launch a job that builds."""
    return link.start(command, env=folder.env, workdir=folder.path, **more)


def _cancel(link: Talk, job: Job, grace: float = 3.0) -> JobEnd:
    link.session.cancel(job.id, "cancelled", grace)
    end = link.heard.end_of(job, 60)
    assert "cancelled" == end.reason
    return end


def _says(link: Talk, job: Job, text: bytes) -> None:
    link.heard.wait(lambda: text in link.heard.logs.get(job.id, b""), f"{text!r} in the log")


def test_an_idle_server_that_was_there_lives_on(link: Talk, folder: BuildFolder) -> None:
    """Cancelled: no task is left, the server that was there keeps its number and serves on."""
    server = folder.start_server()
    job = _start(link, folder)
    wait_until(lambda: folder.tasks == 6, "tasks run")
    assert () == _cancel(link, job).leftovers
    assert (0, server) == (folder.tasks, folder.server)
    assert b"Second Keyboard Interrupt" in link.heard.logs[job.id]
    folder.turn(tasksecs="0.1", wic_bytes="1")
    end = link.end("bitbake again", "next", env=folder.env, workdir=folder.path)
    assert end.ok
    assert server == folder.server
    assert 1 == len(folder.noted("server-start"))


def test_a_server_that_the_job_started_goes(link: Talk, folder: BuildFolder) -> None:
    """Cancelled without a server before: no task, no server, and the lock is free."""
    job = _start(link, folder)
    wait_until(lambda: folder.tasks == 6, "tasks run")
    assert () == _cancel(link, job).leftovers
    assert (0, None) == (folder.tasks, folder.server)
    assert b"Second Keyboard Interrupt" in link.heard.logs[job.id]


def test_tasks_of_a_client_that_is_gone(link: Talk, folder: BuildFolder) -> None:
    """A client was killed: what the server runs for it ends with the job, the server lives."""
    server = folder.start_server()
    folder.turn(lost_wait="60")
    job = _start(link, folder, "bitbake ours || :; echo gone on; sleep 100")
    wait_until(lambda: folder.tasks == 6, "tasks run")
    note = f"grep -q foreign {link.path(job, 'bitbake')} && echo noted || :"
    wait_until(lambda: link.place.machine.run(note), "the server is noted")
    client = folder.noted("client-start")[-1]["pid"]
    link.place.machine.run(f"kill -9 {client}")
    _says(link, job, b"gone on")
    assert 6 == folder.tasks
    assert () == _cancel(link, job, 1.0).leftovers
    assert (0, server) == (folder.tasks, folder.server)


def test_another_build_is_waited_for(link: Talk, folder: BuildFolder) -> None:
    """Somebody builds there: it is told who, and since when; to wait is no silence of ours."""
    server = folder.build_by_hand()
    folder.turn(tasksecs="0.1", wic_bytes="1")
    job = _start(link, folder, idle_timeout=3.0)
    link.heard.wait(lambda: link.heard.waits.get(job.id), "it waits")
    (wait,) = link.heard.waits[job.id]
    assert wait is not None
    user = link.place.machine.run("id -un").strip()
    found = (wait.kind, wait.name, wait.user, wait.pid)
    assert ("bitbake", folder.path, user, server) == found
    assert wait.seconds is not None
    assert 0 <= wait.seconds < 60
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 5, "longer than idle_timeout")
    assert job.id not in link.heard.ends
    assert 6 == folder.tasks
    folder.interrupt(folder.noted("client-start")[0]["pid"])
    assert link.heard.end_of(job, 60).ok


def test_it_is_told_that_a_job_goes_on(link: Talk, folder: BuildFolder) -> None:
    """The other build ends: the job is not told as waiting any more, and can be silent again."""
    folder.build_by_hand()
    job = _start(link, folder, idle_timeout=5.0)
    link.heard.wait(lambda: link.heard.waits.get(job.id), "it waits")
    folder.interrupt(folder.noted("client-start")[0]["pid"])
    link.heard.wait(lambda: link.heard.waits[job.id][-1] is None, "it goes on")
    assert "idle" == link.heard.end_of(job, 60).reason
    assert 0 == folder.tasks


def test_the_deadline_counts_while_it_waits(link: Talk, folder: BuildFolder) -> None:
    """A timeout ends a job that waits; the build that it waited for is not touched."""
    server = folder.build_by_hand()
    end = link.heard.end_of(_start(link, folder, timeout=4.0), 60)
    assert "timeout" == end.reason
    assert (6, server) == (folder.tasks, folder.server)
    assert not folder.noted("client-end")


def test_somebody_who_waits_for_us(link: Talk, folder: BuildFolder) -> None:
    """Somebody's client waits behind our build, which is cancelled: theirs runs, untouched."""
    folder.start_server()
    job = _start(link, folder)
    wait_until(lambda: folder.tasks == 6, "our tasks run")
    folder.run("bitbake theirs")
    wait_until(lambda: len(folder.noted("client-start")) == 3, "somebody waits")
    _cancel(link, job)
    wait_until(lambda: folder.tasks == 6, "their tasks run")
    assert 2 == len(folder.noted("client-end"))


def test_two_clients_of_one_job(link: Talk, folder: BuildFolder) -> None:
    """Two clients of one job in one folder wait for nobody else, and both end."""
    job = _start(link, folder, "bitbake one & bitbake two & wait")
    wait_until(lambda: folder.tasks == 6, "tasks run")
    _says(link, job, b"No reply from server")
    assert () == _cancel(link, job).leftovers
    assert (0, None) == (folder.tasks, folder.server)
    assert [] == link.heard.waits.get(job.id, [])


def test_a_wrapper_in_a_session_of_its_own(link: Talk, folder: BuildFolder) -> None:
    """The client is asked wherever a wrapper has put it; the wrapper is not asked twice."""
    wrapper = "trap 'echo wrapper told; exit 130' INT; bitbake ours; echo wrapper ends with $?"
    job = _start(link, folder, f"setsid bash -c {shlex.quote(wrapper)} & wait")
    wait_until(lambda: folder.tasks == 6, "tasks run")
    assert () == _cancel(link, job).leftovers
    log = link.heard.logs[job.id]
    assert b"Second Keyboard Interrupt" in log
    assert b"wrapper told" not in log
    assert (0, None) == (folder.tasks, folder.server)


def test_what_a_killed_supervisor_leaves(link: Talk, folder: BuildFolder) -> None:
    """Nobody watches any more: the server that the job started is ended all the same."""
    job = _start(link, folder)
    wait_until(lambda: folder.tasks == 6, "tasks run")
    note = f"grep -q own {link.path(job, 'bitbake')} && echo noted || :"
    wait_until(lambda: link.place.machine.run(note), "the server is noted")
    link.kill_watchers(job)
    assert "supervisor killed" == link.heard.end_of(job, 60).reason
    assert (0, None) == (folder.tasks, folder.server)


def _lines(link: Talk, path: str) -> int:
    return int(link.place.machine.run(f"wc -l <{path} 2>/dev/null || echo 0"))


@pytest.mark.parametrize("named", ["innocent", "bitbake"])
def test_a_stale_lock_is_nobody(link: Talk, folder: BuildFolder, named: str) -> None:
    """The number in a lock that nobody holds is anybody's by now: whoever that is lives on."""
    program = f"{folder.path}/{named}"
    folder.write(named, f"#!/bin/sh\nwhile sleep 0.1; do echo >>{program}.turns; done")
    link.place.machine.run(f"chmod 755 {program}")
    folder.run(f"cd / && echo $$ >{folder.path}/bitbake.lock && exec {program} theirs")
    wait_until(lambda: folder.runs(f"{program} theirs"), "somebody else's process runs")
    folder.write("../bin/bitbake", _CLIENT)
    job = _start(link, folder)
    _says(link, job, b"building")
    turns = _lines(link, f"{program}.turns")
    wait_until(lambda: _lines(link, f"{program}.turns") > turns + 1, "they go on beside ours")
    assert () == _cancel(link, job).leftovers
    assert b"INT 2" in link.heard.logs[job.id]
    assert folder.runs(f"{program} theirs")


@pytest.mark.parametrize("joined", [True, False])
def test_a_server_that_kept_its_clients_name(
    link: Talk, folder: BuildFolder, *, joined: bool
) -> None:
    """Older servers have the command line of a client: they are not asked as one."""
    folder.keep_name()
    server = folder.start_server() if joined else None
    job = _start(link, folder)
    wait_until(lambda: folder.tasks == 6, "tasks run")
    assert () == _cancel(link, job).leftovers
    assert (0, server) == (folder.tasks, folder.server)
    assert b"Second Keyboard Interrupt" in link.heard.logs[job.id]
    assert [] == link.heard.waits.get(job.id, [])


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("bitbake -k image", "bitbake"),
        ("/poky/bitbake/bin/bitbake image", "bitbake"),
        ("python3 /poky/bitbake/bin/bitbake image", "bitbake"),
        ("/usr/bin/python3.11 -u bitbake image", "bitbake"),
        ("python3 /poky/bitbake/bin/bitbake-server decafbad", "bitbake-server"),
        ("bash -c bitbake", ""),
        ("sh -ec bitbake", ""),
        ("busybox sh ./bitbake", "bitbake"),
        ("tail -f bitbake", "tail"),
        ("vim /poky/bitbake/bin/bitbake", "vim"),
        ("python3", ""),
        ("", ""),
    ],
)
def test_what_a_command_line_runs(line: str, name: str) -> None:
    """Only what runs bitbake is bitbake; to name it is not enough."""
    assert name == bitbake.program(line.split(" "))
