"""The critical path: the stages without which the run would have ended earlier."""

from __future__ import annotations

from collections.abc import Iterable

from buildorch.view import RunView, StageView


def critical_path(view: RunView, now: float) -> tuple[str, ...]:
    """Return the chain of stages that the end waited for, in the order in which they ran.

    It ends with the stage that ended last; before each comes the predecessor that ended last.
    Stages that never ran are no part of it.

    Args:
        view: The run.
        now: Unix time that stands for the end of what goes on.
    """
    path: list[str] = []
    ran = [stage for stage in view.stages.values() if stage.first_started_at is not None]
    stage = _last(ran, now)
    while stage is not None:
        if stage.first_started_at is not None:
            path.append(stage.name)
        stage = _last((view.stages[name] for name in stage.stage.after), now)
    return tuple(reversed(path))


def _last(stages: Iterable[StageView], now: float) -> StageView | None:
    return max(stages, key=lambda stage: ended(stage, now), default=None)


def ended(stage: StageView, now: float) -> float:
    """Return when *stage* ended; *now* where it goes on."""
    return stage.finished_at if stage.finished_at is not None else now


def ready(view: RunView, stage: StageView, now: float) -> float:
    """Return since when nothing but a limit or a connection has kept *stage* from starting.

    A stage that runs always waits for all that come before its predecessors as well, which need
    not have ended when those were skipped.
    """
    seen: set[str] = set()
    todo = list(stage.stage.after)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += view.stages[name].stage.after
    return max((view.created_at, *(ended(view.stages[name], now) for name in seen)))
