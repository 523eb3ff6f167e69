"""How each kind of event changes what is known of its stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildorch import events
from buildorch.events import Event
from buildorch.scheduler.facts import NO_REPORT
from buildorch.scheduler.stage import StageState, StepState
from buildorch.scheduler.table import Phase


def _attempt_started(state: StageState, event: events.AttemptStarted, now: float) -> None:
    if event.attempt != state.attempt:
        if state.attempt:
            _forget_attempt(state)
        state.attempt = event.attempt
    if event.server != state.server.name:
        state.use(event.server)
    state.tries = 0
    state.unreachable = None
    state.not_before = now
    _link_back(state)
    if state.started_at is None:
        state.started_at = now


def _forget_attempt(state: StageState) -> None:
    state.steps = {}
    state.values = {}
    state.move = None
    state.kill = None
    state.kill_at = None
    state.launched_at = None
    state.waits_since = None
    state.collected = None
    state.verdict = None


def _connect_failed(state: StageState, event: events.ConnectFailed, now: float) -> None:
    state.tries = event.tries
    state.not_before = now + (event.retry_in or 0.0)
    if event.retry_in is None and event.fallback is None:
        state.unreachable = event
    if event.fallback is not None:
        state.use(event.fallback)
        state.tries = 0
        state.phase = Phase.QUEUED


def _move_requested(state: StageState, event: events.MoveRequested, now: float) -> None:
    if state.phase not in (Phase.QUEUED, Phase.BACKOFF):
        state.move = event  # once its job is dead, or noted as an orphan
        return
    state.use(event.server)
    state.tries = 0
    state.unreachable = None
    state.not_before = now


def _step_launching(state: StageState, event: events.StepLaunching, now: float) -> None:
    state.launched_at = state.launched_at or now
    state.steps[event.step] = StepState(
        event.job, event.server, event.digest, event.name, event.log_base
    )


def _step_started(state: StageState, event: events.StepStarted, now: float) -> None:
    state.launched_at = state.launched_at or now
    if event.step:
        state.steps[event.step].started = True


def _step_waiting(state: StageState, event: events.StepWaiting, now: float) -> None:
    state.steps[event.step].wait = event.wait
    _count_wait(state, now)
    if event.wait is not None and event.wait.kind == "lock":
        state.waits_since = now


def _count_wait(state: StageState, now: float) -> None:
    """End a wait for a lock: the attempt's time begins when its command can."""
    if state.waits_since is not None and state.launched_at is not None:
        state.launched_at += now - state.waits_since
    state.waits_since = None


def _step_finished(state: StageState, event: events.StepFinished, now: float) -> None:
    state.steps[event.step].finished = event
    _link_back(state)
    _count_wait(state, now)


def _value_recorded(state: StageState, event: events.ValueRecorded, _: float) -> None:
    state.values[event.step, event.key] = event.value


def _link_lost(state: StageState, event: events.LinkLost, now: float) -> None:
    if state.link_down_since is None:
        state.link_down_since = now
        state.timed = True
    state.barred = event.barred


def _link_back(state: StageState) -> None:
    if state.link_down_since is not None:
        state.link_down_since = state.barred = None
        state.timed = state.stage.function is not None


def _link_restored(state: StageState, _: events.LinkRestored, __: float) -> None:
    _link_back(state)


def _kill_requested(state: StageState, event: events.KillRequested, now: float) -> None:
    state.kill = event.reason
    state.kill_at = now


def _attempt_finished(state: StageState, event: events.AttemptFinished, _: float) -> None:
    state.verdict = event


def _artifacts_collected(state: StageState, event: events.ArtifactsCollected, _: float) -> None:
    state.collected = event
    _link_back(state)


def _retry_scheduled(state: StageState, event: events.RetryScheduled, now: float) -> None:
    state.budget = state.budget.used(event.cause)
    if event.server is not None:
        state.use(event.server)
    state.not_before = now + event.delay


def _stage_finished(state: StageState, event: events.StageFinished, _: float) -> None:
    state.finished = event
    state.report = NO_REPORT  # what it came to is in the event


#: How each kind of event changes the stage that it is about.
CHANGES: Mapping[type[Event], Callable[[StageState, Any, float], None]] = {
    events.AttemptStarted: _attempt_started,
    events.ConnectFailed: _connect_failed,
    events.MoveRequested: _move_requested,
    events.StepLaunching: _step_launching,
    events.StepStarted: _step_started,
    events.StepWaiting: _step_waiting,
    events.StepFinished: _step_finished,
    events.ValueRecorded: _value_recorded,
    events.LinkLost: _link_lost,
    events.LinkRestored: _link_restored,
    events.KillRequested: _kill_requested,
    events.AttemptFinished: _attempt_finished,
    events.ArtifactsCollected: _artifacts_collected,
    events.RetryScheduled: _retry_scheduled,
    events.StageFinished: _stage_finished,
}
