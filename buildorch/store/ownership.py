"""Who drives a run: one controller at a time, and at most one unasked run of a pipeline.

The lock of a run is an flock: it is held exactly as long as the controller lives, whatever its
pid is used for later. What the lock file says is for people, and for the number (epoch) by
which servers and the store refuse a controller that was replaced.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Self

import attrs

from buildorch.errors import RunOwned
from buildorch.store.locks import FileLock, held_line
from buildorch.store.places import Places


@attrs.frozen(kw_only=True)
class Holder:
    """The process that holds a lock, as it wrote itself down.

    Attributes:
        run: Id of the run that it drives.
        pid: Its process id.
        started: Its start in clock ticks since boot: tells it from a later process of its pid.
        boot_id: The kernel's boot id.
        host: Name of its machine.
        since: Unix time in seconds when it took the lock.
        epoch: Its number among the controllers of the run, from 1; 0 for a pipeline's lock.
    """

    run: str = ""
    pid: int = 0
    started: int = 0
    boot_id: str = ""
    host: str = ""
    since: float = 0.0
    epoch: int = 0

    def __str__(self) -> str:
        """Return `process 42 on laptop since 2026-07-14 09:30:12`, in local time."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


class RunLock:
    """The right to drive a run; free again when released or when this process ends.

    Attributes:
        run: Id of the run.
        epoch: Number of this controller in the run, from 1; every later one has a higher number.
    """

    def __init__(self, lock: FileLock, run: str, epoch: int) -> None:
        self._lock = lock
        self.run = run
        self.epoch = epoch

    @classmethod
    def acquire(cls, places: Places, run: str, *, after_epoch: int = 0) -> RunLock:
        """Take the right to drive *run*.

        Args:
            places: The state folder.
            run: Id of the run.
            after_epoch: The highest epoch in the run's events (`RunRow.epoch`), in case the lock
                file was lost.

        Returns:
            The lock, with a new epoch.

        Raises:
            RunOwned: A controller that lives drives the run.
            StoreUnwritable: The lock file cannot be made.
        """
        path = _run_path(places, run)
        lock = _take(path)
        if lock is None:
            raise RunOwned(_driven(run, holder(places, run)))
        epoch = max(_parse(lock.read()).epoch, after_epoch) + 1
        lock.write(_line(run, epoch))
        return cls(lock, run, epoch)

    def release(self) -> None:
        """Give the run up; whoever comes next may drive it."""
        self._lock.release()

    def discard(self) -> None:
        """Give the run up and remove its lock file: the run itself was forgotten."""
        self._lock.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder(places: Places, run: str) -> Holder | None:
    """Return the controller that drives *run* now, or None.

    A run that nobody drives and that has no `RunFinished` is interrupted.

    Args:
        places: The state folder.
        run: Id of the run.
    """
    line = held_line(_run_path(places, run))
    return None if line is None else _parse(line)


def pipeline_lock(places: Places, pipeline: str, run: str) -> FileLock:
    """Take the right to be the one run of *pipeline* that is driven on this machine.

    An interrupted run holds nothing: ask the store for unfinished runs of the pipeline as well.

    Args:
        places: The state folder.
        pipeline: Name of the pipeline.
        run: Id of the run that takes it.

    Returns:
        The lock; release it when the run is over.

    Raises:
        RunOwned: Another run of the pipeline is driven now; names it.
        StoreUnwritable: The lock file cannot be made.
    """
    path = _pipeline_path(places, pipeline)
    lock = _take(path)
    if lock is None:
        other = _parse(held_line(path) or "")
        raise RunOwned(
            f"pipeline {pipeline!r} is already running as {other.run} ({other}); wait for it with "
            f"`buildorch wait {other.run}`, cancel it with `buildorch cancel {other.run}`, or "
            "start a second one beside it with --allow-parallel"
        )
    lock.write(_line(run, 0))
    return lock


#: Seconds for which the lock of a dead process is waited for: a process that it was starting has
#: it until it becomes another program, which takes a while on a busy machine.
PARTING = 10.0


def _take(path: Path) -> FileLock | None:
    """Take a lock, or return None where a process that lives has it."""
    until = time.monotonic() + PARTING
    while (lock := FileLock.take(path)) is None:
        line = held_line(path)
        if line is not None and (_lives(_parse(line)) or time.monotonic() > until):
            return None
        time.sleep(0.02)
    return lock


def _lives(one: Holder) -> bool:
    """Tell whether the process that wrote itself down is there; where it wrote nothing, it is."""
    if not one.pid or one.boot_id != boot_id():
        return True
    try:
        stat = Path(f"/proc/{one.pid}/stat").read_text(errors="surrogateescape")
    except OSError:
        return False
    fields = stat.rpartition(")")[2].split()
    return fields[0] not in "ZX" and int(fields[19]) == one.started


def _driven(run: str, other: Holder | None) -> str:
    who = str(other) if other else "a process that is ending just now"
    return (
        f"run {run} is driven by {who}; watch it with `buildorch status {run}`, cancel it with "
        f"`buildorch cancel {run}`, or end that process and try again"
    )


def _run_path(places: Places, run: str) -> Path:
    return places.locks / f"{run}.lock"


def _pipeline_path(places: Places, pipeline: str) -> Path:
    # A name may have any script and 200 bytes, and differs from others by more than its case.
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which whoever only looks does not need

    digest = hashlib.sha256(pipeline.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return places.locks / f"pipeline-{digest}.lock"


def _line(run: str, epoch: int) -> str:
    me = Holder(
        run=run,
        pid=os.getpid(),
        started=_start_ticks(),
        boot_id=boot_id(),
        host=os.uname().nodename,
        since=time.time(),
        epoch=epoch,
    )
    return json.dumps(attrs.asdict(me))


def _parse(line: str) -> Holder:
    """Return what *line* says; a torn or foreign one says nothing, and the flock decides anyway."""
    try:
        return Holder(**json.loads(line))
    except (ValueError, TypeError):
        return Holder()


def boot_id() -> str:
    """Return the kernel's boot id; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_ticks() -> int:
    # proc(5): the name in parentheses may hold anything; start time is the 20th field after it.
    stat = Path("/proc/self/stat").read_text(errors="surrogateescape")
    return int(stat.rpartition(")")[2].split()[19])
