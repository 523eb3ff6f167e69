"""What a retry takes over from the run that it repeats: the stages that need not run again."""

from __future__ import annotations

from buildorch import events
from buildorch.model import GOOD_ENDS, StageStatus
from buildorch.view.run import RunView
from buildorch.view.stage import StageView


def carried(view: RunView) -> tuple[events.StageFinished, ...]:
    """Return the ends with which a retry of a run begins, in the plan's order.

    Everything counts as done but the stages that went wrong and what follows from them.

    Args:
        view: The run, which has ended.
    """
    again: set[str] = set()
    ends: list[events.StageFinished] = []
    for stage in view.plan.stages:  # in a topological order: what comes before is known
        known = view.stages[stage.name]
        if not _fine(known) or again.intersection(stage.after):
            again.add(stage.name)
        else:
            ends.append(_up_to_date(view, known))
    return tuple(ends)


def _fine(stage: StageView) -> bool:
    return stage.allowed or stage.status in GOOD_ENDS


def _up_to_date(view: RunView, stage: StageView) -> events.StageFinished:
    return events.StageFinished(
        stage=stage.name,
        status=StageStatus.UP_TO_DATE,
        server=stage.server,
        log=view.log_path(stage),
        output=stage.finished.output if stage.finished is not None else None,
    )
