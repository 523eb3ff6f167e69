"""Our own stages over SSH: `ours_ssh.py KIND HOSTS.json COUNT [SLOTS]`."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from told import Told, noticed, tell

from buildorch import Config, Pipeline, Stage, events, parallel, run
from buildorch.api import Options
from buildorch.model import Server
from buildorch.result import RunResult


class Clock:
    """Notes when the end of each stage's command was known, which is once it is stored."""

    def __init__(self) -> None:
        self.known: dict[str, float] = {}

    def see(self, _: Any, record: events.Recorded) -> None:
        """Take one event."""
        if isinstance(record.event, events.StepFinished):
            self.known[record.event.stage] = time.time()


def servers(told: Told) -> dict[str, Server]:
    """Return the hosts as servers of a configuration."""
    return {
        name: Server(
            name=name, host=name, user=told.user, ssh_config=told.ssh_config, slots=told.width
        )
        for name in told.names
    }


def pipeline(told: Told) -> Pipeline:
    """Return the work of a row."""
    names = told.names
    stages = [
        Stage(name=f"s{number}", command=told.command, server=names[number % len(names)])
        for number in range(told.count)
    ]
    if told.kind not in {"chain", "notice"}:
        limit = told.width * len(names)
        return Pipeline(told.kind, parallel(*stages), parallel_limit=limit)
    flow: Any = stages[0]
    for stage in stages[1:]:
        flow >>= stage
    return Pipeline(told.kind, flow)


def figures(result: RunResult, clock: Clock) -> dict[str, float]:
    """Return how late ends were known."""
    logs = {name: Path(result.results, name, "log").read_text() for name in result.stages}
    return noticed([(log, clock.known[name]) for name, log in logs.items()])


class Meter:
    """Measures what this process uses while it waits: for a minute, once all is quiet."""

    def __init__(self) -> None:
        self.percent = 0.0
        threading.Thread(target=self._measure, daemon=True).start()

    def _measure(self) -> None:
        time.sleep(15)
        begun, used = time.perf_counter(), time.process_time()
        time.sleep(60)
        self.percent = (time.process_time() - used) / (time.perf_counter() - begun) * 100


def main() -> None:
    """Do the work, recorded and logged, and print what came of it."""
    told, clock = Told(), Clock()
    meter = Meter() if told.kind == "idle" else None
    options = Options(config=Config(servers=servers(told)), observers=[clock])
    work = pipeline(told)
    begun, used = time.perf_counter(), time.process_time()
    result = run(work, options)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    done = sum(stage.state == "succeeded" for stage in result.stages.values())
    more = figures(result, clock) if told.kind == "notice" else {}
    if meter is not None:
        more = {"here_percent": meter.percent}
    tell(seconds, told.count, done, cpu_s=cpu, **more)


if __name__ == "__main__":
    main()
