"""The promise that a reported end is the true one: what its command says, or a fault explains."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from buildorch.events import StepLaunching, StepStarted
from buildorch.job import JobEnd
from chaos.evidence import Evidence, Ran
from chaos.told import SLACK, Told, aimed, during, planned, ran_of, told_steps


def true_ends(evidence: Evidence) -> Iterator[str]:
    """What is reported of each step is what its command says, or what a fault explains."""
    for told in told_steps(evidence):
        if told.finished is not None:
            ran, end = ran_of(evidence, told), told.finished.end
            problem = _wrong_end(evidence, told, ran, end)
            if problem:
                yield f"{told.job} on {told.server} is told as {_short(end)}, but {problem}"


def _short(end: JobEnd) -> str:
    return f"{end.kind} {end.code} {end.reason or ''} {end.detail or ''}".strip()


def _wrong_end(evidence: Evidence, told: Told, ran: Ran | None, end: JobEnd) -> str | None:
    if end.kind == "lost":
        return _wrong_loss(evidence, told, ran, end)
    if ran is None:
        return _wrong_silence(evidence, told, end)
    if end.reason in ("cancelled", "timeout"):
        return _wrong_kill(evidence, told, ran, end)
    if end.reason is not None:
        return None if _full(evidence, told) else "no fault explains its reason"
    return _wrong_own_end(evidence, told, ran, end)


def _full(evidence: Evidence, told: Told) -> bool:
    return bool(during(evidence, told, "host disk full"))


def _wrong_own_end(evidence: Evidence, told: Told, ran: Ran, end: JobEnd) -> str | None:
    """Judge an end that nobody is said to have brought about."""
    if aimed(evidence, told, "command killed"):
        return None
    if end.kind == "exit" and ran.end == str(end.code):
        code = planned(evidence, told).code(told.attempt)
        return None if code == end.code or _full(evidence, told) else f"it was to end with {code}"
    if end.kind == "signal" and ran.end == "kill" and end.code == signal.SIGKILL:
        return None
    return f"it says {ran.end}"


def _wrong_silence(evidence: Evidence, told: Told, end: JobEnd) -> str | None:
    """Judge the end of a command that never wrote that it began: it was killed before."""
    if end.reason == "cancelled" and _is_cancelled(evidence):
        return None
    if aimed(evidence, told, "command killed") or _full(evidence, told):
        return None
    return "it never began"


def _wrong_kill(evidence: Evidence, told: Told, ran: Ran, end: JobEnd) -> str | None:
    if end.reason == "cancelled":
        return None if _is_cancelled(evidence) else "nobody cancelled the run"
    stage = evidence.story.stage(told.stage)
    lasted = told.at - min(ran.at, _begun(evidence, told))
    if lasted < stage.timeout - SLACK and told.step == 1:
        return f"it had {stage.timeout:g} s, and took {lasted:.1f}"
    if ran.end is not None and (ran.ended_at or 0) < told.at - lasted + stage.timeout - SLACK:
        return f"it says {ran.end}"
    return None


def _begun(evidence: Evidence, told: Told) -> float:
    """Return when the attempt began, whose time counts; of a function that is before its jobs."""
    return min(
        record.at
        for record in evidence.records
        if isinstance(record.event, StepStarted | StepLaunching)
        and (record.event.stage, record.event.attempt) == (told.stage, told.attempt)
    )


def _is_cancelled(evidence: Evidence) -> bool:
    return any(evidence.hit("cancelled"))


#: Which faults can be behind a loss, by its reason.
_CAUSES = {
    "rebooted": ("reboot",),
    "supervisor killed": ("supervisor killed", "reboot", "host disk full"),
    "folder removed": ("folder removed",),
    "no_space": ("host disk full",),
    "state": ("host disk full",),
}


def _wrong_loss(evidence: Evidence, told: Told, ran: Ran | None, end: JobEnd) -> str | None:
    if end.reason == "never started":
        return f"it began, and says {ran.end}" if ran else None
    if end.reason == "cancelled" and ran is None:
        # Its cancel came while its supervisor was about to let it go.
        return None if _is_cancelled(evidence) else "nobody cancelled the run"
    causes = _CAUSES.get(end.reason or "", ())
    if aimed(evidence, told, *causes):
        return None
    if during(evidence, told, *(cause for cause in causes if cause in _OF_HOSTS)):
        return None
    return f"no fault explains that (it says {ran.end if ran else 'nothing'})"


_OF_HOSTS = ("reboot", "host disk full")
