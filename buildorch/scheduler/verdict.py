"""What the end of a job means for its attempt, and whether another attempt follows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from buildorch.job import JobEnd
from buildorch.model import PlannedStage, StageStatus
from buildorch.model.policies import CAUSES
from buildorch.scheduler.facts import FunctionEnded, LogReport

#: Ends that no second attempt can change: the definition or the server has to.
NEVER_RETRIED = frozenset({"workdir", "shell"})

#: Ends of a job whose command never began.
NEVER_RAN = frozenset({*NEVER_RETRIED, "setup"})

#: How the reason begins where a server can run no such job before a person changes something.
_REFUSED = "refused: "

#: A last line that contradicts exit code 0.
_FAILED = re.compile(r"\b(FAILED|FAILURE)\b")

#: What pytest means by its exit codes.
PYTEST_ENDS: Mapping[int, str] = {
    1: "pytest: tests failed",
    2: "pytest: interrupted",
    3: "pytest: internal error",
    4: "pytest: wrong usage",
    5: "pytest: no tests",
}

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


_SUCCEEDED = Verdict(StageStatus.SUCCEEDED)


def verdict(stage: PlannedStage, end: JobEnd, report: LogReport) -> Verdict:
    """Return what *end* means for an attempt of *stage* whose log says *report*.

    The exit code decides. `fail_if` and `success_if` are matched against the last line of the
    log, for commands whose exit code lies.

    Example:
        >>> stage = PlannedStage(name="a", index=0, servers=())
        >>> verdict(stage, JobEnd(kind="exit", code=0), LogReport(last_line="BUILD FAILED")).warning
        "exit code 0, but the last line says 'BUILD FAILED'"
    """
    if end.ok:
        return _with(end.detail, _sharpen(stage, report.last_line))
    if end.reason == "no_space":
        return Verdict(StageStatus.NO_SPACE, end.detail or end.reason)
    if end.reason in BY_REASON:
        return Verdict(BY_REASON[end.reason], end.reason)
    if end.kind == "lost":
        return _lost(end)
    if report.no_space:
        told = (report.alert or "its log says that a disk is full", end.room)
        return Verdict(StageStatus.NO_SPACE, "; ".join(text for text in told if text))
    return Verdict(StageStatus.FAILED, end.detail or end.reason or _tests(end, report) or end.how)


def _tests(end: JobEnd, report: LogReport) -> str | None:
    """Return what the exit code of pytest says: tests that failed are not tests that never ran."""
    ran = report.tool == "pytest" and end.kind == "exit"
    return PYTEST_ENDS.get(end.code) if ran and end.code is not None else None


def said(report: LogReport) -> dict[str, Any]:
    """Return what an attempt's end keeps of its log's *report* beside errors and warnings."""
    return {
        "cause": report.cause,
        "tests_passed": report.tests_passed,
        "tests_total": report.tests_total,
        "sstate": report.sstate,
        "excerpt": report.excerpt,
    }


def _with(detail: str | None, found: Verdict) -> Verdict:
    """Return a verdict that also warns of the detail of its end."""
    if not detail:
        return found
    warning = f"{found.warning}; {detail}" if found.warning else detail
    return attrs.evolve(found, warning=warning)


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
            return _SUCCEEDED
        return Verdict(
            StageStatus.FAILED, f"the last line does not match success_if: {last_line!r}"
        )
    if stage.fail_if is None and _FAILED.search(last_line):
        return Verdict(
            StageStatus.SUCCEEDED, warning=f"exit code 0, but the last line says {last_line!r}"
        )
    return _SUCCEEDED


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


#: Of a stage that has used none.
FRESH = Budget()

#: A job that never started cost nothing, but a server that never starts one is broken.
FREE_ATTEMPTS = 5

#: Seconds before an attempt is repeated because of the infrastructure; doubles each time.
INFRASTRUCTURE_DELAY = 5.0

#: Seconds to which that grows for what may pass by itself.
LONGEST_DELAY = 300.0


def retry(
    stage: PlannedStage,
    status: StageStatus,
    reason: str | None,
    budget: Budget,
    cause: str | None = None,
) -> tuple[str, float] | None:
    """Return cause and delay in seconds of the next attempt, or None where this was the last.

    Failures have the stage's own budget and follow at once, those that pass by themselves after
    a while; the infrastructure has a budget of its own before that.

    Example:
        >>> from buildorch.model import Retry
        >>> stage = PlannedStage(name="a", index=0, servers=(), retry=Retry(1))
        >>> retry(stage, StageStatus.FAILED, None, Budget())
        ('failures', 0.0)
        >>> retry(stage, StageStatus.FAILED, None, Budget(failures=1))
        >>> fetching = attrs.evolve(stage, retry=Retry(2, on=("network",)))
        >>> retry(fetching, StageStatus.FAILED, None, Budget(), cause="compile")
        >>> retry(fetching, StageStatus.FAILED, None, Budget(failures=1), cause="network")
        ('failures', 10.0)
    """
    if status is StageStatus.LOST:
        if reason is not None and reason.startswith(_REFUSED):
            return None
        if reason == "never started" and budget.free < FREE_ATTEMPTS:
            return "free", INFRASTRUCTURE_DELAY * 2**budget.free
        if budget.infrastructure < stage.infra_retry:
            return "infrastructure", INFRASTRUCTURE_DELAY * 2**budget.infrastructure
    if budget.failures >= stage.retry.times or reason in NEVER_RETRIED:
        return None
    passes = status is StageStatus.LOST or (status is StageStatus.FAILED and cause in CAUSES)
    if passes and (status if status is StageStatus.LOST else cause) in stage.retry.on:
        return "failures", min(LONGEST_DELAY, INFRASTRUCTURE_DELAY * 2**budget.failures)
    return ("failures", 0.0) if status in stage.retry.on else None
