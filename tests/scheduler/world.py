"""A world without I/O in which the scheduler is driven: it answers actions as it is told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import attrs
from scheduler.functions import Body, Called, recorded

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
        calls: Functions that are on their way, by stage and attempt.
        lossy: How likely a link goes before a turn.
        deaf: How likely artifacts never come.
        peak: Most stages at once.
    """

    plan: Plan
    dice: random.Random
    end: Callable[[str, int], JobEnd] = lambda _stage, _attempt: OK
    reachable: Callable[[str], bool] = lambda _server: True
    now: float = 0.0
    record: list[tuple[float, Event]] = attrs.field(factory=list)
    started: list[str] = attrs.field(factory=list)
    running: set[str] = attrs.field(factory=set)
    pending: list[Fact] = attrs.field(factory=list)
    killed: set[str] = attrs.field(factory=set)
    calls: dict[tuple[str, int], Called] = attrs.field(factory=dict)
    bodies: dict[tuple[str, int], Body] = attrs.field(factory=dict)
    down: set[str] = attrs.field(factory=set)
    lossy: float = 0.0
    deaf: float = 0.0
    peak: int = 0
    scheduler: Scheduler = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.scheduler = self._fresh()

    def _fresh(self) -> Scheduler:
        return Scheduler(
            self.plan, "r", Defaults(cleanup_timeout=50.0, lost_after=2.0), lambda: 0.5
        )

    def turn(self, *given: Fact) -> list[Event]:
        """Do what the runner does: observe, decide, store, act."""
        made: list[Event] = []
        for fact in given:
            made += self._hear(fact)
        made += self.scheduler.decide(self.now)
        self.record += [(self.now, event) for event in made]
        for event in made:
            self._follow(event)
        for action in self.scheduler.actions(self.now):
            self.act(action)
        self.peak = max(self.peak, len(self.scheduler.state.active))
        return made

    def deliver(self) -> None:
        """Let one of the things that are under way happen, now and then a lost link before it."""
        self.now += self.dice.random()
        if self.dice.random() < self.lossy:
            self._lose_link()
        if self.pending:
            self.turn(self.pending.pop(self.dice.randrange(len(self.pending))))

    def _lose_link(self) -> None:
        active = self.scheduler.state.active.values()
        names = sorted({state.server.name for state in active} - self.down)
        if names:
            name = self.dice.choice(names)
            self.down.add(name)
            self.pending.append(facts.LinkUp(server=name))
            self.turn(facts.LinkDown(server=name, reason="cut"))

    def _hear(self, fact: Fact) -> list[Event]:
        """Observe a fact; what a function asks for is answered from the record where it can be."""
        if isinstance(fact, facts.LinkUp):
            self.down.discard(fact.server)
        if not isinstance(fact, facts.StepWanted | facts.ValueGiven):
            return self.scheduler.observe(fact, self.now)
        called = self.calls.get((fact.stage, fact.attempt))
        state = self.scheduler.state.stages[fact.stage]
        if called is None or state.attempt != fact.attempt:
            return []
        if recorded(state, fact):
            self._go_on(called)
            return []
        if isinstance(fact, facts.StepWanted) and fact.step in state.steps:
            self._launch(fact.stage, fact.attempt, fact.step, state.steps[fact.step].job)
            return []
        made = self.scheduler.observe(fact, self.now)
        if not made:
            self.pending.append(called.over(stopped=state.kill or "its attempt is over"))
        return made

    def _follow(self, event: Event) -> None:
        """Carry on the functions that waited for an event to be stored."""
        match event:
            case events.StepLaunching(stage=stage, attempt=attempt, step=step, job=job):
                if (stage, attempt) in self.calls:
                    self._launch(stage, attempt, step, job)
            case events.ValueRecorded(stage=stage, attempt=attempt, key=key):
                if key != "output" and (stage, attempt) in self.calls:
                    self._go_on(self.calls[stage, attempt])
            case events.StepFinished(stage=stage, attempt=attempt, end=end):
                if (stage, attempt) in self.calls:
                    self._take_end(self.calls[stage, attempt], end)
            case events.AttemptFinished(stage=stage, attempt=attempt):
                self.calls.pop((stage, attempt), None)
            case _:
                pass

    def _take_end(self, called: Called, end: JobEnd) -> None:
        if end.reason in ("timeout", "cancelled"):
            self.pending.append(called.over(stopped=end.reason))
        elif end.ok:
            self._go_on(called)
        else:
            self.pending.append(called.over(error="StepFailed"))

    def _go_on(self, called: Called) -> None:
        called.done += 1
        self._ask(called)

    def _ask(self, called: Called) -> None:
        asked = called.asks()
        if asked is not None:
            self.pending.append(asked)

    def _call(self, stage: str, attempt: int) -> None:
        key = (stage, attempt)
        if key in self.calls:
            return
        limited = self.scheduler.state.stages[stage].stage.timeout is not None
        body = self.bodies.setdefault(key, Body.of(self.dice, limited=limited))
        self.calls[key] = Called(stage, attempt, body)
        self._ask(self.calls[key])

    def act(self, action: Action) -> None:  # noqa: C901 - one case an action
        """Answer an action with a fact, sooner or later; an alert has no answer."""
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
                self._launch(action.stage, action.attempt, action.step, action.job)
            case actions.Kill(stage, attempt, step, _, job, reason):
                self._kill(stage, attempt, step, job, reason)
            case actions.Collect(stage, attempt, _):
                if self.dice.random() >= self.deaf:
                    self.pending.append(facts.Collected(stage=stage, attempt=attempt))
            case actions.WriteArchive():
                self.pending.append(facts.Archived())
            case actions.Call(stage, attempt, _):
                self._call(stage, attempt)

    def _launch(self, stage: str, attempt: int, step: int, job: str) -> None:
        if job in self.running:
            return
        self.running.add(job)
        if job not in self.started:
            self.started.append(job)
        self.pending.append(facts.JobStarted(stage=stage, attempt=attempt, step=step))
        self.pending.append(
            facts.JobEnded(stage=stage, attempt=attempt, step=step, end=self.end(stage, attempt))
        )

    def _kill(self, stage: str, attempt: int, step: int, job: str | None, reason: str) -> None:
        if job is None:
            self._stop(stage, attempt, reason)
            return
        self.killed.add(job)
        self.pending = [
            fact
            for fact in self.pending
            if not (isinstance(fact, facts.JobEnded) and fact.stage == stage)
        ]
        self.pending.append(facts.JobEnded(stage=stage, attempt=attempt, step=step, end=CANCELLED))

    def _stop(self, stage: str, attempt: int, reason: str) -> None:
        """Let a function stop; a busy one goes on with nothing and never says so."""
        called = self.calls.pop((stage, attempt), None) or Called(
            stage, attempt, Body((), None, busy=False)
        )
        if not called.body.busy:
            self.pending.append(called.over(stopped=reason))

    def go(self, *, turns: int = 10_000) -> None:
        """Deliver facts in random order until the run has ended."""
        self.turn()
        for _ in range(turns):
            if self.scheduler.state.finished is not None:
                return
            if self.pending:
                self.deliver()
            else:
                due = self.scheduler.wake_at()
                assert due is not None, "the run waits for nothing and has not ended"
                self.now = max(self.now, due)
                self.turn()
        raise AssertionError("the run did not end")

    def survive(self, crashes: Iterable[int]) -> None:
        """Run to the end; the controller dies each time so many things have happened."""
        self.turn()
        for count in crashes:
            for _ in range(count):
                self.deliver()
            self.crash()
        self.go()

    def crash(self) -> None:
        """Lose the scheduler and everything under way; replay what was stored."""
        self.pending = []
        self.running = set()
        self.calls = {}
        self.scheduler = self._fresh()
        for at, event in self.record:
            self.scheduler.replay(event, at)
        self.turn()
        # The links of a new controller are new ones: each says so as soon as it is there.
        self.pending += [facts.LinkUp(server=server) for server in sorted(self.down)]

    def statuses(self) -> dict[str, str]:
        """Return the final status of each stage that has one."""
        return {
            event.stage: str(event.status)
            for _, event in self.record
            if isinstance(event, events.StageFinished)
        }
