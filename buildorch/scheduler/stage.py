"""What is known of one stage, and what follows from that alone."""

from __future__ import annotations

import attrs

from buildorch import events
from buildorch.job import Wait
from buildorch.model import GOOD_ENDS, JSON, PlannedStage, Server, StageStatus
from buildorch.scheduler.facts import NO_REPORT, LogReport
from buildorch.scheduler.table import Phase
from buildorch.scheduler.verdict import FRESH, NEVER_RAN, Budget, retry

#: Seconds that a stage function has for ending once it is told to; a thread cannot be killed.
FUNCTION_GRACE = 10.0

_ALLOWED = frozenset({StageStatus.FAILED, StageStatus.TIMED_OUT})


@attrs.define
class StepState:
    """One job of an attempt: its id and server, what it waits for, its end once that is known."""

    job: str
    server: str
    digest: str
    name: str | None
    log_base: int
    started: bool = False
    wait: Wait | None = None
    finished: events.StepFinished | None = None


@attrs.define
class StageState:
    """What is known of one stage.

    Attributes:
        stage: The plan's stage.
        pending: Direct predecessors that have not ended.
        phase: Where it is.
        blocked_by: The first predecessor that ended and is not clear.
        unclear: Whether any predecessor is not clear.
        attempt: Number of the current or last attempt.
        candidate: Index of its server among the plan's.
        tries: Tries to connect in this attempt, on this server.
        not_before: Monotonic time before which nothing is tried.
        unreachable: The failure that ended all tries to connect.
        budget: Attempts used, by cause.
        steps: Jobs of the current attempt by number, from 1.
        values: Recorded values of the current attempt by step and key.
        link_down_since: Monotonic time of the loss of the link, while it is lost.
        barred: Why only a person can bring the link back, while that is so.
        move: To which server it is to be moved, once somebody wants that.
        kill: Why it is being killed, once it is.
        report: What the log of the last ended job says; not stored.
        verdict: The last attempt's end.
        collected: How the collecting of its artifacts ended.
        started_at: Monotonic time of its first attempt.
        kill_at: Monotonic time of the wish to kill it.
        launched_at: Monotonic time of the first launch in the current attempt, later by the time
            for which its jobs waited for locks.
        waits_since: Monotonic time since which its job waits for a lock, while it does.
        finished: Its end.
        name: The stage's name.
        server: The server that it runs on, or would.
        timed: Whether something may be due although nothing is heard: its function's end, or that
            of the patience with its server.
    """

    stage: PlannedStage
    pending: int
    phase: Phase = Phase.WAITING
    blocked_by: str | None = None
    unclear: bool = False
    attempt: int = 0
    candidate: int = 0
    tries: int = 0
    not_before: float = 0.0
    unreachable: events.ConnectFailed | None = None
    budget: Budget = FRESH
    steps: dict[int, StepState] = attrs.field(factory=dict)
    values: dict[tuple[int, str], JSON] = attrs.field(factory=dict)
    link_down_since: float | None = None
    barred: str | None = None
    move: events.MoveRequested | None = None
    kill: str | None = None
    kill_at: float | None = None
    report: LogReport = NO_REPORT
    verdict: events.AttemptFinished | None = None
    collected: events.ArtifactsCollected | None = None
    started_at: float | None = None
    launched_at: float | None = None
    waits_since: float | None = None
    finished: events.StageFinished | None = None
    name: str = attrs.field(init=False)
    server: Server = attrs.field(init=False)
    timed: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.name, self.server = self.stage.name, self.stage.servers[self.candidate]
        self.timed = self.stage.function is not None

    def use(self, server: str) -> None:
        """Let it run on another one of the plan's servers for it."""
        self.candidate = self.candidate_of(server)
        self.server = self.stage.servers[self.candidate]

    def candidate_of(self, server: str) -> int:
        """Return the index of a server among the plan's for this stage."""
        return next(index for index, one in enumerate(self.stage.servers) if one.name == server)

    @property
    def open_steps(self) -> list[StepState]:
        """The jobs of the attempt that are not known to have ended."""
        return [step for step in self.steps.values() if step.finished is None]

    @property
    def step(self) -> int:
        """Number of the newest job of the attempt; 0 where there is none."""
        return len(self.steps)

    @property
    def between_steps(self) -> bool:
        """Whether a stage function is on its way and none of its jobs is."""
        if self.stage.function is None:
            return False
        running = self.phase in (Phase.RUNNING, Phase.CANCELLING, Phase.ENDED)
        last = self.steps.get(self.step)
        return running and (last is None or last.finished is not None)

    @property
    def function_due(self) -> float | None:
        """Monotonic time at which a function between two jobs is stopped, or given up."""
        if self.kill_at is not None:
            return self.kill_at + FUNCTION_GRACE
        return self.deadline

    @property
    def deadline(self) -> float | None:
        """Monotonic time at which the attempt's time is over; None where there is no limit."""
        limit = self.stage.timeout
        return None if limit is None or self.launched_at is None else self.launched_at + limit

    @property
    def needs_link(self) -> bool:
        """Whether something of it is still to be heard from its server."""
        return self.phase is not Phase.SETTLING or self.wants_artifacts

    @property
    def wants_artifacts(self) -> bool:
        """Whether its artifacts are still to be brought here: of a success, or of the last failure.

        What failed is worth a look (the report of its tests), what is tried again is not.
        """
        if not self.stage.artifacts or self.phase is not Phase.SETTLING:
            return False
        if self.collected is not None or self.verdict is None:
            return False
        end = self.verdict
        if end.status is not StageStatus.FAILED or end.reason in NEVER_RAN:
            return end.status is StageStatus.SUCCEEDED
        return retry(self.stage, end.status, end.reason, self.budget, end.cause) is None

    @property
    def clear(self) -> bool:
        """Whether an ordinary stage may start after this one.

        An `always` stage is clear only if it and everything before it is: cleanup that worked
        does not make a failed build deployable.
        """
        if self.finished is None:
            return False
        status = self.finished.status
        own = status in GOOD_ENDS or (self.stage.allow_failure and status in _ALLOWED)
        return own and not (self.stage.always and self.unclear)
