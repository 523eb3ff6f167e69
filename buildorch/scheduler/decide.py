"""What follows from the state: the next event of one stage, or the end of the run.

Pure functions of state and time; `machine` applies what they return and asks again until
nothing follows any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from buildorch import events
from buildorch.events import Event
from buildorch.model import RunStatus, StageStatus
from buildorch.scheduler import fencing
from buildorch.scheduler.fencing import Patience
from buildorch.scheduler.stage import StageState
from buildorch.scheduler.state import RunState
from buildorch.scheduler.table import Phase
from buildorch.scheduler.verdict import Verdict, retry, said, verdict


def next_event(run: RunState, state: StageState, now: float, patience: Patience) -> Event | None:
    """Return the event that the state of *state* makes due, or None.

    Args:
        run: The run.
        state: One of its stages.
        now: Monotonic time.
        patience: How long is waited for what.
    """
    if state.timed or run.orphans:
        event = _late_function(state, now) or fencing.given_up(run, state, now, patience)
        if event is not None:
            return event
    stopping = run.stopping and _stopping(run, state, now, patience.cleanup)
    return _BY_PHASE[state.phase](run, state, now, stopping=stopping)


def _nothing(_: RunState, __: StageState, ___: float, *, stopping: bool) -> None:
    """Wait for what the server says; a stage that has ended waits for nothing."""
    del stopping


def _late_function(state: StageState, now: float) -> Event | None:
    """Stop a function whose time is over; give up one that does not stop."""
    due = state.function_due if state.between_steps else None
    if due is None or now < due:
        return None
    if state.kill is None:
        return _kill_function(state, "timeout")
    timed_out = state.kill == "timeout"
    return events.AttemptFinished(
        stage=state.name,
        attempt=state.attempt,
        status=StageStatus.TIMED_OUT if timed_out else StageStatus.CANCELLED,
        reason=state.kill,
        warning="its function did not stop when it was told to",
    )


def _stopping(run: RunState, state: StageState, now: float, cleanup: float) -> bool:
    """Tell whether the stage is to end early: cancel, or another's failure with fail_fast."""
    if state.stage.always:
        since = run.cancel_requested_at
        return since is not None and now >= since + cleanup
    return True


def _not_begun(_: RunState, state: StageState, now: float, *, stopping: bool) -> Event | None:
    if stopping:
        return _finish(state, StageStatus.CANCELLED, now)
    failed = state.unreachable
    if failed is None:
        return None
    return events.AttemptFinished(
        stage=state.name,
        attempt=state.attempt,
        status=StageStatus.UNREACHABLE,
        reason=f"{failed.server}: {failed.message}",
    )


def _waiting(run: RunState, state: StageState, _: float, *, stopping: bool) -> Event | None:
    if stopping:
        return _finish(state, StageStatus.CANCELLED, None)
    if state.blocked_by is None or state.stage.always:
        return None
    cause = run.stages[state.blocked_by].finished
    status = cause.status if cause is not None else "failed"
    return _finish(state, StageStatus.SKIPPED, None, f"{state.blocked_by} {status}")


def _running(_: RunState, state: StageState, __: float, *, stopping: bool) -> Event | None:
    reason = _why_kill(state, stopping=stopping)
    if reason is None:
        return None
    return events.KillRequested(
        stage=state.name, attempt=state.attempt, step=state.step, reason=reason
    )


def _why_kill(state: StageState, *, stopping: bool) -> str | None:
    if state.kill is not None:
        return None
    if stopping:
        return "cancelled"
    return "moved" if state.move is not None else None


def _ended(_: RunState, state: StageState, __: float, *, stopping: bool) -> Event | None:
    """Judge the ended job; a stage function goes on by itself unless it is to stop."""
    if state.stage.function is not None:
        reason = _why_kill(state, stopping=stopping)
        return None if reason is None else _kill_function(state, reason)
    finished = state.steps[state.step].finished
    if finished is None:
        return None
    found = verdict(state.stage, finished.end, state.report)
    if state.kill is not None and finished.end.kind == "lost":
        # It is gone: that was wanted.
        moved = state.kill == "moved"
        found = Verdict(StageStatus.LOST if moved else StageStatus.CANCELLED, state.kill)
        if finished.end.reason == found.reason == "cancelled":
            found = Verdict(StageStatus.CANCELLED, finished.end.detail or state.kill)
    return events.AttemptFinished(
        stage=state.name,
        attempt=state.attempt,
        status=found.status,
        reason=found.reason,
        warning=found.warning,
        exit_code=finished.end.code if finished.end.kind == "exit" else None,
        signal=finished.end.code if finished.end.kind == "signal" else None,
        errors=state.report.errors,
        warnings=state.report.warnings,
        first_error=state.report.first_error,
        alert=state.report.alert,
        **said(state.report),
    )


def _kill_function(state: StageState, reason: str) -> Event:
    """Return the intent to stop a stage function that is between two jobs."""
    return events.KillRequested(stage=state.name, attempt=state.attempt, step=0, reason=reason)


def _settle(run: RunState, state: StageState, now: float, *, stopping: bool) -> Event | None:
    if state.wants_artifacts:
        return _no_artifacts(state) if stopping else None
    result = state.verdict
    if result is None:  # the table leads to SETTLING by AttemptFinished only
        raise AssertionError(state.name)
    if run.cancel_requested_at is not None and not state.stage.always:
        moved = result.reason == "moved"
        return _finish(state, StageStatus.CANCELLED if moved else result.status, now)
    again = _again(state, result)
    if again is None:
        return _finish(state, result.status, now)
    cause, delay, server = again
    return events.RetryScheduled(
        stage=state.name, attempt=state.attempt + 1, delay=delay, cause=cause, server=server
    )


def _again(
    state: StageState, result: events.AttemptFinished
) -> tuple[str, float, str | None] | None:
    """Return cause, delay and other server of the next attempt, or None where this was the last."""
    wanted = state.move.server if state.move is not None else None
    if result.reason == "moved" and wanted is not None:
        return "moved", 0.0, wanted
    if result.reason == fencing.ABANDONED or result.status is StageStatus.SUCCEEDED:
        return None
    again = retry(state.stage, result.status, result.reason, state.budget, result.cause)
    if again is None:
        return None
    if result.reason == "lease" and wanted is None:
        wanted = next((one.name for one in state.stage.servers[state.candidate + 1 :]), None)
    return (*again, wanted)


_BY_PHASE: Mapping[Phase, Callable[..., Event | None]] = {
    Phase.WAITING: _waiting,
    Phase.QUEUED: _not_begun,
    Phase.BACKOFF: _not_begun,
    Phase.CONNECTING: _not_begun,
    Phase.LAUNCHING: _running,
    Phase.RUNNING: _running,
    Phase.ENDED: _ended,
    Phase.CANCELLING: _nothing,
    Phase.SETTLING: _settle,
    Phase.FINISHED: _nothing,
}


def _no_artifacts(state: StageState) -> Event:
    return events.ArtifactsCollected(
        stage=state.name,
        attempt=state.attempt,
        count=0,
        warning="its artifacts were not collected: the run was cancelled",
    )


def _finish(
    state: StageState, status: StageStatus, now: float | None, reason: str | None = None
) -> events.StageFinished:
    result = state.verdict or _NO_ATTEMPT
    started = state.started_at
    step = state.steps.get(len(state.steps))
    finished = step.finished if step is not None else None
    return events.StageFinished(
        stage=state.name,
        status=status,
        reason=reason or result.reason,
        exit_code=result.exit_code,
        signal=result.signal,
        attempts=state.attempt,
        server=state.server.name if state.attempt else None,
        seconds=None if started is None or now is None else round(now - started, 3),
        errors=result.errors,
        warnings=result.warnings,
        first_error=result.first_error,
        alert=result.alert,
        warning=_warning(result, state.collected),
        allowed=state.stage.allow_failure and status is not StageStatus.SUCCEEDED,
        log=f"{state.name}/attempt-{state.attempt}.log" if state.steps else None,
        log_complete=finished.log_complete if finished is not None else step is None,
        output=state.values.get((0, "output")),
    )


def _warning(
    result: events.AttemptFinished, collected: events.ArtifactsCollected | None
) -> str | None:
    """Return what is odd about a success: of the command, and of its artifacts."""
    good = result.status is StageStatus.SUCCEEDED
    if collected is None or not collected.warning or not good:
        return result.warning
    return f"{result.warning}; {collected.warning}" if result.warning else collected.warning


#: Stands for the attempt of a stage that had none.
_NO_ATTEMPT = events.AttemptFinished(stage="", attempt=0, status=StageStatus.SKIPPED)


def run_end(run: RunState, now: float, patience: Patience) -> events.RunFinished | None:
    """Return the end of the run once every stage has ended, and no job of it may live."""
    if run.unfinished or run.finished is not None:
        return None
    if not all(fencing.is_left(run, one, now, patience) for one in run.orphans.values()):
        return None
    results = run.created.results if run.created is not None else ""
    return events.RunFinished(
        status=run_status(run),
        seconds=round(now - run.created_at, 3),
        results=results,
        reason="; ".join(_odd(run)) or None,
    )


def _odd(run: RunState) -> Iterator[str]:
    """Yield what is odd about the end of the run."""
    if run.archive_error is not None:
        yield f"the results were not archived: {run.archive_error}"
    for orphan in run.orphans.values():
        yield f"{orphan.server} has not confirmed that job {orphan.job} is dead"


def run_status(run: RunState) -> RunStatus:
    """Return how a run ended of which every stage has ended."""
    ended = list(run.stages.values())
    if run.cancel_requested_at is not None and any(
        state.finished is not None and state.finished.status is StageStatus.CANCELLED
        for state in ended
    ):
        return RunStatus.CANCELLED
    own = all(state.clear or _only_passed_on(state) for state in ended)
    return RunStatus.SUCCEEDED if own else RunStatus.FAILED


def _only_passed_on(state: StageState) -> bool:
    """Tell whether an `always` stage is unclear for its predecessors' sake alone."""
    finished = state.finished
    return state.stage.always and finished is not None and finished.status is StageStatus.SUCCEEDED
