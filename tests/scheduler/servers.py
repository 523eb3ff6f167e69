"""A world whose servers have a life of their own: they are cut off, heal, reboot, and keep leases.

What lives on a server is known here and nowhere else: the scheduler only hears of it, over links
that are up. So its laws can be checked against the truth.
"""

from __future__ import annotations

import attrs
from scheduler.world import CANCELLED, World

from buildorch import events
from buildorch.events import Event
from buildorch.job import JobEnd
from buildorch.scheduler import actions, facts
from buildorch.scheduler.actions import Action
from buildorch.scheduler.facts import Fact

REBOOTED = JobEnd(kind="lost", reason="rebooted")
NEVER = JobEnd(kind="lost", reason="never started")
FENCED = JobEnd(kind="signal", code=15, reason="fenced")
LEASE = JobEnd(kind="signal", code=15, reason="lease")

#: How likely a job ends, or a server heals, before the next turn.
ENDED, HEALED = 0.1, 0.05


def _place(event: events.AttemptFinished) -> tuple[str, int]:
    return event.stage, event.attempt


@attrs.define
class Placed:
    """A job as its server has it.

    Attributes:
        id: Its id.
        server: The server.
        place: Stage, attempt, step.
        sent: Whether its launch is on its way, and may come at any time.
        alive: Whether it has effects.
        end: How it ended; also of one that never began and never will.
        renewed: Time of the last renewal of its lease.
    """

    id: str
    server: str
    place: tuple[str, int, int]
    sent: bool = True
    alive: bool = False
    end: JobEnd | None = None
    renewed: float = 0.0


@attrs.define
class Servers(World):
    """Runs a plan on servers that fail.

    Attributes:
        jobs: Every job that was ever sent, by id.
        kills: Jobs whose kill is to be sent, with its reason.
        fenced: Jobs whose end is heard as that of an orphan.
        faulty: How likely something goes wrong before a turn.
        movable: How likely somebody moves a stage before a turn.
        doubled: What broke a law, in words.
    """

    jobs: dict[str, Placed] = attrs.field(factory=dict)
    kills: dict[str, JobEnd] = attrs.field(factory=dict)
    fenced: set[str] = attrs.field(factory=set)
    faulty: float = 0.1
    movable: float = 0.1
    doubled: list[str] = attrs.field(factory=list)

    def turn(self, *given: Fact) -> list[Event]:
        """Do a turn; what was given up because of its lease has to be dead by then."""
        made = super().turn(*given)
        for event in made:
            if isinstance(event, events.AttemptFinished) and event.reason == "lease":
                lost = [one for one in self.jobs.values() if one.place[:2] == _place(event)]
                self.doubled += [f"{one.id} outlives its lease" for one in lost if one.alive]
        return made

    # What the scheduler wants.

    def act(self, action: Action) -> None:
        """Take a fence; the rest as ever."""
        if isinstance(action, actions.Fence):
            self.fenced.add(action.job)
            if action.kill:
                self.kills[action.job] = FENCED
            self._say(action.server)
        else:
            super().act(action)

    def _launch(self, stage: str, attempt: int, step: int, job: str) -> None:
        server = self.scheduler.state.stages[stage].steps[step].server
        if job not in self.jobs:
            self.started.append(job)
            self.jobs[job] = Placed(job, server, (stage, attempt, step), renewed=self.now)
        if server in self.down:
            self.pending.append(facts.LinkDown(server=server, reason="still cut"))
        self._say(server)

    def _kill(self, stage: str, attempt: int, step: int, job: str | None, reason: str) -> None:
        if job is None:
            self._stop(stage, attempt, reason)
            return
        self.killed.add(job)
        self.kills[job] = attrs.evolve(CANCELLED, reason=reason)
        self._say(self.jobs[job].server if job in self.jobs else self._server(stage))
        if job not in self.jobs:  # cancelled before its launch was sent: a tombstone
            server = self._server(stage)
            self.jobs[job] = Placed(job, server, (stage, attempt, step), sent=False)
            self._say(server)

    def _server(self, stage: str) -> str:
        return self.scheduler.state.stages[stage].server.name

    # What the servers do.

    def _say(self, server: str) -> None:
        """Say everything that is wanted to a server that hears it."""
        if server in self.down:
            return
        for job in self.jobs.values():
            if job.server != server:
                continue
            if job.id in self.kills:
                self._end(job, self.kills.pop(job.id) if job.alive else NEVER)
            elif job.sent and job.end is None:
                self._arrive(job)
            self._tell(job)

    def _arrive(self, job: Placed) -> None:
        """Let a launch come to its server: once, and never where the job was ended before."""
        job.sent = False
        if job.end is None and not job.alive:
            job.alive, job.renewed = True, self.now
            self._check(job)

    def _end(self, job: Placed, end: JobEnd) -> None:
        if job.end is None:
            job.alive, job.end = False, end

    def _tell(self, job: Placed) -> None:
        """Have what is so of a job told, over a link that is up when it is heard."""
        stage, attempt, step = job.place
        told: list[Fact] = [facts.JobStarted(stage=stage, attempt=attempt, step=step)]
        if job.end is not None and job.id in self.fenced:
            told = [facts.OrphanEnded(job=job.id)]
        elif job.end is not None:
            told = [facts.JobEnded(stage=stage, attempt=attempt, step=step, end=job.end)]
        elif not job.alive:
            return
        self.pending += [fact for fact in told if fact not in self.pending]

    def _check(self, job: Placed) -> None:
        """Compare the truth with what the run believes: one job of a stage lives, and no other.

        Others that live are known as orphans, each on a server of its own.
        """
        others = [
            one
            for one in self.jobs.values()
            if one.alive and one.id != job.id and one.place[0] == job.place[0]
        ]
        for one in others:
            known = one.id in self.scheduler.state.orphans or job.id in self.scheduler.state.orphans
            if not known or one.server == job.server:
                self.doubled.append(f"{job.id} lives beside {one.id}")

    # What goes on without anybody.

    def deliver(self) -> None:
        """Let time pass, something go wrong, and one thing be heard."""
        self.now += self.dice.random() * 20
        self._keep_leases()
        if self.dice.random() < self.faulty:
            self._fail()
        if self.dice.random() < self.movable:
            self._move()
        self._work()
        healed = self.dice.random() < HEALED
        ready = [
            fact
            for fact in self.pending
            if self._heard(fact) and (healed or not isinstance(fact, facts.LinkUp))
        ]
        if ready:
            fact = self.dice.choice(ready)
            self.pending.remove(fact)
            if isinstance(fact, facts.LinkUp):
                self.down.discard(fact.server)
            self.turn(fact)
            if isinstance(fact, facts.LinkUp):
                self._say(fact.server)

    def _heard(self, fact: Fact) -> bool:
        """Tell whether a fact can be heard now: not from a server that is cut off."""
        match fact:
            case (
                facts.JobStarted(stage=stage, attempt=attempt, step=step)
                | facts.JobEnded(stage=stage, attempt=attempt, step=step)
            ):
                place = (stage, attempt, step)
                return not any(
                    one.place == place and one.server in self.down for one in self.jobs.values()
                )
            case facts.OrphanEnded(job=job):
                return self.jobs[job].server not in self.down
            case facts.Connected(server=server):
                return server not in self.down
        return True

    def _keep_leases(self) -> None:
        leases = {stage.name: stage.lease for stage in self.plan.stages}
        for job in self.jobs.values():
            lease = leases[job.place[0]]
            if job.server not in self.down:
                job.renewed = self.now
            elif lease is not None and job.alive and self.now >= job.renewed + lease:
                self._end(job, LEASE)

    def _work(self) -> None:
        """Let a job end by itself, or a launch come that was on its way when its link was cut."""
        for job in list(self.jobs.values()):
            if job.sent and job.end is None and self.dice.random() < ENDED:
                self._arrive(job)
            elif job.alive and self.dice.random() < ENDED:
                self._end(job, self.end(*job.place[:2]))
                self._tell(job)

    def _fail(self) -> None:
        server = self.dice.choice(sorted({one.name for s in self.plan.stages for one in s.servers}))
        if self.dice.random() < 0.2:
            for job in self.jobs.values():
                if job.server == server and job.alive:
                    self._end(job, REBOOTED)
                    self._tell(job)
        if server not in self.down:
            self.down.add(server)
            self.turn(facts.LinkDown(server=server, reason="cut"))
            self.pending.append(facts.LinkUp(server=server))

    def _move(self) -> None:
        stage = self.dice.choice(self.plan.stages)
        server = self.dice.choice([None, *(one.name for one in stage.servers)])
        self.turn(facts.MoveOrdered(stage=stage.name, server=server, by="me"))

    def go(self, *, turns: int = 20_000) -> None:
        """Go on until the run has ended; what waits for a time is given it."""
        self.turn()
        for _ in range(turns):
            if self.scheduler.state.finished is not None:
                return
            self.deliver()
            due = self.scheduler.wake_at()
            if not any(self._heard(fact) for fact in self.pending) and due is not None:
                self.now = max(self.now, due)
                self._keep_leases()
                self.turn()
        raise AssertionError("the run did not end")

    def crash(self) -> None:
        """Lose the controller; the servers go on."""
        self.record.append((self.now, events.ControllerAttached(pid=1, host="here")))
        self.kills.clear()
        self.fenced.clear()
        super().crash()
        names = {one.name for stage in self.plan.stages for one in stage.servers}
        for server in sorted(names - self.down):
            self.pending.append(facts.LinkUp(server=server))
            self._say(server)
        for server in sorted(self.down):
            self.turn(facts.LinkDown(server=server, reason="cut"))

    @property
    def living(self) -> list[str]:
        """The jobs that live, whatever anybody knows of them."""
        return [job.id for job in self.jobs.values() if job.alive]
