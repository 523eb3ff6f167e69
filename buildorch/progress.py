"""How far a run is: read from its collected logs and from the history, never stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from buildorch.analysis import Analysis, Analyzer, LastLine
from buildorch.analysis.own import analyzer_for
from buildorch.estimate import Pace, Usual
from buildorch.observers.progress import StageProgress
from buildorch.view import RunView, StageView

_PIECE = 1 << 20

#: Tools that say how far they are; of another one the history does.
_TELLING = frozenset({"bitbake", "ninja", "cmake", "pytest", "cargo", "gradle"})


@attrs.define
class _Reading:
    """A log that is read on from where it ended the last time."""

    path: Path
    analyzer: Analyzer | LastLine
    pace: Pace
    offset: int = 0

    def catch_up(self) -> Analysis:
        try:
            with self.path.open("rb") as log:
                log.seek(self.offset)
                while piece := log.read(_PIECE):
                    self.offset += len(piece)
                    self.analyzer.feed(piece)
        except OSError:
            return self.analyzer.finish()  # not there yet, or gone: nothing is known
        return self.analyzer.finish()


class RunProgress:
    """What is known of the stages of a run beside its events, for boards and status.

    Args:
        view: Returns the run as it is known now, or None before it is.
        usual: What stages usually take, by name.
        wall: Returns the Unix time.
    """

    def __init__(
        self,
        view: Callable[[], RunView | None],
        usual: Mapping[str, Usual],
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
            usual = self._usual.get(name)
            return StageProgress() if usual is None else _not_begun(usual)
        reading = self._reading(stage, Path(path))
        found = reading.catch_up()
        guess = found.tool not in _TELLING
        seen = reading.pace.look(self._wall(), found.progress, guess=guess)
        return StageProgress(
            percent=seen.percent,
            guessed=seen.guessed,
            last_line=found.last_line or "",
            errors=found.errors,
            warnings=found.warnings,
            eta=seen.left,
            spread=seen.spread,
        )

    def all(self) -> dict[str, StageProgress]:
        """Return what is known of every stage, by name."""
        view = self._view()
        return {name: self.of(name) for name in view.stages} if view is not None else {}

    def _reading(self, stage: StageView, path: Path) -> _Reading:
        known = self._readings.get(stage.name)
        if known is None or known.path != path:
            one = stage.stage
            analyzer = analyzer_for(one.tool, one.progress) if one.analyze else LastLine()
            begun = stage.started_at if stage.started_at is not None else self._wall()
            pace = Pace(begun, self._usual.get(stage.name))
            known = self._readings[stage.name] = _Reading(path, analyzer, pace)
        return known


def _not_begun(usual: Usual) -> StageProgress:
    return StageProgress(eta=usual.seconds, spread=usual.spread)
