"""Faults of the machine that buildorch runs on: its state is damaged, its disk is full."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosts.commands import run, wait_for

from acceptance.laptop import Command, Laptop
from acceptance.team import Team

_STAGES = ("yocto-image", "host-build", "integration-test")
_SUCCEEDED = dict.fromkeys(_STAGES, "succeeded")


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of that size on *folder*."""
    folder.mkdir(mode=0o700, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "small", folder)
    try:
        yield folder
    finally:
        run("umount", "-l", folder)


def _fill(folder: Path) -> Path:
    """Leave no byte free on the disk of *folder*."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def _under_way(team: Team, laptop: Laptop, *words: str) -> Command:
    """Start the pipeline; return when host-build is held in mid-log."""
    team.ccu2.tell({"lines": 100, "seconds": 0.5, "held": True})
    command = laptop.start("run", "pipeline.yaml", "--json", *words)
    log = Path(command.until("run_created")["results"], "host-build", "attempt-1.log")
    wait_for(lambda: log.exists() and log.stat().st_size > 500, f"some of {log}", 20)
    return command


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_state_that_was_cut_short_is_told(team: Team, laptop: Laptop, kept: float) -> None:
    """Every command says that the state is damaged and that builds go on; none guesses."""
    command = _under_way(team, laptop)
    command.signal(signal.SIGKILL)
    command.wait()
    database = laptop.state / "runs.db"
    for part in ("runs.db-wal", "runs.db-shm"):
        (laptop.state / part).unlink(missing_ok=True)
    database.write_bytes(database.read_bytes()[: int(database.stat().st_size * kept)] or b"x")
    for words in (["resume"], ["status"], ["history"], ["run", "pipeline.yaml"], ["cancel"]):
        done = laptop.run(*words)
        assert done.code == 3, (words, done)
        assert str(database) in done.err, (words, done)
        assert "damaged" in done.err
        assert "go on" in done.err
        assert "Traceback" not in done.err
    assert team.ccu2.alive()


def test_a_full_disk_below_the_state_detaches(team: Team, laptop: Laptop) -> None:
    """The controller says so and leaves; the builds go on, and resume finishes the run."""
    with _small_disk(laptop.state, "2m"):
        command = _under_way(team, laptop)
        ballast = _fill(laptop.state)
        team.ccu2.release()
        left = command.wait()
        assert left.code == 3, left
        assert str(laptop.state) in left.err
        assert "buildorch resume" in left.err
        assert "Traceback" not in left.err
        assert "disk" in left.err
        ballast.unlink()
        done = laptop.run("resume", "--json")
    assert done.code == 0, done
    assert _SUCCEEDED == done.statuses
    team.assert_once(*_STAGES)
    team.assert_logs_equal(done.lines, done.end["results"])


def test_a_full_disk_below_the_results_detaches(team: Team, laptop: Laptop) -> None:
    """A log that cannot be written is told; the build goes on, and resume collects all of it."""
    with _small_disk(laptop.work / "results", "1m") as results:
        command = _under_way(team, laptop)
        ballast = _fill(results)
        team.ccu2.release()
        left = command.wait()
        assert left.code == 3, left
        assert str(results) in left.err
        assert "buildorch resume" in left.err
        assert "Traceback" not in left.err
        ballast.unlink()
        done = laptop.run("resume", "--json")
        assert done.code == 0, done
        assert _SUCCEEDED == done.statuses
        team.assert_once(*_STAGES)
        team.assert_logs_equal(done.lines, done.end["results"])
