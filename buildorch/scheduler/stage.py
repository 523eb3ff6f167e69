"""What is known of one stage, and what follows from that alone."""

from __future__ import annotations

import attrs

from buildorch import events
from buildorch.job import Wait
from buildorch.model import GOOD_ENDS, JSON, PlannedStage, Server, StageStatus
from buildorch.scheduler.facts import LogReport
from buildorch.scheduler.table import Phase
from buildorch.scheduler.verdict import Budget

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
    budget: Budget = attrs.field(factory=Budget)
    steps: dict[int, StepState] = attrs.field(factory=dict)
    values: dict[tuple[int, str], JSON] = attrs.field(factory=dict)
    link_down_since: float | None = None
    barred: str | None = None
    move: events.MoveRequested | None = None
    kill: str | None = None
    kill_at: float | None = None
    report: LogReport = attrs.field(factory=LogReport)
    verdict: events.AttemptFinished | None = None
    collected: events.ArtifactsCollected | None = None
    started_at: float | None = None
    launched_at: float | None = None
    waits_since: float | None = None
    finished: events.StageFinished | None = None

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name

    @property
    def server(self) -> Server:
        """The server that it runs on, or would."""
        return self.stage.servers[self.candidate]

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
        running = self.phase in (Phase.RUNNING, Phase.CANCELLING, Phase.ENDED)
        last = self.steps.get(self.step)
        idle = last is None or last.finished is not None
        return self.stage.function is not None and running and idle

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
        """Whether the attempt succeeded and its artifacts are still to be brought here."""
        return (
            self.phase is Phase.SETTLING
            and bool(self.stage.artifacts)
            and self.collected is None
            and self.verdict is not None
            and self.verdict.status is StageStatus.SUCCEEDED
        )

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
