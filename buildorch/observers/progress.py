"""What is shown of running stages beside their events: progress, last line, estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from buildorch.model import StageStatus
from buildorch.view import RunView, StageView


@attrs.frozen(kw_only=True)
class StageProgress:
    """What the log of a stage says right now.

    Attributes:
        percent: 0 to 100; None where the tool does not say.
        last_line: Its last line, as it was written.
        errors: Errors so far.
        warnings: Warnings so far.
        eta: Seconds that it will still take; for one that has not begun, the seconds that it
            usually takes. None where no history tells.
        note: What a queued stage waits for, where somebody else holds it.
    """

    percent: float | None = None
    last_line: str = ""
    errors: int = 0
    warnings: int = 0
    eta: float | None = None
    note: str | None = None


#: Gives the progress of a stage by its name; called often, from the board's own thread.
ProgressSource: TypeAlias = Callable[[str], StageProgress]

NO_PROGRESS = StageProgress()

_FAILURES = frozenset(StageStatus) - {
    StageStatus.SUCCEEDED,
    StageStatus.UP_TO_DATE,
    StageStatus.SKIPPED,
    StageStatus.CANCELLED,
}


def no_progress(_: str) -> StageProgress:
    """Return that nothing is known."""
    return NO_PROGRESS


@attrs.frozen
class Totals:
    """What a run adds up to.

    Attributes:
        errors: Errors that stand.
        recovered: Failed attempts that a later one made good.
        warnings: Warnings.
    """

    errors: int
    recovered: int
    warnings: int


def totals(view: RunView, progress: Mapping[str, StageProgress]) -> Totals:
    """Return what all stages add up to.

    Args:
        view: The run.
        progress: What the logs of running stages say, by name.
    """
    counts = [_counts(stage, progress.get(stage.name, NO_PROGRESS)) for stage in _stages(view)]
    return Totals(
        errors=sum(errors for errors, _ in counts),
        recovered=sum(len(stage.setbacks) for stage in _stages(view) if stage.recovered),
        warnings=sum(warnings for _, warnings in counts),
    )


def _stages(view: RunView) -> list[StageView]:
    return list(view.stages.values())


def _counts(stage: StageView, now: StageProgress) -> tuple[int, int]:
    known = stage.result if stage.finished is not None or stage.state == "backoff" else None
    if known is None:
        return now.errors, now.warnings
    if known is not stage.finished and known not in stage.setbacks:
        return 0, 0  # it was moved or never started: nothing failed
    # A failure counts although its log has no error that anybody knows.
    failed = known.status in _FAILURES and not stage.allowed
    return max(known.errors, int(failed)), known.warnings


def time_left(view: RunView, progress: Mapping[str, StageProgress]) -> float | None:
    """Return the seconds until the run is over: its longest chain of stages that are not.

    None where the history of one of them is not known, or one waits for a lock: nobody knows
    how long. Waiting for slots is not counted.

    Args:
        view: The run.
        progress: What is known of its stages, by name.
    """
    ends: dict[str, float] = {}
    for planned in view.plan.stages:  # the plan is in topological order
        stage = view.stages[planned.name]
        own: float | None = 0.0
        if stage.finished is None:
            locked = stage.wait is not None and stage.wait.kind == "lock"
            own = None if locked else progress.get(planned.name, NO_PROGRESS).eta
        if own is None:
            return None
        ends[planned.name] = own + max((ends.get(name, 0.0) for name in planned.after), default=0.0)
    return max(ends.values(), default=None)
