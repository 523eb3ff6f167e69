"""The read model: what a run's events add up to, for everything that shows or reports it.

`RunView.apply` takes events in order and is total: an event that does not fit is ignored, so
that an odd history can still be looked at. The scheduler has its own, strict state; nothing
here decides anything.
"""

from __future__ import annotations

from buildorch.view.carried import carried
from buildorch.view.outcome import exit_code, run_finished_line
from buildorch.view.run import Orphan, RunView
from buildorch.view.stage import AttemptView, StageView

__all__ = [
    "AttemptView",
    "Orphan",
    "RunView",
    "StageView",
    "carried",
    "exit_code",
    "run_finished_line",
]
