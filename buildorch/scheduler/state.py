"""What is known of a run: the state that its events add up to.

`RunState.apply` is all that replay runs. It never decides anything; a move that the table does
not have raises and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from buildorch import events
from buildorch.events import Event
from buildorch.model import Plan, PlannedStage
from buildorch.scheduler.changes import CHANGES
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.table import ACTIVE, BY_EVENT, INSIDE, Phase


@attrs.frozen
class Orphan:
    """A job that may live although its attempt is over.

    Attributes:
        stage: Its stage.
        attempt: Its attempt.
        server: Where it was launched.
        job: Its id.
        spared: Whether it may end by itself while it is in nobody's way.
        since: Monotonic time at which it became one.
    """

    stage: str
    attempt: int
    server: str
    job: str
    spared: bool
    since: float


class IllegalMoveError(RuntimeError):
    """An event does not fit the state: a defect of ours, never of a user."""


class RunState:
    """What is known of a run.

    `active` are the stages that hold a slot, `connecting` those of them that wait for a link;
    `load` counts them by server. `freed` are the servers of slots that were given back, `touched`
    the stages about which there may be something new to decide; the scheduler empties both.
    `followers` are the stages that wait for one that has not ended, `orphans` the jobs that may
    live although their attempts are over, by id, in the order of their ids' events. `stopping`
    says whether stages are to end early: for a cancel, or another's failure with `fail_fast`.

    Args:
        plan: The plan it executes.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stages: dict[str, StageState] = {}
        self.followers: dict[str, list[StageState]] = {}
        for stage in plan.stages:
            before = self._awaited(stage)
            phase = Phase.WAITING if before else Phase.QUEUED
            state = self.stages[stage.name] = StageState(stage, len(before), phase)
            for name in before:
                self.followers.setdefault(name, []).append(state)
        self.active: dict[str, StageState] = {}
        self.connecting: dict[str, StageState] = {}
        self.load: Counter[str] = Counter()
        self.freed: list[str] = []
        self.touched = dict(self.stages)
        self.unfinished = len(self.stages)
        self.created: events.RunCreated | None = None
        self.created_at = 0.0
        self.attached_at = 0.0
        self.cancel_requested_at: float | None = None
        self.abandoned = False
        self.orphans: dict[str, Orphan] = {}
        self.failing_fast = False
        self.stopping = False
        self.archived = False
        self.archive_error: str | None = None
        self.finished: events.RunFinished | None = None

    def _awaited(self, stage: PlannedStage) -> Sequence[str]:
        """Return the stages that have to end before *stage* can start.

        For an `always` stage those are all before it, not the nearest alone: after a cancel the
        nearest may be over, never having begun, while one before it is still being killed.
        """
        if not stage.always:
            return stage.after
        found: dict[str, None] = {}
        todo = list(stage.after)
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = None
                todo += self.stages[name].stage.after
        return list(found)

    def apply(self, event: Event, now: float) -> None:
        """Change the state by *event*, which happened at the monotonic time *now*.

        Raises:
            IllegalMoveError: The event does not fit; nothing was changed.
        """
        kind = type(event)
        change = CHANGES.get(kind)
        if change is None:
            self._apply_aside(event, now)
            return
        state = self.stages[event.stage]  # type: ignore[union-attr,index] # as all of CHANGES have
        before = state.phase
        phase = BY_EVENT[before].get(kind)
        if phase is None:
            raise IllegalMoveError(f"{event.kind} does not fit stage {state.name!r} in {before}")
        server = state.server.name
        state.phase = phase
        change(state, event, now)
        self.touched[state.name] = state
        if before not in INSIDE or state.phase not in INSIDE:  # not so for most events
            self._move(state, before, server)

    def _move(self, state: StageState, before: Phase, server: str) -> None:
        """Note that *state* left a phase and a server, where that shows from outside."""
        name, held, holds = state.name, before in ACTIVE, state.phase in ACTIVE
        if held:
            self.connecting.pop(name, None)
        if held and not (holds and state.server.name == server):
            del self.active[name]
            self.load[server] -= 1
            self.freed.append(server)
        if holds and name not in self.active:
            self.active[name] = state
            self.load[state.server.name] += 1
        if holds and state.phase not in INSIDE:
            self.connecting[name] = state
        if state.finished is not None:
            self._end(state)

    def _apply_aside(self, event: Event, now: float) -> None:
        if isinstance(event, events.OrphanNoted | events.OrphanGone):
            self._apply_orphan(event, now)
        else:
            self._apply_to_run(event, now)

    def _apply_to_run(self, event: Event, now: float) -> None:
        match event:
            case events.RunCreated():
                self.created, self.created_at = event, now
            case events.ControllerAttached():
                self.attached_at = now
                self._touch_open()
            case events.AbandonRequested():
                self.abandoned = True
                self._touch_open()
            case events.CancelRequested():
                if self.cancel_requested_at is None:
                    self.cancel_requested_at, self.stopping = now, True
                self._touch_open()
            case events.ArtifactStored(stage=None):
                self.archived = True
            case events.RunFinished():
                self.finished = event
            case _:
                pass

    def _apply_orphan(self, event: events.OrphanNoted | events.OrphanGone, now: float) -> None:
        if isinstance(event, events.OrphanGone):
            self.orphans.pop(event.job, None)
        else:
            self.orphans[event.job] = Orphan(
                event.stage, event.attempt, event.server, event.job, event.spared, now
            )
        self.touched[event.stage] = self.stages[event.stage]

    def _touch_open(self) -> None:
        self.touched.update((state.name, state) for state in self.open_stages())

    def orphans_of(self, state: StageState) -> list[Orphan]:
        """Return the orphans that keep *state* from being launched on its server."""
        if not self.orphans:
            return []
        return [
            one
            for one in self.orphans.values()
            if one.stage == state.name and one.server == state.server.name
        ]

    def _end(self, state: StageState) -> None:
        """Carry the end of a stage on to its followers."""
        self.unfinished -= 1
        clear = state.clear
        for follower in self.followers.pop(state.name, ()):
            follower.pending -= 1
            if not clear:
                follower.unclear = True
                follower.blocked_by = follower.blocked_by or state.name
            if not follower.pending:
                self._release(follower)
            if follower.unclear or not follower.pending:
                self.touched[follower.name] = follower
        if self.plan.fail_fast and not clear and not self.failing_fast:
            self.failing_fast = self.stopping = True
            self._touch_open()

    @staticmethod
    def _release(state: StageState) -> None:
        """Let a stage go on for which all before it have ended."""
        if state.phase is Phase.WAITING and (state.stage.always or not state.unclear):
            state.phase = Phase.QUEUED

    def open_stages(self) -> list[StageState]:
        """Return the stages that have not ended, in the plan's order."""
        return [state for state in self.stages.values() if state.finished is None]
