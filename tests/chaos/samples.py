"""A small story that was lived well, for tests that make it bad."""

from __future__ import annotations

from collections.abc import Sequence

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.job import JobEnd
from buildorch.model import RunStatus, StageStatus
from chaos.chat import Arrival
from chaos.evidence import Evidence, Hit, Ran
from chaos.logs import true_output
from chaos.story import StageStory, Step, Story

STEP = Step(batches=2, size=2, child="plain")
CHILD = "sleep 3600.0000101"


def recorded(made: Sequence[Event]) -> list[Recorded]:
    """Return events as they are stored, one each second."""
    return [
        Recorded(run="r", seq=number, at=100.0 + number, epoch=1, event=event)
        for number, event in enumerate(made, start=1)
    ]


def end(**fields: object) -> events.StepFinished:
    """Return the end of the only step."""
    made = JobEnd(**{"kind": "exit", "leftovers": (f"12 {CHILD}",), **fields})  # type: ignore[arg-type] # the fields of a JobEnd
    return events.StepFinished(stage="s0", attempt=1, step=1, end=made)


def told(
    finished: events.StepFinished,
    status: StageStatus = StageStatus.SUCCEEDED,
    run: RunStatus = RunStatus.SUCCEEDED,
) -> list[Recorded]:
    """Return the events of a run of one stage whose step ended so."""
    return recorded(
        [
            events.AttemptStarted(stage="s0", attempt=1, server="h1"),
            events.StepLaunching(stage="s0", attempt=1, step=1, server="h1", job="r.0.1.1"),
            events.StepStarted(stage="s0", attempt=1, step=1),
            finished,
            events.AttemptFinished(stage="s0", attempt=1, status=status),
            events.StageFinished(stage="s0", status=status, attempts=1, server="h1"),
            events.NotificationDue(key="k", channel="discord", topic="finished", text="done"),
            events.RunFinished(status=run, seconds=9.0, results="/r"),
            events.NotificationResult(key="k", ok=True),
        ]
    )


def ran(**fields: object) -> Ran:
    """Return what the command of the only step wrote down."""
    usual = {"nonce": "n", "host": "h1", "job": "r.0.1.1", "stage": "s0", "attempt": 1, "step": 1}
    more = {"pid": 7, "at": 103.0, "end": "0", "ended_at": 104.0}
    return Ran(**{**usual, **more, **fields})  # type: ignore[arg-type] # the fields of a Ran


def hit(kind: str, **fields: object) -> Hit:
    """Return a fault that bit the host while the job was there."""
    usual = {"host": "h1", "begun": 103.0, "mended": 103.5, "phase": "streaming", "proof": "seen"}
    return Hit(kind=kind, **{**usual, **fields})  # type: ignore[arg-type] # the fields of a Hit


def good() -> Evidence:
    """Return the evidence of a story in which all went well."""
    story = Story(
        seed=0, parts={}, stages=(StageStory(name="s0", server="h1", steps=(STEP,)),), faults=()
    )
    return Evidence(
        story=story,
        records=told(end()),
        ran=[ran()],
        logs={("s0", 1): true_output("s0", 1, 1, STEP)},
        left={"h1": [CHILD]},
        bystanders={"h1": True},
        arrivals=[Arrival("nonce", "done", 108.0, answered=True)],
        keys={"k": {"nonce"}},
    )
