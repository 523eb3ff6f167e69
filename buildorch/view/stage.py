"""What is known of one stage and of its attempts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from buildorch import events
from buildorch.events import Event
from buildorch.job import Wait
from buildorch.model import PlannedStage, StageStatus


@attrs.define
class AttemptView:
    """One attempt of a stage.

    Attributes:
        number: Its number, from 1.
        server: Where it runs.
        started_at: Unix time of its first launch; None while it is connecting.
        finished_at: Unix time of its end.
        result: How it ended.
    """

    number: int
    server: str
    started_at: float | None = None
    finished_at: float | None = None
    result: events.AttemptFinished | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at


@attrs.define
class StageView:
    """What is known of one stage.

    Attributes:
        stage: The plan's stage.
        state: `waiting`, `queued`, `connecting`, `launching`, `running`, `draining`, `backoff`,
            `cancelling`, or the value of a `StageStatus`.
        server: Where it runs, or ran last.
        history: Its attempts, in order.
        step: Number of the newest command of the attempt, from 1.
        step_name: Its name, where a stage function gave it one.
        wait: What its command waits for on the server, while it does.
        wait_since: Unix time since which the holder has that, where known.
        link_lost_since: Unix time since which its server does not answer.
        link_lost_reason: Why, in a few words.
        barred: Why only a person can bring the connection back, while that is so.
        connect_failed: The last failed try to connect of the attempt that is connecting.
        retry_at: Unix time of the next try or attempt, while one is due.
        retry_cause: `failures`, `infrastructure`, `free` or `moved`, for the next attempt.
        kill: Why its tree is being killed.
        orphans: Jobs that may still be alive, as (server, job).
        artifacts: Files that were collected.
        finished: Its end.
        finished_at: Unix time of its end.
    """

    stage: PlannedStage
    state: str = "waiting"
    server: str | None = None
    history: list[AttemptView] = attrs.field(factory=list)
    step: int = 0
    step_name: str | None = None
    wait: Wait | None = None
    wait_since: float | None = None
    link_lost_since: float | None = None
    link_lost_reason: str | None = None
    barred: str | None = None
    connect_failed: events.ConnectFailed | None = None
    retry_at: float | None = None
    retry_cause: str | None = None
    kill: str | None = None
    orphans: set[tuple[str, str]] = attrs.field(factory=set)
    artifacts: list[events.ArtifactStored] = attrs.field(factory=list)
    finished: events.StageFinished | None = None
    finished_at: float | None = None

    def draft(self) -> StageView:
        """Return a copy that changes without this one."""
        made = copy.copy(self)
        made.history = [copy.copy(one) for one in self.history]
        made.orphans, made.artifacts = set(self.orphans), list(self.artifacts)
        return made

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name

    @property
    def attempt(self) -> int:
        """Number of the current or last attempt; 0 before the first."""
        return self.history[-1].number if self.history else 0

    @property
    def status(self) -> StageStatus | None:
        """How it ended; None while it has not."""
        return self.finished.status if self.finished is not None else None

    @property
    def started_at(self) -> float | None:
        """Unix time of the launch of the current or last attempt."""
        return self.history[-1].started_at if self.history else None

    @property
    def first_started_at(self) -> float | None:
        """Unix time of the first launch of all its attempts."""
        return next((one.started_at for one in self.history if one.started_at is not None), None)

    @property
    def seconds(self) -> float | None:
        """How long it took over all attempts, once it has ended."""
        return self.finished.seconds if self.finished is not None else None

    @property
    def failures(self) -> list[events.AttemptFinished]:
        """The ends of its attempts that did not succeed, in order."""
        results = [one.result for one in self.history if one.result is not None]
        return [result for result in results if result.status is not StageStatus.SUCCEEDED]

    @property
    def setbacks(self) -> list[events.AttemptFinished]:
        """Those failures that are any: neither a move nor a launch that never was is one."""
        return [one for one in self.failures if one.reason not in ("moved", "never started")]

    @property
    def recovered(self) -> bool:
        """Whether it succeeded after it had failed."""
        return self.status is StageStatus.SUCCEEDED and bool(self.setbacks)

    @property
    def result(self) -> events.StageFinished | events.AttemptFinished | None:
        """Its end, or that of its last attempt while another one is due."""
        return self.finished or (self.history[-1].result if self.history else None)

    @property
    def reason(self) -> str | None:
        """Why it ended as it did: also what made it be skipped."""
        return self.result.reason if self.result is not None else None

    @property
    def allowed(self) -> bool:
        """Whether it failed and was allowed to."""
        return self.finished is not None and self.finished.allowed

    def apply(self, event: Event, at: float) -> None:
        """Take one more event about this stage; one that does not fit is ignored."""
        change = _CHANGES.get(type(event))
        if change is not None:
            change(self, event, at)

    def try_number(self, number: int) -> AttemptView:
        """Return the attempt *number*, made now where it is not known yet."""
        for one in self.history:
            if one.number == number:
                return one
        self.history.append(AttemptView(number, self.server or ""))
        return self.history[-1]

    def enter(self, state: str) -> None:
        """Move to *state*, unless it has ended."""
        if self.finished is None:
            self.state = state


def _attempt_started(view: StageView, event: events.AttemptStarted, _: float) -> None:
    known = view.attempt
    view.server = event.server
    view.try_number(event.attempt).server = event.server
    if event.attempt != known:
        view.step, view.step_name, view.kill = 0, None, None
    view.connect_failed = view.retry_at = view.retry_cause = None
    _link_back(view)
    view.enter("connecting")


def _connect_failed(view: StageView, event: events.ConnectFailed, at: float) -> None:
    view.connect_failed = event
    view.retry_at = None if event.retry_in is None else at + event.retry_in
    view.enter("connecting")


def _move_requested(view: StageView, event: events.MoveRequested, _: float) -> None:
    if view.state in ("waiting", "queued", "backoff", "connecting"):
        view.server = event.server


def _step_launching(view: StageView, event: events.StepLaunching, at: float) -> None:
    _launched(view, event.attempt, at)
    view.server, view.step, view.step_name = event.server, event.step, event.name
    view.enter("launching")


def _step_started(view: StageView, event: events.StepStarted, at: float) -> None:
    _launched(view, event.attempt, at)
    view.enter("cancelling" if view.kill is not None else "running")


def _launched(view: StageView, attempt: int, at: float) -> None:
    one = view.try_number(attempt)
    if one.started_at is None:
        one.started_at = at
    view.connect_failed = view.retry_at = None


def _step_waiting(view: StageView, event: events.StepWaiting, at: float) -> None:
    view.wait = event.wait
    since = event.wait.seconds if event.wait is not None else None
    view.wait_since = None if since is None else at - since


def _link_lost(view: StageView, event: events.LinkLost, at: float) -> None:
    if view.link_lost_since is None:
        view.link_lost_since = at
    view.link_lost_reason, view.barred = event.reason, event.barred


def _heard_again(
    view: StageView, _: events.LinkRestored | events.ArtifactsCollected, __: float
) -> None:
    _link_back(view)


def _link_back(view: StageView) -> None:
    view.link_lost_since = view.link_lost_reason = view.barred = None


def _kill_requested(view: StageView, event: events.KillRequested, _: float) -> None:
    view.kill = event.reason
    view.enter("cancelling")


def _step_finished(view: StageView, _: events.StepFinished, __: float) -> None:
    view.wait = view.wait_since = None
    _link_back(view)
    # A stage function goes on after its command; a command stage only waits for its verdict.
    view.enter("running" if view.stage.function is not None else "draining")


def _attempt_finished(view: StageView, event: events.AttemptFinished, at: float) -> None:
    one = view.try_number(event.attempt)
    one.result, one.finished_at = event, at
    # The wait as well: a job that is given up has no end of its own.
    view.kill = view.wait = view.wait_since = None
    _link_back(view)
    view.enter("draining")


def _retry_scheduled(view: StageView, event: events.RetryScheduled, at: float) -> None:
    view.retry_at, view.retry_cause = at + event.delay, event.cause
    view.server = event.server or view.server
    view.enter("backoff")


def _orphan_noted(view: StageView, event: events.OrphanNoted, _: float) -> None:
    view.orphans.add((event.server, event.job))


def _orphan_gone(view: StageView, event: events.OrphanGone, _: float) -> None:
    view.orphans.discard((event.server, event.job))


def _artifact_stored(view: StageView, event: events.ArtifactStored, _: float) -> None:
    view.artifacts.append(event)


def _stage_finished(view: StageView, event: events.StageFinished, at: float) -> None:
    if view.finished is not None:
        return
    view.finished, view.finished_at, view.state = event, at, event.status.value
    view.server = event.server or view.server
    view.retry_at = view.connect_failed = None
    _link_back(view)


_CHANGES: Mapping[type[Event], Callable[[StageView, Any, float], None]] = {
    events.AttemptStarted: _attempt_started,
    events.ConnectFailed: _connect_failed,
    events.MoveRequested: _move_requested,
    events.StepLaunching: _step_launching,
    events.StepStarted: _step_started,
    events.StepWaiting: _step_waiting,
    events.LinkLost: _link_lost,
    events.LinkRestored: _heard_again,
    events.KillRequested: _kill_requested,
    events.StepFinished: _step_finished,
    events.AttemptFinished: _attempt_finished,
    events.RetryScheduled: _retry_scheduled,
    events.OrphanNoted: _orphan_noted,
    events.OrphanGone: _orphan_gone,
    events.ArtifactStored: _artifact_stored,
    events.ArtifactsCollected: _heard_again,
    events.StageFinished: _stage_finished,
}
