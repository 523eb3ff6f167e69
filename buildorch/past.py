"""What earlier runs say of a run: what it usually takes, and what had failed in the last one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from buildorch.errors import StoreError
from buildorch.estimate import Usual
from buildorch.events import NotificationDue, NotificationResult
from buildorch.messages import Background, Before
from buildorch.model import RunStatus, StageStatus
from buildorch.notifiers.told import Told
from buildorch.store.codec import plan_from_dict
from buildorch.store.database import Store
from buildorch.store.projection import params_digest
from buildorch.store.rows import Duration, RunRow
from buildorch.view import RunView, StageView

#: Times that count: the latest ones.
_LATEST = 20

_FAILURES = frozenset(
    {StageStatus.FAILED, StageStatus.TIMED_OUT, StageStatus.LOST, StageStatus.NO_SPACE}
)


def usual_times(store: Store, view: RunView) -> dict[str, Usual]:
    """Return what each stage usually takes when it succeeds, where that is known.

    Args:
        store: The history.
        view: The run.
    """
    params = params_digest(view.params)
    found: dict[str, Usual] = {}
    for name, stage in view.stages.items():
        past = store.past(view.plan.name, name)
        usual = Usual.of(_like(past, _server(stage), params)[:_LATEST])
        if usual is not None:
            found[name] = usual
    return found


def _like(past: Sequence[Duration], server: str, params: str) -> list[float]:
    """Return the times of what was most like this: what is built matters more than where."""
    kinds = (
        [one for one in past if (one.params, one.server) == (params, server)],
        [one for one in past if one.params == params],
        [one for one in past if one.server == server],
        past,
    )
    return [one.seconds for one in next((kind for kind in kinds if kind), ())]


def _server(stage: StageView) -> str:
    first = stage.stage.servers[0].name if stage.stage.servers else ""
    return stage.server or first


def background(store: Store, view: RunView) -> Background:
    """Return what messages of a run say of the runs before it.

    Args:
        store: The history.
        view: The run; it is looked at again when it has ended.
    """
    rows = store.like(view.run)
    usual = Usual.of([_seconds(row) for row in rows if _whole(row)])
    due = None if usual is None else time.localtime(view.created_at + usual.seconds)
    return Background(
        run=store.run(view.run).short,
        usual=None if usual is None else usual.seconds,
        due="" if due is None else time.strftime("%H:%M", due),
        before=lambda: _before(store, view.run),
    )


def told_before(store: Store, view: RunView) -> Told:
    """Return what channels have taken of this run, and of the one that it repeats.

    Args:
        store: The history.
        view: The run up to now.
    """
    parent = view.created.parent
    try:
        first = [] if parent is None else _messages(store, parent)
    except StoreError:  # it was forgotten: there is nothing to continue
        first = []
    return Told([*first, *view.messages.values()])


def _messages(store: Store, run: str) -> list[tuple[NotificationDue, NotificationResult | None]]:
    return list(RunView.of(store.read(run), plan_from_dict).messages.values())


def _whole(row: RunRow) -> bool:
    """Tell whether a run did all of its stages itself, with success."""
    return row.status is RunStatus.SUCCEEDED and row.parent is None and row.finished is not None


def _seconds(row: RunRow) -> float:
    return 0.0 if row.finished is None else row.finished - row.created


def _before(store: Store, run: str) -> Before | None:
    """Return how the last such run ended, where it failed."""
    last = next(iter(store.like(run, limit=1)), None)
    if last is None or last.status is not RunStatus.FAILED:
        return None
    try:
        view = RunView.of(store.read(last.run), plan_from_dict)
    except StoreError:  # it is damaged, or was forgotten just now: nothing is known of it
        return None
    failed = [one for one in view.stages.values() if one.status in _FAILURES]
    return Before(last.short, {one.name: _said(one) for one in failed})


def _said(stage: StageView) -> str:
    """Return what a failed stage said, in one line."""
    end = stage.finished
    return "" if end is None else next(iter((end.alert or end.first_error or "").splitlines()), "")
