"""OpenSSH itself: a client for each command, with a shared connection (ControlMaster) or not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator

from bench.bench import PROGRAMS, Bench
from bench.programs.told import noticed
from bench.row import Contender, Sample
from bench.watch import Ended

MASTER, ALONE = "ssh ControlMaster", "ssh alone"


def version() -> str:
    """Return the version of ssh."""
    done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False)
    return done.stderr.split(",")[0].removeprefix("OpenSSH_")


def contender(
    name: str, kind: str, count: int, *, hosts: int = 1, width: int = 1, times: int | None = None
) -> Contender:
    """Return `ssh ControlMaster` or `ssh alone` as a contender.

    Args:
        name: Which of the two.
        kind: The kind of work.
        count: How many stages.
        hosts: On how many hosts.
        width: How many at once on each.
        times: It is run at most that often.
    """
    how = "master" if name == MASTER else "alone"

    def run(bench: Bench) -> Sample:
        scene = bench.hosts(hosts)
        words = (how, kind, scene.ssh_config, count, width, *scene.names)
        return _sample(bench.run("bash", PROGRAMS / "ssh.sh", *words), kind, count)

    return Contender(
        name,
        f"bash bench/programs/ssh.sh {how} {kind} SSH_CONFIG {count} {width} HOST...",
        run,
        version,
        times,
    )


def _sample(run: Ended, kind: str, count: int) -> Sample:
    printed = run.output.splitlines()
    begun, ended = map(float, printed.pop().split()[1:])
    done = sum(line.startswith("known ") for line in printed)
    figures = noticed(list(_stages(printed))) if kind == "notice" else {}
    return Sample(ended - begun, count, done, {**run.figures, **figures})


def _stages(printed: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield what each command printed, and when its end was known."""
    lines: list[str] = []
    for line in printed:
        if line.startswith("known "):
            yield "\n".join(lines), float(line.split()[1])
            lines = []
        else:
            lines.append(line)
