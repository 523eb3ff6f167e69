"""What is known of a run: the state that its events add up to.

`RunState.apply` is all that replay runs. It never decides anything; a move that the table does
not have raises and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import attrs

from buildorch import events
from buildorch.events import Event
from buildorch.model import Plan, PlannedStage
from buildorch.scheduler.changes import CHANGES
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.table import Phase, next_phase


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


_ACTIVE = frozenset(
    {
        Phase.CONNECTING,
        Phase.LAUNCHING,
        Phase.RUNNING,
        Phase.CANCELLING,
        Phase.ENDED,
        Phase.SETTLING,
    }
)


class RunState:
    """What is known of a run.

    `active` are the stages that hold a slot, `load` counts them by server. `orphans` are the jobs
    that may live although their attempts are over, by id, in the order of their ids' events.

    Args:
        plan: The plan it executes.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._after_of = {stage.name: stage.after for stage in plan.stages}
        self.stages: dict[str, StageState] = {}
        self.followers: dict[str, list[str]] = {stage.name: [] for stage in plan.stages}
        for stage in plan.stages:
            before = self._awaited(stage)
            self.stages[stage.name] = StageState(stage, pending=len(before))
            for name in before:
                self.followers[name].append(stage.name)
        for state in self.stages.values():
            if not state.pending:
                state.phase = Phase.QUEUED
        self.active: dict[str, StageState] = {}
        self.load: Counter[str] = Counter()
        self.unfinished = len(self.stages)
        self.created: events.RunCreated | None = None
        self.created_at = 0.0
        self.attached_at = 0.0
        self.cancel_requested_at: float | None = None
        self.abandoned = False
        self.orphans: dict[str, Orphan] = {}
        self.failing_fast = False
        self.archived = False
        self.archive_error: str | None = None
        self.finished: events.RunFinished | None = None

    def _awaited(self, stage: PlannedStage) -> list[str]:
        """Return the stages that have to end before *stage* can start.

        For an `always` stage those are all before it, not the nearest alone: after a cancel the
        nearest may be over, never having begun, while one before it is still being killed.
        """
        if not stage.always:
            return list(stage.after)
        found: dict[str, None] = {}
        todo = list(stage.after)
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = None
                todo += self._after_of[name]
        return list(found)

    def apply(self, event: Event, now: float) -> Iterator[StageState]:
        """Change the state by *event*, which happened at the monotonic time *now*.

        Returns:
            The stages about which there may be something new to decide.

        Raises:
            IllegalMoveError: The event does not fit; nothing was changed.
        """
        name = getattr(event, "stage", None)
        if name is None or isinstance(event, _ASIDE):
            return self._apply_to_run(event, now)
        if isinstance(event, events.OrphanNoted | events.OrphanGone):
            return self._apply_orphan(event, now)
        state = self.stages[name]
        phase = next_phase(state.phase, event)
        if phase is None:
            raise IllegalMoveError(f"{event.kind} does not fit stage {name!r} in {state.phase}")
        self._deactivate(state)
        state.phase = phase
        change = CHANGES.get(type(event))
        if change is not None:
            change(state, event, now)
        self._activate(state)
        return self._after(state, event)

    def _deactivate(self, state: StageState) -> None:
        if self.active.pop(state.name, None) is not None:
            self.load[state.server.name] -= 1

    def _activate(self, state: StageState) -> None:
        if state.phase in _ACTIVE:
            self.active[state.name] = state
            self.load[state.server.name] += 1

    def _apply_to_run(self, event: Event, now: float) -> Iterator[StageState]:
        if isinstance(event, events.RunCreated):
            self.created, self.created_at = event, now
        if isinstance(event, events.ControllerAttached):
            self.attached_at = now
        if isinstance(event, events.AbandonRequested):
            self.abandoned = True
            return iter(self.open_stages())
        if isinstance(event, events.CancelRequested):
            if self.cancel_requested_at is None:
                self.cancel_requested_at = now
            return iter(self.open_stages())
        if isinstance(event, events.ArtifactStored) and event.stage is None:
            self.archived = True
        if isinstance(event, events.RunFinished):
            self.finished = event
        return iter(())

    def _apply_orphan(
        self, event: events.OrphanNoted | events.OrphanGone, now: float
    ) -> Iterator[StageState]:
        if isinstance(event, events.OrphanGone):
            self.orphans.pop(event.job, None)
        else:
            self.orphans[event.job] = Orphan(
                event.stage, event.attempt, event.server, event.job, event.spared, now
            )
        return iter((self.stages[event.stage],))

    def orphans_of(self, state: StageState) -> list[Orphan]:
        """Return the orphans that keep *state* from being launched on its server."""
        return [
            one
            for one in self.orphans.values()
            if one.stage == state.name and one.server == state.server.name
        ]

    def _after(self, state: StageState, event: Event) -> Iterator[StageState]:
        """Carry the end of a stage on to its followers."""
        if not isinstance(event, events.StageFinished):
            return iter((state,))
        self.unfinished -= 1
        touched = [self._tell(self.stages[name], state) for name in self.followers[state.name]]
        if self.plan.fail_fast and not state.clear and not self.failing_fast:
            self.failing_fast = True
            touched = self.open_stages()
        return iter(touched)

    @staticmethod
    def _tell(follower: StageState, ended: StageState) -> StageState:
        follower.pending -= 1
        if not ended.clear:
            follower.unclear = True
            follower.blocked_by = follower.blocked_by or ended.name
        ready = not follower.pending and (follower.stage.always or not follower.unclear)
        if ready and follower.phase is Phase.WAITING:
            follower.phase = Phase.QUEUED
        return follower

    def open_stages(self) -> list[StageState]:
        """Return the stages that have not ended, in the plan's order."""
        return [state for state in self.stages.values() if state.finished is None]


#: Events about a stage that change nothing for the scheduler.
_ASIDE = (
    events.NotificationDue,
    events.ArtifactStored,
)
