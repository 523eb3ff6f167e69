"""One line for all: both server parts, every sh, every account's garbage, and no flock at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from contract.locked import await_run, await_wait, hold, on_folder, on_name, queue
from contract.talk import Talk, talk, wait_until

from buildorch.remote.agent import kernel, line, tickets
from remote.machines import ShellBackend, environment, machine
from remote.test_shells import _only_busybox, _with_sh


@contextlib.contextmanager
def _links(
    tmp_path: Path, first: ShellBackend, second: ShellBackend
) -> Iterator[tuple[Talk, Talk]]:
    with talk(machine(tmp_path, first)) as one, talk(machine(tmp_path, second)) as two:
        yield one, two


@pytest.mark.parametrize("parts", [("python", "sh"), ("sh", "python")], ids="-".join)
def test_both_parts_stand_in_one_line(tmp_path: Path, parts: tuple[str, str]) -> None:
    """Jobs of both server parts keep each other out, and end and take over each other's."""
    one, two = (ShellBackend(environment(tmp_path), prefer=part) for part in parts)
    folder = f"{tmp_path}/work"
    with _links(tmp_path, one, two) as (link, other):
        first = hold(link, on_folder("A", folder), hold=60.0)
        second = queue(other, on_folder("B", f"{folder}/in"), "second")
        wait = await_wait(other, second.job)
        assert (wait.run, wait.stage, wait.user) == (
            link.run,
            "first",
            link.place.machine.run("id -un").strip(),
        )
        third = queue(link, on_folder("C", folder), "third")
        await_wait(link, third.job, 2)
        first.finish()
        mine = hold(other, on_folder("A", folder), "mine")
        mine.finish()
        await_run(other, second.job)
        nap = other.nap()
        second.finish()
        await_run(link, third.job)
        third.finish()
        dead = link.start(nap.text, "dead", locks=on_folder("D", folder), kill_grace=1.0)
        nap.await_start()
        last = queue(other, on_folder("E", folder), "last")
        await_wait(other, last.job)
        link.leave()
        link.kill_supervisor(dead)
        await_run(other, last.job)
        assert not nap.running
        last.finish()


#: A `flock` as small as busybox's: it cannot wait for a time; it counts its calls.
_SMALL_FLOCK = """\
#!/bin/sh
echo >>"$COUNT"
case " $* " in *" -w "*) echo 'flock: invalid option' >&2; exit 1 ;; esac
exec {flock} "$@"
"""


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh", "small flock"])
def test_every_sh_stands_in_line(tmp_path: Path, shell: str) -> None:
    """The sh part's locks work in dash, bash and busybox's sh, and with a small flock."""
    backend = _with_sh(tmp_path, shell.replace("small flock", "dash"))
    if shell == "small flock":
        program = tmp_path / "programs/flock"
        program.write_text(_SMALL_FLOCK.format(flock=shutil.which("flock")))
        program.chmod(0o755)
        backend = attrs.evolve(
            backend, environment={**backend.environment, "COUNT": f"{tmp_path}/count"}
        )
    name = f"rack {secrets.token_hex(6)} it's \\n 한글"
    with _links(tmp_path, backend, backend) as (link, other):
        first = hold(link, on_name("A", name), hold=60.0)
        second = queue(other, on_name("B", name), "second")
        assert await_wait(other, second.job).name == name
        if shell == "small flock":
            before = (tmp_path / "count").stat().st_size
            time.sleep(2.0)
            assert (tmp_path / "count").stat().st_size - before < 60, "it looks all the time"
        cancelled = queue(other, on_name("C", name), "third")
        await_wait(other, cancelled.job, 2)
        other.session.cancel(cancelled.job.id, "cancelled", 5.0)
        assert other.heard.end_of(cancelled.job).reason == "cancelled"
        first.finish()
        link.session.release(first.job.id)
        await_run(other, second.job)
        second.finish()


def test_without_flock(tmp_path: Path) -> None:
    """Where no locks can be taken a job that wants some is refused, and others are not."""
    with talk(machine(tmp_path, _only_busybox(tmp_path))) as link:
        job = link.job("true", locks=on_name("A", "x"))
        link.session.start(job)
        reason, detail = link.heard.refusal_of(job)
        assert reason == "refused"
        assert "flock" in detail
        assert "share_workdir" in detail
        cost = next(text for text in link.session.facts.missing if "flock" in text)
        assert "stages with a workdir or resources are refused" in cost
        assert link.end("true", "other").ok


@pytest.fixture(name="garbage")
def _garbage() -> Iterator[Path]:
    """Give a path of the line that looks like a ticket's, and remove what a test puts there."""
    path = Path(line.find(), f"{line.PREFIX}1-{secrets.token_hex(8)}")
    yield path
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"H\nsince 1\n")
        file.truncate(1 << 40)


_GARBAGE = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link to nowhere": lambda path: path.symlink_to("/no/such"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "empty": Path.touch,
    "huge": _make_huge,
    "no text": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "forged lines": lambda path: path.write_text(
        "W\nsince 1\nticket 1 buildorch-lock-1-aaaaaa 0 1\nH\nsince 1\nname B x\nend\n"
    ),
    "no number": lambda path: path.write_text("H\nsince 99999999999999999999\nname B x\nend\n"),
}


@pytest.mark.parametrize("part", ["python", "sh"])
@pytest.mark.parametrize("make", _GARBAGE.values(), ids=_GARBAGE.keys())
def test_garbage_in_the_line(tmp_path: Path, garbage: Path, make: object, part: str) -> None:
    """What is no ticket keeps nobody waiting, and harms nobody."""
    make(garbage)  # type: ignore[operator] # one of the makers above
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
        hold(link, on_name("A", secrets.token_hex(8))).finish()


@pytest.mark.parametrize("part", ["python", "sh"])
def test_a_ticket_of_another_boot(tmp_path: Path, garbage: Path, part: str) -> None:
    """A ticket from before the last boot counts for nothing, and goes where it is ours."""
    name = secrets.token_hex(8)
    claims = [tickets.Claim("name", "B", name)]
    about = {"boot": "another", "job": "/no/such", "session": str(os.getsid(0))}
    garbage.write_bytes(tickets.Ticket("H", 1, claims, about).encode())
    with talk(machine(tmp_path, ShellBackend(environment(tmp_path), prefer=part))) as link:
        hold(link, on_name("A", name)).finish()
    assert not garbage.exists()


# Only the supervisor forks so, which has one thread; the child here does not come back.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_somebody_looks_for_ever(tmp_path: Path) -> None:
    """Who does not let others look at the line is named, and it is ours once he lets go."""
    folder = tmp_path / "line"
    folder.mkdir()
    queue_ = line.Line(str(folder))
    assert queue_.enter()
    assert queue_.looker() == os.getpid()
    other = line.Line(str(folder))
    assert not other.enter()
    assert other.entering
    queue_.leave()
    wait_until(other.enter, "the lock is free")
    other.leave()
    wait_until(queue_.enter, "it is free again")
    queue_.leave()


def test_the_line_is_made_of_whole_tickets(tmp_path: Path) -> None:
    """A ticket is everybody's to read once its lock is held, and goes with its owner."""
    queue_ = line.Line(str(tmp_path))
    about = {"boot": kernel.boot_id(), "job": "/no/such", "session": "1"}
    ticket = tickets.Ticket("W", 1, [tickets.Claim("name", "A", "x")], about)
    ticket.number = 5
    fd = queue_.add(ticket)
    assert (tmp_path / ticket.name).stat().st_mode & 0o777 == 0o644
    (found,) = queue_.others("")
    assert (found.held, found.uid, found.number) == (True, os.geteuid(), 5)
    os.close(fd)
    assert not queue_.others("")
    assert not list(tmp_path.iterdir())
