"""What a report is made of: a run, its events, and the last good run before it."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping

import attrs

from buildorch.errors import StoreError
from buildorch.events import AttemptStarted, ConnectFailed, LinkLost, Recorded
from buildorch.model import RunStatus, StageStatus
from buildorch.report.critical import critical_path
from buildorch.report.words import BAD
from buildorch.store.codec import plan_from_dict
from buildorch.store.database import Store
from buildorch.view import RunView, StageView

#: How many older runs of the pipeline are looked at for a good one.
_OLDER = 500


@attrs.frozen(kw_only=True, eq=False)
class Report:
    """A run, and all that is told of it.

    Attributes:
        view: The run.
        records: Its events, in order.
        short: Its short name.
        before: The last good run of the same pipeline before it.
        alive: Whether a controller drives it now.
        made_at: Unix time of the report.
    """

    view: RunView
    records: tuple[Recorded, ...]
    short: str
    before: RunView | None = None
    alive: bool = False
    made_at: float = attrs.field(factory=time.time)

    @property
    def status(self) -> str:
        """How the run ended; `running` or `interrupted` where it has not.

        A run whose stages have all ended counts as what it will be: its archive, which holds the
        report, is written before its end is.
        """
        if self.view.status is not None:
            return self.view.status.value
        if self.view.stages and all(stage.finished for stage in self.stages):
            return (RunStatus.FAILED if self.broken else RunStatus.SUCCEEDED).value
        return "running" if self.alive else RunStatus.INTERRUPTED.value

    @property
    def ended_at(self) -> float:
        """Unix time of its end; of the newest that is known where it has none."""
        if self.view.finished_at is not None:
            return self.view.finished_at
        return max(self.made_at, self.view.updated_at) if self.alive else self.view.updated_at

    @property
    def seconds(self) -> float:
        """How long it took, or has taken."""
        if self.view.finished is not None:
            return self.view.seconds
        return max(0.0, self.ended_at - self.view.created_at)

    @property
    def stages(self) -> list[StageView]:
        """Its stages, in the order of their numbers."""
        return list(self.view.stages.values())

    @property
    def broken(self) -> list[StageView]:
        """The stages that went wrong and were not allowed to."""
        return [one for one in self.stages if one.status in BAD and not one.allowed]

    @functools.cached_property
    def critical(self) -> tuple[str, ...]:
        """Names of the stages on the critical path."""
        return critical_path(self.view, self.ended_at)

    @property
    def retries(self) -> int:
        """How many attempts followed one that failed."""
        return sum(len(stage.setbacks) for stage in self.stages if len(stage.history) > 1)

    @property
    def good(self) -> int:
        """How many stages came to what they are for."""
        fine = (StageStatus.SUCCEEDED, StageStatus.UP_TO_DATE)
        return sum(stage.status in fine for stage in self.stages)

    @functools.cached_property
    def begun(self) -> Mapping[tuple[str, int], float]:
        """When each attempt began to connect, by stage and number."""
        found: dict[tuple[str, int], float] = {}
        for record in self.records:
            if isinstance(record.event, AttemptStarted):
                found.setdefault((record.event.stage, record.event.attempt), record.at)
        return found

    def start(self, stage: StageView) -> float | None:
        """When a stage's first attempt began; None where there was none."""
        return self.begun.get((stage.name, stage.history[0].number)) if stage.history else None

    def end(self, stage: StageView) -> float:
        """When a stage ended; now where it goes on."""
        return stage.finished_at if stage.finished_at is not None else self.ended_at

    def total(self, what: str) -> int:
        """Return how many `errors` or `warnings` the stages' last attempts had."""
        results = (stage.result for stage in self.stages)
        return sum(getattr(result, what) for result in results if result is not None)

    def breaks(self, server: str) -> int:
        """Return how often the connection to *server* broke or could not be made."""
        events = (record.event for record in self.records)
        return sum(
            isinstance(event, LinkLost | ConnectFailed) and event.server == server
            for event in events
        )


def read_report(store: Store, run: str, *, alive: bool = False) -> Report:
    """Return what is to be told of a stored run.

    Args:
        store: The run history.
        run: Id of the run.
        alive: Whether a controller drives it now.

    Raises:
        RunNotFound: There is no such run.
        StoreDamaged: Its record cannot be read.
    """
    records = tuple(store.read(run))
    view = RunView.of(records, plan_from_dict)
    return Report(
        view=view,
        records=records,
        short=store.run(run).short,
        before=_last_good(store, view),
        alive=alive,
    )


def _last_good(store: Store, view: RunView) -> RunView | None:
    """Return the last run of the pipeline that succeeded before *view* began."""
    for row in store.runs(_OLDER, view.plan.name):
        if row.status is RunStatus.SUCCEEDED and row.run != view.run:
            if row.created > view.created_at:
                continue
            try:
                return RunView.of(store.read(row.run), plan_from_dict)
            except StoreError:
                return None  # damage of an older run is no reason to tell nothing of this one
    return None
