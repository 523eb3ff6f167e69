"""What may never happen, whatever the faults were: a pure function of the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from buildorch.events import (
    AttemptFinished,
    NotificationDue,
    NotificationResult,
    RunFinished,
    StageFinished,
)
from buildorch.model import RunStatus, StageStatus
from chaos.ends import true_ends
from chaos.evidence import Evidence
from chaos.logs import true_artifacts, true_logs
from chaos.marks import mark_of
from chaos.told import Told, told_steps


def violations(evidence: Evidence) -> list[str]:
    """Return what of the promises is broken, in words."""
    return [f"{check.__name__.strip('_')}: {text}" for check in _CHECKS for text in check(evidence)]


def _once(evidence: Evidence) -> Iterator[str]:
    """Every step of every attempt began at most once, and is one that buildorch knows of."""
    known = {told.job for told in told_steps(evidence)}
    for (stage, attempt, step), count in Counter(
        (one.stage, one.attempt, one.step) for one in evidence.ran
    ).items():
        if count > 1:
            yield f"{stage} attempt {attempt} step {step} began {count} times"
    for one in evidence.ran:
        if one.job not in known:
            yield f"{one.job} ran, and nobody knows of it"


def _true_status(evidence: Evidence) -> Iterator[str]:
    """A stage succeeded if the commands of its last attempt say so, and only then."""
    for record in evidence.records:
        event = record.event
        if not isinstance(event, StageFinished):
            continue
        stage = evidence.story.stage(event.stage)
        last = [one for one in evidence.ran if one.stage == event.stage]
        last = [one for one in last if one.attempt == event.attempts]
        fine = {one.step for one in last if one.end == "0"} == set(range(1, len(stage.steps) + 1))
        if event.status is StageStatus.SUCCEEDED and not fine:
            yield f"{event.stage} is told as succeeded: {[one.end for one in last]}"
        if event.status is StageStatus.FAILED and fine and not _bothered(evidence, event.stage):
            yield f"{event.stage} is told as failed, but all its steps say 0: {event.reason}"
        if event.status is StageStatus.UNREACHABLE and not _cut_off(evidence):
            yield f"{event.stage} is told as unreachable, but no link was cut: {event.reason}"


def _bothered(evidence: Evidence, stage: str) -> bool:
    """Tell whether a command of the stage was killed, or had no disk."""
    jobs = {told.job for told in told_steps(evidence) if told.stage == stage}
    return any(jobs & set(hit.jobs) for hit in evidence.hits) or any(evidence.hit("host disk full"))


def _cut_off(evidence: Evidence) -> bool:
    kinds = ("cut", "reset", "flap", "delay", "sshd stopped", "sshd restarted", "reboot", "freeze")
    return any(evidence.hit(*kinds, "host disk full"))


def _true_run(evidence: Evidence) -> Iterator[str]:
    """The status of the run follows from its stages, and it is stored once."""
    ends = [r.event for r in evidence.records if isinstance(r.event, RunFinished)]
    if len(ends) > 1:
        yield f"the run ended {len(ends)} times"
    if not ends:
        return
    finished = [r.event for r in evidence.records if isinstance(r.event, StageFinished)]
    names = Counter(event.stage for event in finished)
    for stage in evidence.story.stages:
        if names[stage.name] != 1:
            yield f"{stage.name} ended {names[stage.name]} times"
    bad = [e for e in finished if e.status is not StageStatus.SUCCEEDED and not e.allowed]
    succeeded = ends[0].status is RunStatus.SUCCEEDED
    if succeeded == bool(bad) and ends[0].status is not RunStatus.CANCELLED:
        yield f"the run is told as {ends[0].status}, its stages as {[str(e.status) for e in bad]}"


def _nothing_left(evidence: Evidence) -> Iterator[str]:
    """No process of a job that was ended is left; what a command itself left is told."""
    if evidence.stuck is not None:
        return
    told = {mark_of(one.stage, one.attempt, one.step): one for one in told_steps(evidence)}
    for host, commands in evidence.left.items():
        for command in commands:
            problem = _wrong_rest(told.get(command[command.find("sleep") :]))
            if problem:
                yield f"{command!r} on {host}, {problem}"


def _wrong_rest(told: Told | None) -> str | None:
    """Judge what a job has left, or None for what is no child that a command left on purpose."""
    if told is None or told.finished is None:
        return "of which nobody knows"
    if told.finished.end.reason in ("cancelled", "timeout", "idle"):
        return f"although its job was ended: {told.finished.end.reason}"
    mark = mark_of(told.stage, told.attempt, told.step)
    if any(mark in one for one in told.finished.end.leftovers):
        return None
    return "and nobody says so"


def _it_ends(evidence: Evidence) -> Iterator[str]:
    """Every run ends."""
    if evidence.stuck is not None:
        yield f"the run did not end: {evidence.stuck}"


def _told_once(evidence: Evidence) -> Iterator[str]:
    """Every message arrived, or is known not to have; a second time only under its own key."""
    due = {r.event.key for r in evidence.records if isinstance(r.event, NotificationDue)}
    results = [r.event for r in evidence.records if isinstance(r.event, NotificationResult)]
    arrived = {one.key for one in evidence.arrivals}
    for event in results:
        if event.ok and not arrived & evidence.keys.get(event.key, set()):
            yield f"{event.key} is told as taken, but the chat never saw it"
        if not event.ok and event.message != "interrupted" and not any(evidence.hit("chat down")):
            yield f"{event.key} was not taken, though the chat was there: {event.message}"
    if evidence.stuck is None:
        for key in sorted(due - {event.key for event in results}):
            yield f"{key} was due, and nobody knows what became of it"
    yield from _doubled(evidence, set().union(*evidence.keys.values()))


def _doubled(evidence: Evidence, known: set[str]) -> Iterator[str]:
    texts: dict[str, str] = {}
    for one in evidence.arrivals:
        if one.key not in known:
            yield f"a message came that nobody stored: {one.text[:80]!r}"
        if texts.setdefault(one.key, one.text) != one.text:
            yield f"two messages have the key {one.key}"
    answered = Counter(one.key for one in evidence.arrivals if one.answered)
    interrupted = any(evidence.hit("controller killed", "controller killed twice", "detached"))
    for key, count in answered.items():
        if count > 1 and not interrupted:
            yield f"{texts[key][:80]!r} was sent {count} times"


def _untouched(evidence: Evidence) -> Iterator[str]:
    """Nothing else of the account's is touched."""
    for host, files in evidence.touched.items():
        for file in files:
            yield f"{file} on {host}"
    for host, lives in evidence.bystanders.items():
        if not lives:
            yield f"the account's own process on {host} is gone"


def _within_budget(evidence: Evidence) -> Iterator[str]:
    """No stage has more attempts than its failures and its losses allow."""
    for stage in evidence.story.stages:
        ends = [
            r.event
            for r in evidence.records
            if isinstance(r.event, AttemptFinished) and r.event.stage == stage.name
        ]
        failed = [e for e in ends if e.status is StageStatus.FAILED]
        if len(failed) > stage.retry + 1:
            yield f"{stage.name} failed {len(failed)} times with {stage.retry} retries"


def _nothing_odd(evidence: Evidence) -> Iterator[str]:
    """Commands end with the codes that are documented; a second controller is refused."""
    yield from evidence.odd


_CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    _once,
    true_ends,
    _true_status,
    _true_run,
    true_logs,
    true_artifacts,
    _nothing_left,
    _it_ends,
    _told_once,
    _untouched,
    _within_budget,
    _nothing_odd,
)
