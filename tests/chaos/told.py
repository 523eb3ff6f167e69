"""What buildorch says of each step, and the faults that met it."""

from __future__ import annotations

import attrs

from buildorch.events import StepFinished, StepLaunching
from chaos.evidence import Evidence, Hit, Ran
from chaos.story import Step

#: Seconds by which the clocks of a hit and of a witness may differ.
SLACK = 1.5


@attrs.frozen
class Told:
    """What buildorch says of a step: its job, its server, its end and when."""

    job: str
    server: str
    launched: float
    stage: str
    attempt: int
    step: int
    finished: StepFinished | None = None
    at: float = 0.0


def told_steps(evidence: Evidence) -> list[Told]:
    found: dict[tuple[str, int, int], Told] = {}
    for record in evidence.records:
        event = record.event
        if isinstance(event, StepLaunching):
            key = (event.stage, event.attempt, event.step)
            launched = found[key].launched if key in found else record.at
            found[key] = Told(event.job, event.server, launched, *key)
        elif isinstance(event, StepFinished):
            key = (event.stage, event.attempt, event.step)
            if key in found:
                found[key] = attrs.evolve(found[key], finished=event, at=record.at)
    return list(found.values())


def ran_of(evidence: Evidence, told: Told) -> Ran | None:
    return next((one for one in evidence.ran if one.job == told.job), None)


def planned(evidence: Evidence, told: Told) -> Step:
    return evidence.story.stage(told.stage).steps[told.step - 1]


def aimed(evidence: Evidence, told: Told, *kinds: str) -> list[Hit]:
    """Return the hits that were aimed at this very job."""
    return [hit for hit in evidence.hit(*kinds) if told.job in hit.jobs]


def during(evidence: Evidence, told: Told, *kinds: str) -> list[Hit]:
    """Return the hits of the job's host while the job was there."""
    end = told.at or float("inf")
    return [
        hit
        for hit in evidence.hit(*kinds)
        if hit.host == told.server
        and hit.begun <= end + SLACK
        and hit.mended >= told.launched - SLACK
    ]
