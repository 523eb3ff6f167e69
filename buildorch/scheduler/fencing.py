"""When a job that may still live is given up, and what has to be so before anything follows it.

A job whose server does not answer is given up for three reasons only: somebody moves its stage,
its lease is surely over, or nobody is to wait any more. It is then an orphan, which is killed as
soon as its server answers, and the attempt is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from buildorch import events
from buildorch.events import Event
from buildorch.model import StageStatus
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import Orphan, RunState
from buildorch.scheduler.table import QUEUEING, WITH_JOB
from buildorch.scheduler.verdict import BY_REASON

#: Why an attempt is lost whose server nobody waits for any more.
ABANDONED = "abandoned"

#: Seconds after the end of a lease until which the server's own kill surely is over: its grace,
#: its patience with what does not die, its looks at the clock.
LEASE_MARGIN = 90.0

#: By how much two clocks may run apart, as a part of the time.
CLOCK_DRIFT = 0.05


@attrs.frozen(kw_only=True)
class Patience:
    """How long is waited for what, in seconds.

    Attributes:
        cleanup: For `always` stages after a cancel.
        silent: For a server that does not answer while a job of ours may live there; None: for
            ever.
    """

    cleanup: float
    silent: float | None = None


def orphans_made(state: StageState, *, spared: bool = False) -> Iterator[events.OrphanNoted]:
    """Yield what has to be noted where the attempt ends now: its jobs that may live."""
    for step in state.open_steps:
        yield events.OrphanNoted(
            stage=state.name,
            attempt=state.attempt,
            server=step.server,
            job=step.job,
            spared=spared,
        )


def is_left(run: RunState, orphan: Orphan, now: float, patience: Patience) -> bool:
    """Tell whether nobody waits for this orphan any more."""
    if run.abandoned:
        return True
    return patience.silent is not None and now >= orphan.since + patience.silent


def given_up(run: RunState, state: StageState, now: float, patience: Patience) -> Event | None:
    """Return what follows where a server has not answered for so long that it is given up."""
    if state.phase in QUEUEING:
        return _blocked(run, state, now, patience)
    if state.link_down_since is None:
        return None
    if state.phase in WITH_JOB:
        reason = _reason(run, state, now, patience)
        return None if reason is None else _lose(run, state, reason)
    if state.wants_artifacts and _silent(run, state, now, patience):
        return events.ArtifactsCollected(
            stage=state.name,
            attempt=state.attempt,
            count=0,
            warning=f"its artifacts were not collected: {state.server.name} does not answer",
        )
    return None


def _blocked(run: RunState, state: StageState, now: float, patience: Patience) -> Event | None:
    """End a stage that could only run where its own job may live, for which nobody waits."""
    if run.cancel_requested_at is not None and not state.stage.always:
        return None
    left = [one for one in run.orphans_of(state) if is_left(run, one, now, patience)]
    if not left:
        return None
    return events.StageFinished(
        stage=state.name,
        status=StageStatus.LOST,
        reason=f"{left[0].server} has not confirmed that job {left[0].job} is dead",
        attempts=state.attempt,
        server=left[0].server,
        seconds=None if state.started_at is None else round(now - state.started_at, 3),
        log=f"{state.name}/attempt-{left[0].attempt}.log",
        log_complete=False,
    )


def _reason(run: RunState, state: StageState, now: float, patience: Patience) -> str | None:
    if _silent(run, state, now, patience):
        return ABANDONED
    if state.move is not None:
        return "moved"
    due = lease_over_at(run, state)
    return "lease" if state.kill is None and due is not None and now >= due else None


def _silent(run: RunState, state: StageState, now: float, patience: Patience) -> bool:
    due = silent_at(state, patience)
    return run.abandoned or (due is not None and now >= due)


def silent_at(state: StageState, patience: Patience) -> float | None:
    """Return the monotonic time at which its server has been silent for too long, if any."""
    if state.link_down_since is None or patience.silent is None:
        return None
    return max(state.link_down_since, state.kill_at or 0.0) + patience.silent


def lease_over_at(run: RunState, state: StageState) -> float | None:
    """Return the monotonic time at which its server surely has killed the job by itself, if any.

    The lease was renewed until the link was known to be lost, or by an earlier controller, whose
    end nobody has seen.
    """
    lease, down = state.stage.lease, state.link_down_since
    if lease is None or down is None:
        return None
    return max(down, run.attached_at) + lease * (1 + CLOCK_DRIFT) + LEASE_MARGIN


def _lose(run: RunState, state: StageState, reason: str) -> Event:
    """Return the next event on the way to an attempt that is lost without proof."""
    for noted in orphans_made(state):
        if noted.job not in run.orphans:
            return noted
    cancelled = run.cancel_requested_at is not None and not state.stage.always
    killed = BY_REASON.get(state.kill or "", StageStatus.LOST)
    status = StageStatus.CANCELLED if cancelled else killed
    return events.AttemptFinished(
        stage=state.name, attempt=state.attempt, status=status, reason=reason
    )


def due_times(run: RunState, state: StageState, patience: Patience) -> Iterator[float]:
    """Yield the monotonic times at which something may be due for *state* without a fact."""
    if state.between_steps and state.function_due is not None:
        yield state.function_due
    if run.cancel_requested_at is not None and state.stage.always and state.finished is None:
        yield run.cancel_requested_at + patience.cleanup
    for due in (silent_at(state, patience), lease_over_at(run, state)):
        if due is not None:
            yield due
    if patience.silent is not None:
        for orphan in run.orphans.values():
            if orphan.stage == state.name:
                yield orphan.since + patience.silent
