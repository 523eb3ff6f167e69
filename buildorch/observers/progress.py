"""What is shown of running stages beside their events: progress, last line, estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from buildorch.estimate import together
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
            usually takes. None where nothing is known.
        spread: Seconds that `eta` may be wrong, give or take; None where that is not known.
        guessed: Whether the percent comes from the history alone.
        note: What a queued stage waits for, where somebody else holds it.
    """

    percent: float | None = None
    last_line: str = ""
    errors: int = 0
    warnings: int = 0
    eta: float | None = None
    spread: float | None = None
    guessed: bool = False
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


@attrs.frozen
class Left:
    """How long a run still takes.

    Attributes:
        seconds: That.
        spread: Seconds that it may be wrong, give or take; None where that is not known.
    """

    seconds: float
    spread: float | None = None


def time_left(view: RunView, progress: Mapping[str, StageProgress]) -> Left | None:
    """Return how long a run still takes: its longest chain of stages that are not over.

    None where the history of one of them is not known, or one waits for a lock: nobody knows
    how long. Waiting for slots is not counted.

    Args:
        view: The run.
        progress: What is known of its stages, by name.
    """
    ends: dict[str, float] = {}
    chains: dict[str, tuple[float | None, ...]] = {}
    for planned in view.plan.stages:  # the plan is in topological order
        stage, now = view.stages[planned.name], progress.get(planned.name, NO_PROGRESS)
        locked = stage.wait is not None and stage.wait.kind == "lock"
        over = stage.finished is not None
        own = 0.0 if over else None if locked else now.eta
        if own is None:
            return None
        before = max(
            (name for name in planned.after if name in ends),
            key=lambda name: ends[name],
            default=None,
        )
        ends[planned.name] = own + (ends[before] if before is not None else 0.0)
        chain = chains[before] if before is not None else ()
        chains[planned.name] = chain if over else (*chain, now.spread)
    if not ends:
        return None
    last = max(ends, key=lambda name: ends[name])
    return Left(ends[last], together(chains[last]))
