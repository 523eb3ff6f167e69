"""The scheduler: facts in, events and actions out; the only door to the run's state.

The runner's turn is always the same: `observe` each fact, `decide`, store the events that came
of it in one transaction, then carry out `actions`. Actions are derived from the state, not from
the events: a controller that resumes a run replays its events with `replay` and is then given
every action that is still wanted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

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
from buildorch.scheduler.table import ACTIVE, LINKED, QUEUEING, WITH_JOB, Phase


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
        self._defaults = defaults
        self._patience = Patience(cleanup=defaults.cleanup_timeout, silent=abandon_after)
        self._changed: dict[str, StageState] = {}
        self._here = Surroundings(self.state, run, chance)
        self._wanted: dict[str, Action] = {}
        self._alarms: dict[str, Action] = {}
        self._fences: dict[str, Action] = {}
        self._timers: list[tuple[float, int, str]] = []
        self._admission = Admission(plan)
        self._busy_until: dict[str, float] = {}
        self._archiving = False
        self._hears: Mapping[type[Fact], Callable[[Any, float], list[Event]]] = {
            facts.SlotTaken: self._hear_slot,
            facts.SlotBusy: self._hear_slot,
            facts.JobEnded: self._hear_end,
            facts.Archived: self._hear_archived,
        }

    def replay(self, event: Event, now: float) -> None:
        """Apply a stored event that happened at the monotonic time *now*."""
        self.state.apply(event, now)

    def observe(self, fact: Fact, now: float) -> list[Event]:
        """Return the events that *fact* is; none where it comes too late to matter."""
        return self._hears.get(type(fact), self._hear)(fact, now)

    def _hear(self, fact: Fact, now: float) -> list[Event]:
        made = observe(fact, self._here, now)
        for event in made:
            self.state.apply(event, now)
        return made

    def _hear_end(self, fact: facts.JobEnded, now: float) -> list[Event]:
        made = self._hear(fact, now)
        if made and isinstance(made[-1], events.StepFinished):
            # Only then: a job of an older attempt says nothing of this one.
            self.state.stages[fact.stage].report = fact.log
        return made

    def _hear_archived(self, fact: facts.Archived, now: float) -> list[Event]:
        if fact.error is not None:
            self.state.archived, self.state.archive_error = True, fact.error
        return self._hear(fact, now)

    def decide(self, now: float) -> list[Event]:
        """Return every event that the state makes due at *now*, already applied."""
        run, made = self.state, list[Event]()
        if self._timers:
            self._wake(now)
        while run.touched:
            touched, run.touched = run.touched, {}
            self._changed.update(touched)
            for state in touched.values():
                while event := next_event(run, state, now, self._patience):
                    made.append(event)
                    run.apply(event, now)
        if not run.unfinished and self._concluded():
            end = run_end(run, now, self._patience)
            if end is not None:
                made.append(end)
                run.apply(end, now)
        return made

    def _concluded(self) -> bool:
        """Tell whether nothing is left to do after the last stage but to say so."""
        wanted = self.state.plan.archive and run_status(self.state) is RunStatus.SUCCEEDED
        return self.state.archived or not wanted

    def actions(self, now: float) -> list[Action]:
        """Return what is wanted and was not handed out before."""
        made: list[Action] = []
        changed, self._changed = self._changed, {}
        changed.update(self.state.touched)
        special = self.state.stopping or self.state.orphans or self._alarms
        for name, state in changed.items():
            if state.timed or special:
                made += self._watch(state, now)
            if state.phase not in ACTIVE:
                self._wanted.pop(name, None)
                self._wait(state, now)
                continue
            wish, known = self._wish(state, now), self._wanted.pop(name, None)
            if wish is not None:
                self._wanted[name] = wish
                if known is None or known != wish:
                    made.append(wish)
        if self.state.orphans or self._fences:
            made += self._fresh_fences()
        made += self._admission.ask(self.state)
        if not (self.state.unfinished or self._archiving or self._concluded()):
            self._archiving = True
            made.append(actions.WriteArchive())
        return made

    def _fresh_fences(self) -> list[Action]:
        """Return what is wanted for the orphans and was not handed out before."""
        wanted = {job: self._fence(orphan) for job, orphan in self.state.orphans.items()}
        fresh = [wish for job, wish in wanted.items() if self._fences.get(job) != wish]
        self._fences = wanted
        return fresh

    def _fence(self, orphan: Orphan) -> Action:
        stage = self.state.stages[orphan.stage]
        kill = not orphan.spared or self.state.stopping or stage.finished is None
        return actions.Fence(orphan.stage, orphan.attempt, orphan.server, orphan.job, kill)

    @property
    def asked(self) -> frozenset[str]:
        """The stages for which a slot was asked and not answered yet."""
        return self._admission.asked

    def wake_at(self) -> float | None:
        """Return the monotonic time at which something is due without any fact, or None."""
        return self._timers[0][0] if self._timers else None

    def _hear_slot(self, fact: facts.SlotTaken | facts.SlotBusy, now: float) -> list[Event]:
        state = self.state.stages[fact.stage]
        # Neither where it ended meanwhile, or was moved.
        wanted = state.phase in QUEUEING and fact.server == state.server.name
        taken = wanted and isinstance(fact, facts.SlotTaken)
        self._admission.answered(state.name, taken=taken)
        self.state.touched[state.name] = state
        if not taken:
            if wanted:
                self._busy_until[state.name] = now + SLOT_DELAY
            return []
        again = state.phase is Phase.BACKOFF or state.attempt == 0
        event = events.AttemptStarted(
            stage=state.name, attempt=state.attempt + again, server=fact.server
        )
        self.state.apply(event, now)
        return [event]

    def _wait(self, state: StageState, now: float) -> None:
        """Let a stage that waits for nothing but limits take part in the admission."""
        if state.phase not in QUEUEING:
            return
        if self.state.orphans_of(state):
            return  # what may live of it on that server is fenced first
        due = max(state.not_before, self._busy_until.get(state.name, now))
        if due > now:
            self._at(due, state)
        else:
            self._admission.add(state)

    def _wish(self, state: StageState, now: float) -> Action | None:
        """Return what the state of one stage asks for."""
        if state.phase in _WITH_ATTEMPT:
            return _wish_running(state)
        if state.phase is Phase.CONNECTING:
            if state.not_before > now:
                self._at(state.not_before, state)
                return None
            return actions.Connect(state.name, state.server.name, state.tries)
        if state.wants_artifacts:
            return actions.Collect(state.name, state.attempt, state.server.name)
        return None

    def _watch(self, state: StageState, now: float) -> list[Action]:
        """See to what is due without a fact; return the alert of a stage, if it is a new one."""
        for due in due_times(self.state, state, self._patience):
            if due > now:
                self._at(due, state)
        alarm, known = self._alarm(state, now), self._alarms.pop(state.name, None)
        if alarm is None:
            return []
        self._alarms[state.name] = alarm
        return [] if alarm == known else [alarm]

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
            name = heapq.heappop(self._timers)[2]
            self.state.touched[name] = self.state.stages[name]


#: Seconds until a slot that another run holds is asked for again.
SLOT_DELAY = 1.0

#: Phases in which a job, or a stage function, is to be seen to.
_WITH_ATTEMPT = WITH_JOB | {Phase.ENDED}


def _wish_running(state: StageState) -> Action | None:
    if state.kill is not None:
        return _kill(state)
    if state.stage.function is not None:
        return actions.Call(state.name, state.attempt, state.server.name)
    step = state.steps.get(state.step)
    if step is None or step.finished is not None:
        return None
    return actions.Attend(state.name, state.attempt, state.step, step.server, step.job)


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
