"""What the end of a job means for its attempt, and whether another attempt follows."""

from __future__ import annotations

import re

import attrs

from buildorch.job import JobEnd
from buildorch.model import PlannedStage, StageStatus
from buildorch.scheduler.facts import FunctionEnded, LogReport

#: Ends that no second attempt can change: the definition or the server has to.
NEVER_RETRIED = frozenset({"workdir", "shell"})

#: How the reason begins where a server can run no such job before a person changes something.
_REFUSED = "refused: "

#: A last line that contradicts exit code 0.
_FAILED = re.compile(r"\b(FAILED|FAILURE)\b")

#: What an attempt is by why it was ended.
BY_REASON = {
    "timeout": StageStatus.TIMED_OUT,
    "idle": StageStatus.TIMED_OUT,
    "cancelled": StageStatus.CANCELLED,
    "moved": StageStatus.LOST,
    "lease": StageStatus.LOST,
    "fenced": StageStatus.LOST,
}


@attrs.frozen
class Verdict:
    """The meaning of an end.

    Attributes:
        status: What the stage would be if this was its last attempt.
        reason: Why, where the exit code does not say it.
        warning: What is odd about a success.
    """

    status: StageStatus
    reason: str | None = None
    warning: str | None = None


def verdict(stage: PlannedStage, end: JobEnd, report: LogReport) -> Verdict:
    """Return what *end* means for an attempt of *stage* whose log says *report*.

    The exit code decides. `fail_if` and `success_if` are matched against the last line of the
    log, for commands whose exit code lies.

    Example:
        >>> stage = PlannedStage(name="a", index=0, servers=())
        >>> verdict(stage, JobEnd(kind="exit", code=0), LogReport(last_line="BUILD FAILED")).warning
        "exit code 0, but the last line says 'BUILD FAILED'"
    """
    if end.reason == "no_space":
        return Verdict(StageStatus.NO_SPACE, end.detail or end.reason)
    if end.reason in BY_REASON:
        return Verdict(BY_REASON[end.reason], end.reason)
    if end.kind == "lost":
        return _lost(end)
    if not end.ok and report.no_space:
        told = (report.alert or "its log says that a disk is full", end.room)
        return Verdict(StageStatus.NO_SPACE, "; ".join(text for text in told if text))
    if not end.ok:
        return Verdict(StageStatus.FAILED, end.detail or end.reason or end.how)
    found = _sharpen(stage, report.last_line)
    warnings = [text for text in (found.warning, end.detail) if text]
    return attrs.evolve(found, warning="; ".join(warnings) or None)


def _lost(end: JobEnd) -> Verdict:
    if end.reason == "refused":
        return Verdict(StageStatus.LOST, f"{_REFUSED}{end.detail}")
    return Verdict(StageStatus.LOST, end.reason)


def function_verdict(stage: PlannedStage, fact: FunctionEnded, kill: str | None) -> Verdict:
    """Return what the end of a stage function means for its attempt.

    Args:
        stage: The stage.
        fact: How it ended.
        kill: Why the attempt was to be stopped, if it was.
    """
    if fact.stopped is not None:
        return Verdict(_stopped(fact.stopped), fact.stopped)
    if fact.error is None:
        return Verdict(StageStatus.SUCCEEDED)
    if kill is not None:
        return Verdict(_stopped(kill), kill)
    if fact.end is not None and not fact.end.ok:
        return verdict(stage, fact.end, fact.log)
    return Verdict(StageStatus.FAILED, fact.error)


def _stopped(reason: str) -> StageStatus:
    return BY_REASON.get(reason, StageStatus.CANCELLED)


def _sharpen(stage: PlannedStage, last_line: str) -> Verdict:
    """Judge an exit code of 0 by the last line."""
    if stage.fail_if is not None and re.search(stage.fail_if, last_line):
        return Verdict(StageStatus.FAILED, f"the last line matches fail_if: {last_line!r}")
    if stage.success_if is not None:
        if re.search(stage.success_if, last_line):
            return Verdict(StageStatus.SUCCEEDED)
        return Verdict(
            StageStatus.FAILED, f"the last line does not match success_if: {last_line!r}"
        )
    if stage.fail_if is None and _FAILED.search(last_line):
        return Verdict(
            StageStatus.SUCCEEDED, warning=f"exit code 0, but the last line says {last_line!r}"
        )
    return Verdict(StageStatus.SUCCEEDED)


@attrs.frozen
class Budget:
    """The attempts that a stage has used, by their cause.

    Attributes:
        failures: Repeated because the build failed.
        infrastructure: Repeated because the infrastructure did.
        free: Repeated because the job never started.
        moved: Repeated on another server because somebody wanted that.
    """

    failures: int = 0
    infrastructure: int = 0
    free: int = 0
    moved: int = 0

    def used(self, cause: str) -> Budget:
        """Return the budget after another attempt for *cause*."""
        return attrs.evolve(self, **{cause: getattr(self, cause) + 1})


#: A job that never started cost nothing, but a server that never starts one is broken.
FREE_ATTEMPTS = 5

#: Seconds before an attempt is repeated because of the infrastructure; doubles each time.
INFRASTRUCTURE_DELAY = 5.0


def retry(
    stage: PlannedStage, status: StageStatus, reason: str | None, budget: Budget
) -> tuple[str, float] | None:
    """Return cause and delay in seconds of the next attempt, or None where this was the last.

    Failures have the stage's own budget and follow at once; the infrastructure has another.

    Example:
        >>> from buildorch.model import Retry
        >>> stage = PlannedStage(name="a", index=0, servers=(), retry=Retry(1))
        >>> retry(stage, StageStatus.FAILED, None, Budget())
        ('failures', 0.0)
        >>> retry(stage, StageStatus.FAILED, None, Budget(failures=1))
    """
    if status is StageStatus.LOST:
        if reason is not None and reason.startswith(_REFUSED):
            return None
        if reason == "never started" and budget.free < FREE_ATTEMPTS:
            return "free", INFRASTRUCTURE_DELAY * 2**budget.free
        if budget.infrastructure < stage.infra_retry:
            return "infrastructure", INFRASTRUCTURE_DELAY * 2**budget.infrastructure
        return None
    wanted = status in stage.retry.on and reason not in NEVER_RETRIED
    if wanted and budget.failures < stage.retry.times:
        return "failures", 0.0
    return None
