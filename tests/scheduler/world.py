"""A world without I/O in which the scheduler is driven: it answers actions as it is told."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from buildorch import events
from buildorch.events import Event
from buildorch.job import JobEnd
from buildorch.model import Defaults, Plan
from buildorch.scheduler import Scheduler, actions, facts
from buildorch.scheduler.actions import Action
from buildorch.scheduler.facts import Fact

OK = JobEnd(kind="exit", code=0)
BAD = JobEnd(kind="exit", code=1)
LOST = JobEnd(kind="lost", reason="supervisor killed")
TIMEOUT = JobEnd(kind="signal", code=15, reason="timeout")
CANCELLED = JobEnd(kind="signal", code=15, reason="cancelled")


@attrs.define
class World:
    """Runs a plan to its end; every choice comes from `dice`.

    Attributes:
        plan: What is run.
        dice: Source of every choice.
        end: How the job of an attempt ends.
        reachable: Whether a try to connect a server works.
        record: Every event with its time.
        started: Job ids in the order in which the world launched them.
        peak: Most stages at once.
    """

    plan: Plan
    dice: random.Random
    end: Callable[[str, int], JobEnd] = lambda _stage, _attempt: OK
    reachable: Callable[[str], bool] = lambda _server: True
    now: float = 0.0
    record: list[tuple[float, Event]] = attrs.field(factory=list)
    started: list[str] = attrs.field(factory=list)
    running: dict[str, actions.Attend] = attrs.field(factory=dict)
    pending: list[Fact] = attrs.field(factory=list)
    killed: set[str] = attrs.field(factory=set)
    peak: int = 0
    scheduler: Scheduler = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.scheduler = self._fresh()

    def _fresh(self) -> Scheduler:
        return Scheduler(self.plan, "r", Defaults(cleanup_timeout=50.0), lambda: 0.5)

    def turn(self, *given: Fact) -> list[Event]:
        """Do what the runner does: observe, decide, store, act."""
        made: list[Event] = []
        for fact in given:
            made += self.scheduler.observe(fact, self.now)
        made += self.scheduler.decide(self.now)
        self.record += [(self.now, event) for event in made]
        for action in self.scheduler.actions(self.now):
            self.act(action)
        self.peak = max(self.peak, len(self.scheduler.state.active))
        return made

    def act(self, action: Action) -> None:  # noqa: C901 - one case an action
        """Answer an action with a fact, sooner or later."""
        match action:
            case actions.TakeSlot(stage, server):
                if self.dice.random() < 0.1:
                    self.pending.append(facts.SlotBusy(stage=stage, server=server, holder="x"))
                else:
                    self.pending.append(facts.SlotTaken(stage=stage, server=server))
            case actions.Connect(_, server, _):
                if self.reachable(server):
                    self.pending.append(facts.Connected(server=server))
                else:
                    self.pending.append(
                        facts.NotConnected(
                            server=server, reason="refused", message="no", transient=True
                        )
                    )
            case actions.Attend():
                self._attend(action)
            case actions.Kill(stage, attempt, step, _, job, _):
                self._kill(stage, attempt, step, job)
            case actions.Collect(stage, attempt, _):
                self.pending.append(facts.Collected(stage=stage, attempt=attempt))
            case actions.WriteArchive():
                self.pending.append(facts.Archived())
            case actions.Call(stage, attempt, _):
                self.pending.append(facts.FunctionEnded(stage=stage, attempt=attempt))
            case actions.AlertLinkLost():
                pass

    def _attend(self, action: actions.Attend) -> None:
        if action.job in self.running:
            return
        self.running[action.job] = action
        if action.job not in self.started:
            self.started.append(action.job)
        self.pending.append(
            facts.JobStarted(stage=action.stage, attempt=action.attempt, step=action.step)
        )
        self.pending.append(
            facts.JobEnded(
                stage=action.stage,
                attempt=action.attempt,
                step=action.step,
                end=self.end(action.stage, action.attempt),
            )
        )

    def _kill(self, stage: str, attempt: int, step: int, job: str | None) -> None:
        if job is None:
            self.pending.append(
                facts.FunctionEnded(stage=stage, attempt=attempt, stopped="cancelled")
            )
            return
        self.killed.add(job)
        self.pending = [
            fact
            for fact in self.pending
            if not (isinstance(fact, facts.JobEnded) and fact.stage == stage)
        ]
        self.pending.append(facts.JobEnded(stage=stage, attempt=attempt, step=step, end=CANCELLED))

    def go(self, *, turns: int = 10_000) -> None:
        """Deliver facts in random order until the run has ended."""
        self.turn()
        for _ in range(turns):
            if self.scheduler.state.finished is not None:
                return
            if self.pending:
                index = self.dice.randrange(len(self.pending))
                self.now += self.dice.random()
                self.turn(self.pending.pop(index))
            else:
                due = self.scheduler.wake_at()
                assert due is not None, "the run waits for nothing and has not ended"
                self.now = max(self.now, due)
                self.turn()
        raise AssertionError("the run did not end")

    def crash(self) -> None:
        """Lose the scheduler and everything under way; replay what was stored."""
        self.pending = []
        self.running = {}
        self.scheduler = self._fresh()
        for at, event in self.record:
            self.scheduler.replay(event, at)
        self.turn()

    def statuses(self) -> dict[str, str]:
        """Return the final status of each stage that has one."""
        return {
            event.stage: str(event.status)
            for _, event in self.record
            if isinstance(event, events.StageFinished)
        }
