"""The run history: `recording_ours.py record EVENTS TURN | resume STAGES | history RUNS`."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from buildorch import Config, Server, events, resume
from buildorch.api import Options
from buildorch.events import Event
from buildorch.job import JobEnd
from buildorch.model import Plan, PlannedStage, RunStatus, StageStatus
from buildorch.runner.journal import Journal
from buildorch.store.codec import plan_to_dict
from buildorch.store.database import Store
from buildorch.store.places import state_places
from buildorch.testing import FakeBackend
from buildorch.view import RunView

#: Events of a stage's life, from the slot to the end.
EACH = 6

#: Stages side by side; the rest follows them.
WIDTH = 100

SERVER = Server(name="h1", host="h1")


def planned(count: int) -> Plan:
    """Return a plan of chains side by side."""
    return Plan(
        name="big",
        parallel_limit=WIDTH,
        stages=[
            PlannedStage(
                name=f"stage-{number}",
                index=number,
                servers=[SERVER],
                command="make",
                after=[f"stage-{number - WIDTH}"] if number >= WIDTH else [],
            )
            for number in range(count)
        ],
    )


def life(run: str, number: int) -> Iterator[Event]:
    """Yield what is recorded of a stage that succeeds."""
    stage, job = f"stage-{number}", f"{run}.stage-{number}-{number}.1.1"
    end = JobEnd(kind="exit", seconds=1.25, log_bytes=100, log_sha256="b" * 64)
    yield events.AttemptStarted(stage=stage, attempt=1, server="h1")
    yield events.StepLaunching(
        stage=stage, attempt=1, step=1, server="h1", job=job, digest="a" * 64
    )
    yield events.StepStarted(stage=stage, attempt=1, step=1)
    yield events.StepFinished(
        stage=stage, attempt=1, step=1, end=end, log_bytes=100, log_sha256="b" * 64
    )
    yield events.AttemptFinished(stage=stage, attempt=1, status=StageStatus.SUCCEEDED, exit_code=0)
    yield events.StageFinished(
        stage=stage,
        status=StageStatus.SUCCEEDED,
        exit_code=0,
        attempts=1,
        server="h1",
        seconds=1.25,
        log=f"{stage}/attempt-1.log",
    )


def created(plan: Plan, run: str) -> events.RunCreated:
    """Return the first event of a run."""
    return events.RunCreated(
        pipeline=plan.name,
        plan=plan_to_dict(plan),
        nonce="0" * 32,
        results=str(Path.cwd() / run),
        by="mina",
    )


def record(count: int, turn: int) -> dict[str, float]:
    """Time events from the controller's hands until they are durable, and the view knows them."""
    run, plan = "20260714-093012-4fa2c1", planned(-(-count // EACH))
    batch = list(itertools.chain(*(life(run, number) for number in range(len(plan.stages)))))
    with tempfile.TemporaryDirectory(dir=".") as folder, Store(Path(folder, "runs.db")) as store:
        view = RunView.start(plan, *store.create(run, [created(plan, run)], at=1.0))
        journal = Journal(
            store,
            view,
            epoch=1,
            wall=time.time,
            channels={},
            language="en",
            tails=lambda _: "",
            observers=(),
        )
        journal.write(batch[:1])  # what is made at first use is made once a process
        begun = time.perf_counter()
        for start in range(1, count, turn):
            journal.write(batch[start : min(count, start + turn)])
        seconds = time.perf_counter() - begun
        return {"seconds": seconds, "asked": count, "done": len(store.read(run)) - 1}


class GoesOn:
    """Notes when a run that was left first has a stage launched again."""

    def __init__(self, stored: int) -> None:
        self.stored = stored
        self.at: list[tuple[float, float]] = []

    def see(self, _: RunView, record: events.Recorded) -> None:
        """Take one event."""
        if record.seq > self.stored and isinstance(record.event, events.StepLaunching):
            self.at.append((time.perf_counter(), time.process_time()))


def resumed(count: int) -> dict[str, float]:
    """Time a run of which all but ten stages have ended, from the call until it goes on."""
    run, plan = "20260714-093012-4fa2c1", planned(count)
    ended = itertools.chain(*(life(run, number) for number in range(count - 10)))
    with Store(state_places(os.environ).database) as store:
        store.create(run, [created(plan, run)], at=1.0)
        stored = store.append(run, list(ended), epoch=1, at=2.0, durable=True)[-1].seq
    clock, backend = GoesOn(stored), FakeBackend()
    options = Options(config=Config(), backends={"ssh": backend}, observers=[clock])
    begun, used = time.perf_counter(), time.process_time()
    done = resume(run, options=options)
    seconds, processor = clock.at[0]
    good = sum(one.status == StageStatus.SUCCEEDED for one in done.stages.values())
    return {
        "seconds": seconds - begun,
        "asked": count,
        "done": good,
        "processor_s": processor - used,
    }


def history(count: int) -> dict[str, float]:
    """Make a history of so many small runs that have ended."""
    plan, begun = planned(3), time.perf_counter()
    with Store(state_places(os.environ).database) as store:
        for number in range(count):
            run = f"20260714-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-4fa2c1"
            lives = itertools.chain(*(life(run, one) for one in range(3)))
            end = events.RunFinished(
                status=RunStatus.SUCCEEDED, seconds=2.0, results=str(Path.cwd() / run)
            )
            store.create(run, [created(plan, run), *lives, end], at=1e9 + number)
        return {"seconds": time.perf_counter() - begun, "asked": count, "done": count}


def main() -> None:
    """Do what the words say, and print its figures."""
    kind, *numbers = sys.argv[1:]
    kinds: dict[str, Callable[..., dict[str, float]]] = {
        "record": record,
        "resume": resumed,
        "history": history,
    }
    with contextlib.redirect_stdout(sys.stderr):
        figures = kinds[kind](*map(int, numbers))
    print(json.dumps(figures))


main()
