"""Promise 3: how a job ended is told as it was, or as lost; never as something else."""

from __future__ import annotations

from typing import Any

import pytest

from contract.talk import Talk, talk, wait_until


@pytest.mark.parametrize(
    ("command", "kind", "code"),
    [
        ("true", "exit", 0),
        ("exit 3", "exit", 3),
        ("false; echo not reached", "exit", 1),
        ("exit 137", "exit", 137),
        ("exit 255", "exit", 255),
        ("kill -KILL $$", "signal", 9),
        ("kill -TERM $$", "signal", 15),
        ("sh -c 'kill -KILL $$'", "exit", 137),
        ("nosuchprogram", "exit", 127),
        ("if true; then", "exit", 2),
    ],
)
def test_own_end(link: Talk, command: str, kind: str, code: int) -> None:
    """An exit code is an exit code and a signal is a signal, also where shells blur the two."""
    end = link.end(command)
    assert (end.kind, end.code, end.reason) == (kind, code, None)
    assert end.seconds is not None
    assert 0 <= end.seconds < 20


@pytest.mark.parametrize(
    ("fields", "reason", "named"),
    [
        ({"workdir": "/no/such folder"}, "workdir", "/no/such folder"),
        ({"setup": "false"}, "setup", "setup"),
        ({"setup": "source /no/such/file\ntrue"}, "setup", "setup"),
        ({"env_file": "/no/such.env"}, "setup", "/no/such.env"),
        ({"shell": ("nosuchshell", "-x")}, "shell", "nosuchshell"),
    ],
)
def test_never_ran(link: Talk, fields: dict[str, Any], reason: str, named: str) -> None:
    """A command that could not begin is told with what was missing, and did not run."""
    witness = f"{link.place.folder}/witness"
    end = link.end(f": >{witness}", **fields)
    assert (end.kind, end.reason, end.ok) == ("exit", reason, False)
    assert end.code != 0
    assert named in (end.detail or "")
    assert not link.place.machine.run(f"ls {link.place.folder} | grep witness || true")


@pytest.mark.parametrize(
    ("command", "fields", "reason"),
    [
        ("sleep 60", {"timeout": 0.3}, "timeout"),
        ("trap 'exit 0' TERM; while :; do sleep 0.05; done", {"timeout": 0.3}, "timeout"),
        ("while :; do echo Bitbake still alive; sleep 0.1; done", {"idle_timeout": 1.0}, "idle"),
        ("while :; do echo 0123456789; done", {"log_limit": 100_000}, "log_limit"),
    ],
)
def test_limits(link: Talk, command: str, fields: dict[str, Any], reason: str) -> None:
    """A limit that is broken is the reason, also of a command that then exits 0."""
    end = link.end(command, **fields)
    assert end.reason == reason
    assert not end.ok
    assert end.leftovers == ()


def test_progress_is_no_silence(link: Talk) -> None:
    """New lines keep a job alive for longer than its idle_timeout."""
    assert link.end("for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.3; done", idle_timeout=1.2).ok


def test_a_job_that_ends_before_its_limits_keeps_its_end(link: Talk) -> None:
    """Limits that were not reached leave no trace."""
    end = link.end("sleep 0.2; exit 6", timeout=20.0, idle_timeout=20.0, log_limit=10**9)
    assert (end.kind, end.code, end.reason) == ("exit", 6, None)


def test_cancelled(link: Talk) -> None:
    """A cancelled job ends with the reason that was given, and soon."""
    job = link.start("sleep 60")
    link.session.cancel(job.id, "cancelled", 2.0)
    end = link.heard.end_of(job, 10)
    assert (end.reason, end.ok, end.leftovers) == ("cancelled", False, ())


def test_cancel_comes_too_late(link: Talk) -> None:
    """A cancel after the end changes nothing: the end stands."""
    job = link.start("exit 3")
    link.heard.end_of(job)
    with talk(link.place, link) as later:
        later.session.cancel(job.id, "cancelled", 2.0)
        end = later.heard.end_of(job)
    assert (end.kind, end.code, end.reason) == ("exit", 3, None)


def test_supervisor_killed(link: Talk) -> None:
    """The supervisor is killed: what it supervised is ended, and the job is lost, not failed."""
    nap = link.nap()
    job = link.start(nap.text)
    link.kill_supervisor(job)
    end = link.heard.end_of(job)
    assert (end.kind, end.reason) == ("lost", "supervisor killed")
    assert not nap.running


def test_supervisor_killed_while_nobody_looks(link: Talk) -> None:
    """The same, found by the next link: nothing of the job is left."""
    nap = link.nap()
    job = link.start(nap.text)
    link.leave()
    link.kill_supervisor(job)
    with talk(link.place, link) as later:
        later.session.follow(job.id, 0)
        end = later.heard.end_of(job)
    assert (end.kind, end.reason) == ("lost", "supervisor killed")
    assert not nap.running


def test_folder_removed(link: Talk) -> None:
    """Somebody removes the job's folder: the job is ended, and lost."""
    nap = link.nap()
    job = link.start(nap.text, timeout=60.0)
    link.place.machine.run(f"rm -rf {link.path(job)} || rm -rf {link.path(job)}")
    end = link.heard.end_of(job)
    assert (end.kind, end.reason) == ("lost", "folder removed")
    wait_until(lambda: not nap.running, "the job is ended")


def test_folder_removed_while_nobody_looks(link: Talk) -> None:
    """The same, found by the next link; a launch that was never seen is told apart."""
    job = link.start(link.nap().text, timeout=60.0)
    unknown = link.job("true", "unknown")
    link.leave()
    link.place.machine.run(f"rm -rf {link.path(job)} || rm -rf {link.path(job)}")
    with talk(link.place, link) as later:
        later.session.follow(job.id, 0)
        later.session.follow(unknown.id, 0)
        assert later.heard.end_of(job).reason == "folder removed"
        assert later.heard.end_of(unknown).reason == "never started"


def test_folder_removed_and_supervisor_killed(link: Talk) -> None:
    """Nothing watches over the job any more: it is ended before it is called lost."""
    nap = link.nap()
    job = link.start(nap.text, kill_grace=0.5)
    nap.await_start()
    supervisor = link.supervisor(job)
    # Stopped first: else whoever ends the job may be done before the folder is gone.
    gone = f"rm -rf {link.path(job)}"
    link.place.machine.run(f"kill -STOP {supervisor}; {gone}; kill -9 {supervisor}")
    end = link.heard.end_of(job)
    assert ("lost", "folder removed") == (end.kind, end.reason)
    assert not nap.running


def test_a_launch_of_a_job_whose_folder_was_removed_runs_nothing(link: Talk) -> None:
    """Its launch is sent again, as after a lost link: it ran once, and does not run again."""
    file = f"{link.place.folder}/began"
    job = link.start(f"echo >>{file}; sleep 60", kill_grace=0.5)
    link.wait_for_file(file)
    link.leave()
    link.place.machine.run(f"rm -rf {link.path(job)} || rm -rf {link.path(job)}")
    with talk(link.place, link) as later:
        later.session.start(job)
        assert later.heard.start_of(job)
        assert "folder removed" == later.heard.end_of(job).reason
    assert "1" == link.place.machine.run(f"wc -l <{file}").strip()


def test_rebooted(link: Talk) -> None:
    """A job of another boot is lost, and no process of this boot is touched for it."""
    nap = link.nap()
    job = link.start(nap.text)
    nap.await_start()
    link.leave()
    run = link.place.machine.run
    identity = link.path(job, "id")
    link.kill_watchers(job)
    run(f"sed -i 's/^boot .*/boot of-yesterday/' {identity}")
    with talk(link.place, link) as later:
        later.session.follow(job.id, 0)
        end = later.heard.end_of(job)
    assert (end.kind, end.reason) == ("lost", "rebooted")
    assert nap.running
    nap.end()


def test_numbers_used_again(link: Talk) -> None:
    """The numbers in the record are a stranger's by now: the job is lost, the stranger lives."""
    nap, other = link.nap(), link.nap()
    job = link.start(nap.text)
    nap.await_start()
    link.leave()
    run = link.place.machine.run
    link.kill_watchers(job)
    nap.end()
    stranger = run(f"{other.command} >/dev/null 2>&1 & echo $!").strip()
    names = "supervisor|orders|job"
    run(f"sed -i -E 's/^({names}) [0-9]+ /\\1 {stranger} /' {link.path(job, 'id')}")
    with talk(link.place, link) as later:
        later.session.cancel(job.id, "cancelled", 1.0)
        assert later.heard.end_of(job).kind == "lost"
    assert other.running
    run(f"kill {stranger}")


def test_told_to_end_by_the_server(link: Talk) -> None:
    """A shutdown sends SIGTERM to everybody: the job is lost, it has not failed by itself."""
    nap = link.nap()
    job = link.start(nap.text)
    nap.await_start()
    run = link.place.machine.run
    run(f"kill -TERM {link.supervisor(job)}; sleep 0.2")
    nap.signal("TERM")
    assert link.heard.end_of(job).kind == "lost"


def test_nothing_outlives_a_job_that_a_shutdown_has_ended(link: Talk) -> None:
    """It may be launched again elsewhere: what it left is ended before it is called lost."""
    nap, rest = link.nap(), link.nap()
    job = link.start(f"setsid sh -c '{rest.text}' & {nap.text}", kill_grace=0.5)
    for one in (nap, rest):
        one.await_start()
    link.place.machine.run(f"kill -TERM {link.supervisor(job)}; sleep 0.2")
    nap.signal("TERM")
    end = link.heard.end_of(job)
    assert ("lost", "supervisor killed", ()) == (end.kind, end.reason, end.leftovers)
    assert not rest.running


def test_leftovers_are_named(link: Talk) -> None:
    """What a job leaves behind after its own end is named, and left alone."""
    nap = link.nap()
    end = link.end(f"setsid sh -c '{nap.text}' >/dev/null 2>&1 & sleep 0.3; exit 0")
    assert end.ok
    assert any(nap.command in text for text in end.leftovers)
    assert nap.running
    nap.end()


def test_a_supervisor_that_stood_still_heard_nothing(link: Talk) -> None:
    """Stopped past its next look and let go on, again and again: the job's end is its own.

    The kernel then says that the wait was interrupted, and what python returns is no signal.
    """
    go = f"{link.place.folder}/go"
    job = link.start(f"until [ -e {go} ]; do sleep 0.05; done; exit 3", idle_timeout=20.0)
    link.heard.wait(lambda: link.heard.starts, "it runs")
    pid = link.supervisor(job)
    for _ in range(5):
        link.place.machine.run(f"kill -STOP {pid}; sleep 1.2; kill -CONT {pid}; sleep 0.1")
    link.place.machine.run(f": >{go}")
    end = link.heard.end_of(job)
    assert (end.kind, end.code, end.reason) == ("exit", 3, None)
