"""How far a run is: read from its collected logs and from the history, never stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import attrs

from buildorch.analysis import Analyzer
from buildorch.observers.progress import StageProgress
from buildorch.store.database import Store
from buildorch.view import RunView, StageView

_PIECE = 1 << 20


@attrs.define
class _Reading:
    """A log that is read on from where it ended the last time."""

    path: Path
    analyzer: Analyzer
    offset: int = 0

    def catch_up(self) -> Analyzer:
        try:
            with self.path.open("rb") as log:
                log.seek(self.offset)
                while piece := log.read(_PIECE):
                    self.offset += len(piece)
                    self.analyzer.feed(piece)
        except OSError:
            return self.analyzer  # not there yet, or gone: nothing is known
        return self.analyzer


class RunProgress:
    """What is known of the stages of a run beside its events, for boards and status.

    Args:
        view: Returns the run as it is known now, or None before it is.
        usual: Seconds that stages usually take, by name.
        wall: Returns the Unix time.
    """

    def __init__(
        self,
        view: Callable[[], RunView | None],
        usual: Mapping[str, float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._view = view
        self._usual = usual
        self._wall = wall
        self._readings: dict[str, _Reading] = {}

    def of(self, name: str) -> StageProgress:
        """Return what is known of the stage *name* now; reads what is new in its log."""
        view = self._view()
        stage = view.stages[name] if view is not None else None
        if view is None or stage is None:
            return StageProgress()
        path = view.log_path(stage)
        if path is None:
            return StageProgress(eta=self._usual.get(name))
        found = self._reading(name, Path(path)).catch_up()
        return StageProgress(
            percent=found.progress,
            last_line=found.last_line or "",
            errors=found.errors,
            warnings=found.warnings,
            eta=self._eta(stage, found.progress),
        )

    def all(self) -> dict[str, StageProgress]:
        """Return what is known of every stage, by name."""
        view = self._view()
        return {name: self.of(name) for name in view.stages} if view is not None else {}

    def _reading(self, name: str, path: Path) -> _Reading:
        known = self._readings.get(name)
        if known is None or known.path != path:
            known = self._readings[name] = _Reading(path, Analyzer())
        return known

    def _eta(self, stage: StageView, percent: float | None) -> float | None:
        """Return the seconds that are left, where history tells; percent refines it."""
        usual = self._usual.get(stage.name)
        if usual is None or stage.started_at is None:
            return usual
        passed = max(0.0, self._wall() - stage.started_at)
        by_history = max(0.0, usual - passed)
        if not percent:
            return by_history
        share = min(percent, 100.0) / 100
        by_percent = passed / share - passed
        # The further it is, the more its own pace says, and the less that of earlier runs.
        return (1 - share) * by_history + share * by_percent


def usual_seconds(store: Store, view: RunView) -> dict[str, float]:
    """Return the median duration of each stage's successes, where there are any."""
    found: dict[str, float] = {}
    for name in view.stages:
        past = store.durations(view.plan.name, name)
        if past:
            found[name] = float(median(past))
    return found
