"""Each kind of event as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildorch import events
from buildorch.events import Event
from buildorch.messages.waits import held_by, waits_for
from buildorch.messages.words import Words
from buildorch.model import GOOD_ENDS, StageStatus
from buildorch.observers.look import Look
from buildorch.observers.rows import reason
from buildorch.view import RunView, StageView


def _run_created(view: RunView, event: events.RunCreated, look: Look) -> str:
    count = len(view.stages)
    stages = "1 stage" if count == 1 else f"{count} stages"
    name, run, by = look.clean(view.plan.name), look.clean(view.run), look.clean(event.by)
    parent = f", retry of {look.clean(event.parent)}" if event.parent else ""
    return f"{name} started by {by}: {stages}, run {run}{parent}"


def _attached(_: RunView, event: events.ControllerAttached, look: Look) -> str:
    return f"driven by process {event.pid} on {look.clean(event.host)}"


def _detached(view: RunView, event: events.ControllerDetached, look: Look) -> str:
    run = look.clean(view.run)
    why = look.clean(event.reason)
    return f"detached ({why}): builds on the servers go on; buildorch resume {run}"


def _cancel_requested(_: RunView, event: events.CancelRequested, look: Look) -> str:
    return f"cancel requested by {look.clean(event.by)}"


def _abandon_requested(_: RunView, event: events.AbandonRequested, look: Look) -> str:
    return f"servers that do not answer are abandoned, asked by {look.clean(event.by)}"


def _notification_result(view: RunView, event: events.NotificationResult, look: Look) -> str:
    due = view.messages.get(event.key)
    if event.ok or due is None:
        return ""
    channel, topic = look.clean(due[0].channel), look.clean(due[0].topic)
    return f"{channel} was not told ({topic}): {look.clean(event.message)}"


def unconfirmed(view: RunView, look: Look) -> str:
    """Return for which servers a run cannot end, and how it ends without them.

    Jobs of attempts that are over count, and in a run that is being cancelled all jobs.

    Args:
        view: The run.
        look: What the stream can show.

    Returns:
        A sentence; empty where no server is waited for.
    """
    if view.status is not None or view.abandoned is not None:
        return ""
    silent = {one.server for one in view.orphans}
    if view.cancel_requested is not None:
        stages = (one for one in view.stages.values() if one.finished is None)
        silent |= {one.server for one in stages if one.link_lost_since is not None and one.server}
    if not silent:
        return ""
    run, where = look.clean(view.run), ", ".join(map(look.clean, sorted(silent)))
    return (
        f"waits for {where} to confirm that nothing of run {run} lives there; "
        f"`buildorch cancel {run} --abandon` ends it without that"
    )


def _attempt_started(_: StageView, event: events.AttemptStarted, look: Look) -> str:
    return f"connecting to {look.clean(event.server)}"


def _connect_failed(_: StageView, event: events.ConnectFailed, look: Look) -> str:
    server, why = look.clean(event.server), look.clean(event.message or event.reason)
    if event.retry_in is not None:
        follows = f"; next try in {look.time(event.retry_in)}"
    elif event.fallback is not None:
        follows = f"; goes to {look.clean(event.fallback)}"
    else:
        follows = ""
    return f"cannot connect to {server} (try {event.tries}): {why}{follows}"


def _step_launching(_: StageView, event: events.StepLaunching, look: Look) -> str:
    name = f" ({look.clean(event.name)})" if event.name else ""
    return f"step {event.step}{name} on {look.clean(event.server)}"


def _step_started(stage: StageView, event: events.StepStarted, look: Look) -> str:
    """Say the start of an attempt: its first command, or its function."""
    first = 0 if stage.stage.function is not None else 1
    if event.step != first:
        return ""
    most = stage.stage.attempts
    which = f" (attempt {event.attempt} of {max(most, event.attempt)})"
    return f"started on {look.clean(stage.server)}{which if most > 1 or event.attempt > 1 else ''}"


def _step_waiting(_: StageView, event: events.StepWaiting, look: Look) -> str:
    if event.wait is None:
        return "goes on"
    words = Words.of(look.language)
    holder = look.clean(held_by(event.wait, words))
    return f"waits for {look.clean(waits_for(event.wait, words))}" + f": {holder}" * bool(holder)


def _link_lost(_: StageView, event: events.LinkLost, look: Look) -> str:
    server, why = look.clean(event.server), look.clean(event.reason)
    if event.barred is not None:
        return f"{why}: the build goes on on {server}, and so does the run once that is mended"
    return f"connection to {server} lost ({why}): the build goes on there, reconnecting"


def _link_restored(_: StageView, event: events.LinkRestored, look: Look) -> str:
    return f"connected to {look.clean(event.server)} again"


def _kill_requested(_: StageView, event: events.KillRequested, look: Look) -> str:
    return f"is being stopped ({look.clean(event.reason)})"


def _attempt_finished(stage: StageView, event: events.AttemptFinished, look: Look) -> str:
    if event.status in GOOD_ENDS:
        return ""
    took = look.time(stage.try_number(event.attempt).seconds)
    why = look.clean(event.first_error) or reason(stage, look)
    if event.reason == "abandoned":
        why = f"{why}; its job may live on there: `buildorch servers` shows it"
    return _sentence(_ending(event.status), took, why)


def _retry_scheduled(stage: StageView, event: events.RetryScheduled, look: Look) -> str:
    when = f"starts in {look.time(event.delay)}" if event.delay >= 1 else "starts now"
    if event.cause == "failures":
        return f"attempt {event.attempt} of {max(stage.stage.attempts, event.attempt)} {when}"
    there = "" if event.server is None else f" on {look.clean(event.server)}"
    if event.cause == "moved":
        return f"attempt {event.attempt} {when}{there}"
    return f"attempt {event.attempt} {when}{there}, since the infrastructure failed"


def _move_requested(_: StageView, event: events.MoveRequested, look: Look) -> str:
    return f"is moved to {look.clean(event.server)}, asked by {look.clean(event.by)}"


def _orphan_noted(view: RunView, event: events.OrphanNoted, look: Look) -> str:
    where = f"{look.clean(event.stage)} may still run on {look.clean(event.server)}"
    if view.abandoned is not None:
        return f"{where}; nobody stops it: `buildorch servers` shows what lives there"
    until = "once it is in the way" if event.spared else "once that answers"
    return f"{where}; it is stopped {until}, while a run waits for it"


def _orphan_gone(_: StageView, event: events.OrphanGone, look: Look) -> str:
    return f"is gone from {look.clean(event.server)}"


def _artifact_stored(_: StageView, event: events.ArtifactStored, look: Look) -> str:
    return f"collected {look.clean(event.path)} ({event.size:,} bytes)"


def _stage_finished(stage: StageView, event: events.StageFinished, look: Look) -> str:
    took = look.time(event.seconds)
    if event.status is StageStatus.SUCCEEDED:
        warning = look.clean(event.warning)
        return _sentence("recovered" if stage.recovered else "succeeded", took, warning)
    last = stage.history[-1].result if stage.history else None
    if last is not None and last.status is event.status and not event.allowed:
        return ""  # the end of its attempt has said it
    why = "allowed to fail" if event.allowed else reason(stage, look)
    return _sentence(_ending(event.status), took, why)


def _ending(status: StageStatus) -> str:
    return status.value.replace("_", " ")


def _sentence(what: str, took: str, why: str) -> str:
    return f"{what}{f' after {took}' if took else ''}{f': {why}' if why else ''}"


#: Says what happened to a run; an empty text where it is not worth a line.
OF_RUN: Mapping[type[Event], Callable[[RunView, Any, Look], str]] = {
    events.RunCreated: _run_created,
    events.ControllerAttached: _attached,
    events.ControllerDetached: _detached,
    events.CancelRequested: _cancel_requested,
    events.AbandonRequested: _abandon_requested,
    events.NotificationResult: _notification_result,
    events.OrphanNoted: _orphan_noted,
}

#: Says what happened to a stage, likewise.
OF_STAGE: Mapping[type[Event], Callable[[StageView, Any, Look], str]] = {
    events.AttemptStarted: _attempt_started,
    events.ConnectFailed: _connect_failed,
    events.StepLaunching: _step_launching,
    events.StepStarted: _step_started,
    events.StepWaiting: _step_waiting,
    events.LinkLost: _link_lost,
    events.LinkRestored: _link_restored,
    events.KillRequested: _kill_requested,
    events.AttemptFinished: _attempt_finished,
    events.RetryScheduled: _retry_scheduled,
    events.MoveRequested: _move_requested,
    events.OrphanGone: _orphan_gone,
    events.ArtifactStored: _artifact_stored,
    events.StageFinished: _stage_finished,
}
