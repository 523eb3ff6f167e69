"""What a run came to, for programs: its exit code and the last line of `run --json`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs

from buildorch.model import RunStatus, StageStatus
from buildorch.view.run import RunView
from buildorch.view.stage import StageView

#: Version of the last line of `run --json`; grows only when a key changes its meaning.
SCHEMA = 1

SUCCESS = 0
STAGE_FAILED = 1
INFRASTRUCTURE = 3
DETACHED = 75
CANCELLED = 130

_BUILD = frozenset({StageStatus.FAILED, StageStatus.TIMED_OUT})
_INFRASTRUCTURE = frozenset({StageStatus.UNREACHABLE, StageStatus.LOST, StageStatus.NO_SPACE})


def exit_code(view: RunView) -> int:
    """Return the exit code of a command that waited for the run.

    Args:
        view: The run.

    Returns:
        130 cancelled; 1 a stage failed or timed out; 3 only the infrastructure failed, or a job
        may still live somewhere; 0 succeeded; 75 its controller left before the end.
    """
    if view.status is None:
        return DETACHED
    if view.status is RunStatus.CANCELLED:
        return CANCELLED
    if view.status is RunStatus.SUCCEEDED:
        return INFRASTRUCTURE if view.orphans else SUCCESS
    ends = {stage.status for stage in view.stages.values() if not stage.allowed}
    return INFRASTRUCTURE if ends & _INFRASTRUCTURE and not ends & _BUILD else STAGE_FAILED


def run_finished_line(view: RunView, now: float | None = None) -> dict[str, Any]:
    """Return the documented last line of `run --json`.

    A run that is not over has the status `interrupted`; its stages that are not over have the
    name of their state instead of a status.

    Args:
        view: The run.
        now: Unix time up to which a stage that waits has waited; None: as of the newest event.

    Returns:
        A JSON object: `event`, `run`, `at`, `schema`, `status`, `seconds`, `results`, `orphans`
        (jobs that may still live) and `stages`, by name.
    """
    status = view.status or RunStatus.INTERRUPTED
    return {
        "event": "run_finished",
        "run": view.run,
        "at": _rfc3339(view.finished_at or view.updated_at),
        "schema": SCHEMA,
        "status": status.value,
        "seconds": round(view.seconds, 3),
        "results": view.results,
        "reason": view.finished.reason if view.finished is not None else view.detached,
        "exit_code": exit_code(view),
        "orphans": [attrs.asdict(orphan) for orphan in view.orphans],
        "stages": {stage.name: stage_line(view, stage, now) for stage in view.stages.values()},
    }


def stage_line(view: RunView, stage: StageView, now: float | None = None) -> dict[str, Any]:
    """Return what the last line says of one stage; unknown values are null.

    Args:
        view: The run.
        stage: One of its stages.
        now: As for `run_finished_line`.
    """
    result, finished = stage.result, stage.finished
    carried = stage.status is StageStatus.UP_TO_DATE and not stage.history
    return {
        "status": stage.state,
        "exit_code": result.exit_code if result is not None else None,
        "signal": result.signal if result is not None else None,
        "reason": stage.reason,
        "allowed": stage.allowed,
        "attempts": finished.attempts if finished is not None else stage.attempt,
        "server": stage.server,
        "seconds": stage.seconds,
        "errors": result.errors if result is not None else 0,
        "warnings": result.warnings if result is not None else 0,
        "first_error": result.first_error if result is not None else None,
        "log": view.log_path(stage),
        "log_complete": finished.log_complete if finished is not None else False,
        "started_at": _rfc3339(stage.first_started_at),
        "from_run": view.created.parent if carried else None,
        "wait": _wait_line(stage, view.updated_at if now is None else now),
    }


def _wait_line(stage: StageView, now: float) -> dict[str, Any] | None:
    if stage.wait is None:
        return None
    line = attrs.asdict(stage.wait)
    if stage.wait_since is not None:
        line["seconds"] = round(max(0.0, now - stage.wait_since), 3)
    return line


def _rfc3339(at: float | None) -> str | None:
    if at is None:
        return None
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
