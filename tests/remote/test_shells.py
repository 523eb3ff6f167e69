"""The sh part in every POSIX sh, down to a machine that has nothing but busybox."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from contract.talk import Talk, talk

from remote.machines import ShellBackend, environment, machine

_NASTY = {
    "A": 'it\'s "x"\n$HOME `id` \\n !',
    "B": "한글 \t*",
    "C": bytes(range(1, 256)).decode("latin-1"),
}


def _with_sh(tmp_path: Path, shell: str) -> ShellBackend:
    """Return a machine whose `sh` is that shell, and that has no python."""
    programs = tmp_path / "programs"
    programs.mkdir()
    first, *rest = shell.split()
    program = programs / "sh"
    if rest:
        program.write_text(f'#!/bin/dash\nexec {shutil.which(first)} {" ".join(rest)} "$@"\n')
        program.chmod(0o755)
    else:
        program.symlink_to(shutil.which(first) or first)
    variables = environment(tmp_path, BUILDORCH_PYTHON="/no/python3")
    variables["PATH"] = f"{programs}:{variables['PATH']}"
    return ShellBackend(variables, (str(program), "-c"), shell=str(program), prefer="sh")


def _only_busybox(tmp_path: Path) -> ShellBackend:
    """Return a machine with busybox and nothing else: no bash, no flock, a setsid of its own."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in subprocess.run(
        ["busybox", "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        (programs / name).symlink_to(shutil.which("busybox") or "busybox")
    variables = environment(tmp_path, BUILDORCH_PYTHON="/no/python3", PATH=str(programs))
    program = str(programs / "sh")
    return ShellBackend(variables, (program, "-c"), shell=program, prefer="sh")


def _tour(link: Talk) -> None:
    """Try everything once."""
    assert link.end("exit 3", "code").code == 3
    wanted = "".join(f"{value}\0" for value in _NASTY.values()).encode()
    assert link.output('printf "%s\\0" "$A" "$B" "$C"', "env", env=_NASTY) == wanted
    assert link.output(("printf", "%s\\0", *_NASTY.values()), "argv") == wanted
    assert link.end("sleep 60", "slow", timeout=0.5).reason == "timeout"
    chatty = "while :; do echo NOTE: No reply from server in 30s; sleep 0.1; done"
    assert link.end(chatty, "idle", idle_timeout=1.0).reason == "idle"
    assert link.end("true", "nowhere", workdir="/no/such").reason == "workdir"
    assert link.end("true", "setup", setup="false").reason == "setup"
    big = link.start("seq 1 100000", "big")
    link.heard.end_of(big)
    lines = "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    assert link.heard.logs[big.id] == lines
    assert link.session.checksum(big.id) == (len(lines), hashlib.sha256(lines).hexdigest())


def _tour_of_kills(link: Talk) -> None:
    nap = link.nap()
    job = link.start(f"(trap '' TERM; setsid sh -c '{nap.text}' &) ; sleep 60", "deaf")
    nap.await_start()
    link.session.cancel(job.id, "cancelled", 0.5)
    assert link.heard.end_of(job).reason == "cancelled"
    assert not nap.running
    job = link.start(nap.text, "orphan")
    nap.await_start()
    link.kill_supervisor(job)
    assert link.heard.end_of(job).reason == "supervisor killed"
    assert not nap.running


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_every_sh(tmp_path: Path, shell: str) -> None:
    """The sh part keeps its promises in dash, bash and busybox's sh."""
    with talk(machine(tmp_path, _with_sh(tmp_path, shell))) as link:
        assert len(link.session.facts.missing) == 1
        _tour(link)
        _tour_of_kills(link)
        end = link.end("kill -KILL $$", "signal")
        assert (end.kind, end.code) == ("signal", 9)


def test_nothing_but_busybox(tmp_path: Path) -> None:
    """Without flock, bash and a setsid that waits it works as well, and says what that costs."""
    with talk(machine(tmp_path, _only_busybox(tmp_path))) as link:
        missing = " ".join(link.session.facts.missing)
        assert "flock" in missing
        assert "128+N" in missing
        _tour(link)
        _tour_of_kills(link)


def test_both_parts_share_the_folders(tmp_path: Path) -> None:
    """A job that one part launched is followed, cancelled and told by the other."""
    for first, second in (("python", "sh"), ("sh", "python")):
        backends = [ShellBackend(environment(tmp_path), prefer=part) for part in (first, second)]
        with talk(machine(tmp_path, backends[0])) as link:
            done = link.start("echo done; exit 6", "done")
            link.heard.end_of(done)
            nap = link.nap()
            job = link.start(f"echo on; {nap.text}", "running")
            nap.await_start()
            with talk(machine(tmp_path, backends[1]), link) as later:
                for one in (done, job):
                    later.session.follow(one.id, 0)
                assert later.heard.end_of(done).code == 6
                later.session.cancel(job.id, "cancelled", 1.0)
                assert later.heard.end_of(job).reason == "cancelled"
                assert later.heard.logs == {done.id: b"done\n", job.id: b"on\n"}
            assert not nap.running
