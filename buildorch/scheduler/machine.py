"""The scheduler: facts in, events and actions out; the only door to the run's state.

The runner's turn is always the same: `observe` each fact, `decide`, store the events that came
of it in one transaction, then carry out `actions`. Actions are derived from the state, not from
the events: a controller that resumes a run replays its events with `replay` and is then given
every action that is still wanted.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from buildorch import events
from buildorch.events import Event
from buildorch.model import Defaults, Plan, RunStatus
from buildorch.scheduler import actions, facts
from buildorch.scheduler.actions import Action
from buildorch.scheduler.decide import next_event, run_end, run_status
from buildorch.scheduler.facts import Fact
from buildorch.scheduler.fencing import Patience, due_times
from buildorch.scheduler.observe import observe
from buildorch.scheduler.queue import Admission
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import Orphan, RunState
from buildorch.scheduler.surroundings import Surroundings
from buildorch.scheduler.table import LINKED, Phase


class Scheduler:
    """Decides what a run does next.

    Args:
        plan: What is to be run.
        run: Id of the run; job ids begin with it.
        defaults: Limits in seconds: `lost_after`, `cleanup_timeout`.
        chance: Returns a number from 0 to 1 for the jitter of backoff.
        abandon_after: Seconds after which a server that does not answer is given up; None: never.

    Example:
        >>> from buildorch.model import PlannedStage, THIS_MACHINE
        >>> stage = PlannedStage(name="a", index=0, servers=(THIS_MACHINE,), command="true")
        >>> scheduler = Scheduler(Plan(name="p", stages=(stage,)), "r", Defaults(), lambda: 0.5)
        >>> scheduler.actions(now=0.0)
        [TakeSlot(stage='a', server='local')]
    """

    def __init__(
        self,
        plan: Plan,
        run: str,
        defaults: Defaults,
        chance: Callable[[], float],
        abandon_after: float | None = None,
    ) -> None:
        self.state = RunState(plan)
        self._run = run
        self._defaults = defaults
        self._chance = chance
        self._patience = Patience(cleanup=defaults.cleanup_timeout, silent=abandon_after)
        self._todo: deque[StageState] = deque(self.state.stages.values())
        self._changed: dict[str, StageState] = dict(self.state.stages)
        self._wanted: dict[tuple[str, str], Action] = {}
        self._fences: dict[str, Action] = {}
        self._timers: list[tuple[float, int, str]] = []
        self._admission = Admission(plan)
        self._busy_until: dict[str, float] = {}
        self._archiving = False

    def replay(self, event: Event, now: float) -> None:
        """Apply a stored event that happened at the monotonic time *now*."""
        self._apply(event, now)

    def observe(self, fact: Fact, now: float) -> list[Event]:
        """Return the events that *fact* is; none where it comes too late to matter."""
        if isinstance(fact, facts.SlotTaken | facts.SlotBusy):
            return self._slot(fact, now)
        if isinstance(fact, facts.Archived) and fact.error is not None:
            self.state.archived, self.state.archive_error = True, fact.error
        made = list(observe(fact, Surroundings(self.state, self._run, now, self._chance)))
        for event in made:
            if isinstance(fact, facts.JobEnded) and isinstance(event, events.StepFinished):
                # Only then: a job of an older attempt says nothing of this one.
                self.state.stages[fact.stage].report = fact.log
            self._apply(event, now)
        return made

    def decide(self, now: float) -> list[Event]:
        """Return every event that the state makes due at *now*, already applied."""
        self._wake(now)
        made: list[Event] = []
        while self._todo:
            state = self._todo.popleft()
            event = next_event(self.state, state, now, self._patience)
            if event is not None:
                made.append(event)
                self._apply(event, now)
        if self._concluded():
            end = run_end(self.state, now, self._patience)
            if end is not None:
                made.append(end)
                self._apply(end, now)
        return made

    def _concluded(self) -> bool:
        """Tell whether nothing is left to do but to say so."""
        if self.state.unfinished:
            return False
        wanted = self.state.plan.archive and run_status(self.state) is RunStatus.SUCCEEDED
        return self.state.archived or not wanted

    def actions(self, now: float) -> list[Action]:
        """Return what is wanted and was not handed out before."""
        made: list[Action] = []
        for state in self._changed.values():
            self._queue(state, now)
            made += self._fresh(state, "do", self._wish(state, now))
            made += self._fresh(state, "tell", self._alarm(state, now))
        self._changed.clear()
        made += self._fresh_fences()
        made.extend(self._admission.ask(self.state))
        if not (self.state.unfinished or self._archiving or self._concluded()):
            self._archiving = True
            made.append(actions.WriteArchive())
        return made

    def _fresh(self, state: StageState, kind: str, wish: Action | None) -> list[Action]:
        """Return *wish*, unless it was handed out already."""
        known = self._wanted.pop((state.name, kind), None)
        if wish is None:
            return []
        self._wanted[state.name, kind] = wish
        return [] if wish == known else [wish]

    def _fresh_fences(self) -> list[Action]:
        """Return what is wanted for the orphans and was not handed out before."""
        wanted = {job: self._fence(orphan) for job, orphan in self.state.orphans.items()}
        fresh = [wish for job, wish in wanted.items() if self._fences.get(job) != wish]
        self._fences = wanted
        return fresh

    def _fence(self, orphan: Orphan) -> Action:
        stage = self.state.stages[orphan.stage]
        stopping = self.state.cancel_requested_at is not None or self.state.failing_fast
        kill = not orphan.spared or stopping or stage.finished is None
        return actions.Fence(orphan.stage, orphan.attempt, orphan.server, orphan.job, kill)

    @property
    def asked(self) -> frozenset[str]:
        """The stages for which a slot was asked and not answered yet."""
        return self._admission.asked

    def wake_at(self) -> float | None:
        """Return the monotonic time at which something is due without any fact, or None."""
        return self._timers[0][0] if self._timers else None

    def _apply(self, event: Event, now: float) -> None:
        for state in self.state.apply(event, now):
            self._todo.append(state)
            self._changed[state.name] = state
        name = getattr(event, "stage", None)
        if name is not None:
            state = self._changed[name] = self.state.stages[name]
            if state.between_steps and state.function_due is not None:
                self._at(state.function_due, state)
            self._when_due(state, now)
        if isinstance(event, events.ControllerAttached):
            for state in self.state.open_stages():
                self._when_due(state, now)
        if isinstance(event, events.CancelRequested):
            for state in self.state.open_stages():
                if state.stage.always:
                    self._at(now + self._defaults.cleanup_timeout, state)

    def _when_due(self, state: StageState, now: float) -> None:
        """Look at a stage again when its server has been silent for too long."""
        for due in due_times(self.state, state, self._patience):
            if due > now:
                self._at(due, state)

    def _slot(self, fact: facts.SlotTaken | facts.SlotBusy, now: float) -> list[Event]:
        state = self.state.stages[fact.stage]
        self._admission.answered(state.name)
        if state.phase not in (Phase.QUEUED, Phase.BACKOFF):
            return []
        if fact.server != state.server.name:
            self._changed[state.name] = state  # it was moved meanwhile
            return []
        if isinstance(fact, facts.SlotBusy):
            self._busy_until[state.name] = now + SLOT_DELAY
            self._changed[state.name] = state
            return []
        again = state.phase is Phase.BACKOFF or state.attempt == 0
        event = events.AttemptStarted(
            stage=state.name, attempt=state.attempt + again, server=fact.server
        )
        self._apply(event, now)
        return [event]

    def _queue(self, state: StageState, now: float) -> None:
        """Let a stage that waits for nothing but limits take part in the admission."""
        if state.phase not in (Phase.QUEUED, Phase.BACKOFF) or self.state.orphans_of(state):
            return  # what may live of it on that server is fenced first
        due = max(state.not_before, self._busy_until.get(state.name, now))
        if due > now:
            self._at(due, state)
        else:
            self._admission.add(state)

    def _wish(self, state: StageState, now: float) -> Action | None:
        """Return what the state of one stage asks for."""
        match state.phase:
            case Phase.CONNECTING:
                if state.not_before > now:
                    self._at(state.not_before, state)
                    return None
                return actions.Connect(state.name, state.server.name, state.tries)
            case Phase.SETTLING if state.wants_artifacts:
                return actions.Collect(state.name, state.attempt, state.server.name)
            case Phase.LAUNCHING | Phase.RUNNING | Phase.ENDED | Phase.CANCELLING:
                return self._wish_running(state)
            case _:
                return None

    @staticmethod
    def _wish_running(state: StageState) -> Action | None:
        if state.kill is not None:
            return _kill(state)
        if state.stage.function is not None:
            return actions.Call(state.name, state.attempt, state.server.name)
        step = state.steps.get(state.step)
        if step is None or step.finished is not None:
            return None
        return actions.Attend(state.name, state.attempt, state.step, step.server, step.job)

    def _alarm(self, state: StageState, now: float) -> Action | None:
        """Return the alert that is due once a running stage's link has been gone for long."""
        since = state.link_down_since
        if since is None or state.kill is not None or state.phase not in LINKED:
            return None
        if state.barred is not None:
            return None  # they were told at once, and why
        due = since + self._defaults.lost_after
        if now < due:
            self._at(due, state)
            return None
        return actions.AlertLinkLost(state.name, state.attempt, state.server.name)

    def _at(self, due: float, state: StageState) -> None:
        heapq.heappush(self._timers, (due, state.stage.index, state.name))

    def _wake(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            state = self.state.stages[heapq.heappop(self._timers)[2]]
            self._changed[state.name] = state
            self._todo.append(state)


#: Seconds until a slot that another run holds is asked for again.
SLOT_DELAY = 1.0


def _kill(state: StageState) -> Action:
    step = state.steps.get(state.step)
    running = step is not None and step.finished is None
    return actions.Kill(
        state.name,
        state.attempt,
        state.step if running else 0,
        step.server if step is not None else state.server.name,
        step.job if step is not None and running else None,
        state.kill or "cancelled",
    )
