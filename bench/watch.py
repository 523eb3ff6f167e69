"""Runs a program to its end and watches it meanwhile: memory and threads, with its children."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

_EVERY = 0.05
_HIGHEST = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_THREADS = re.compile(r"^Threads:\s+(\d+)$", re.MULTILINE)


class GaveUp(Exception):
    """A program took longer than it may, or ended badly; the text says which and why."""


@attrs.frozen
class Ended:
    """A program that has ended.

    Attributes:
        seconds: How long it ran.
        code: Its exit code.
        output: What it printed.
        complaints: What it printed to standard error.
        peak_mb: Most memory of it and of its children at once, each at its own peak.
        threads: Most threads of all of them at once.
        cpu: Seconds of processor time of it and of the children that it waited for.
    """

    seconds: float
    code: int
    output: str
    complaints: str
    peak_mb: float
    threads: int
    cpu: float

    @property
    def figures(self) -> dict[str, float]:
        """What was watched, as figures of a sample."""
        return {"peak_mb": self.peak_mb, "threads": self.threads, "cpu_s": self.cpu}


def run(
    words: Sequence[object],
    folder: Path,
    limit: float,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
) -> Ended:
    """Run a program in *folder*, in a process group of its own.

    Raises:
        GaveUp: It took longer than *limit* seconds; it is killed.
    """
    said, complained, given = (folder / f".{name}" for name in ("out", "err", "in"))
    given.write_text(stdin)
    begun, used = time.perf_counter(), _used()
    with said.open("wb") as out, complained.open("wb") as err, given.open("rb") as source:
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=source,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            peak, threads = _watched(process, begun + limit)
        finally:
            _end(process)
    ended = time.perf_counter() - begun
    if process.returncode == -signal.SIGKILL and ended >= limit:
        raise GaveUp(f"{Path(str(words[0])).name} had not ended after {limit:g} s")
    return Ended(
        seconds=ended,
        code=process.returncode,
        output=said.read_text(errors="replace"),
        complaints=complained.read_text(errors="replace"),
        peak_mb=peak,
        threads=threads,
        cpu=_used() - used,
    )


def _watched(process: subprocess.Popen[bytes], deadline: float) -> tuple[float, int]:
    """Wait for the end of *process*, or kill its group; return its peak and most threads."""
    peak, threads = 0.0, 0
    while True:
        megabytes, now = _tree(process.pid)
        peak, threads = max(peak, megabytes), max(threads, now)
        try:
            process.wait(_EVERY)
        except subprocess.TimeoutExpired:
            if time.perf_counter() < deadline:
                continue
            _end(process)
        return peak, threads


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the group of a program that has not ended: it took too long, or we are ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _used() -> float:
    """Return the processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _tree(pid: int) -> tuple[float, int]:
    """Return the peak memory and the threads of a process and its children, summed."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = [
            int(child)
            for path in Path(f"/proc/{pid}/task").glob("*/children")
            for child in path.read_text().split()
        ]
    except OSError:
        return 0.0, 0  # it has just ended
    highest, threads = _HIGHEST.search(status), _THREADS.search(status)
    own = int(highest[1]) / 1024 if highest else 0.0
    parts = [(own, int(threads[1]) if threads else 0), *map(_tree, children)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)
