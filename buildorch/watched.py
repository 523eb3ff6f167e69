"""A run that another process drives, read from the store while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from buildorch.events import Recorded
from buildorch.store.codec import plan_from_dict
from buildorch.store.database import Store
from buildorch.store.ownership import Holder, holder
from buildorch.store.places import Places
from buildorch.view import RunView

if TYPE_CHECKING:
    from buildorch.progress import RunProgress

#: Seconds between two looks at the store.
INTERVAL = 0.2

#: How many of the newest runs are looked at for jobs that nobody drives.
UNDRIVEN_RUNS = 50


class Watched:
    """A run in the store, and what is known of it up to the last look.

    Args:
        places: The state folder.
        store: The run history.
        run: Id of the run.
        wait: Waits for the next look.
    """

    def __init__(
        self,
        places: Places,
        store: Store,
        run: str,
        wait: Callable[[], None] = lambda: time.sleep(INTERVAL),
    ) -> None:
        self._places = places
        self._store = store
        self._first, *self._rest = store.read(run)
        self._wait = wait
        self.view = RunView.of([self._first], plan_from_dict)

    @property
    def holder(self) -> Holder | None:
        """The controller that drives it now."""
        return holder(self._places, self.view.run)

    @property
    def cancel_ordered(self) -> bool:
        """Whether a cancel waits for a controller that takes it up."""
        return any(order.kind == "cancel" for order in self._store.orders(self.view.run))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.view.status is not None

    def catch_up(self) -> bool:
        """Take what is new; returns whether more may come, as it is not over and is driven."""
        driven = self.holder is not None  # asked first: what a controller stores last is read then
        for _ in self._fresh():
            pass
        return driven and not self.over

    def records(self) -> Iterator[Recorded]:
        """Yield its events from the first on, `view` up to each, until no more may come."""
        yield self._first
        more = True
        while more:
            driven = self.holder is not None
            yield from self._fresh()
            more = driven and not self.over
            if more:
                self._wait()

    def to_the_end(self) -> RunView:
        """Return the run once it has ended, or nobody drives it any more."""
        for _ in self.records():
            pass
        return self.view

    def progress(self) -> RunProgress:
        """Return how far its stages are, as their logs and the history say."""
        from buildorch.past import usual_times  # noqa: PLC0415 - only of runs under way
        from buildorch.progress import RunProgress  # noqa: PLC0415 - reads logs: likewise

        return RunProgress(lambda: self.view, usual_times(self._store, self.view))

    def _fresh(self) -> Iterator[Recorded]:
        rest, self._rest = self._rest, []
        known = rest[-1].seq if rest else self.view.seq
        # Also after the first ones, which were read before anybody asked who drives the run.
        for record in (*rest, *self._store.read(self.view.run, known)):
            self.view.apply(record)
            yield record


def left_alone(run: str) -> str:
    """Say that a run would never end: what to do about that."""
    return f"nobody drives run {run}: it is interrupted; `buildorch resume {run}` goes on with it"


def undriven(places: Places, store: Store) -> dict[str, list[str]]:
    """Return what may still run although nobody drives it: by server, `RUN STAGE` texts.

    Such a job holds no slot: its controller has died or left.
    """
    found: dict[str, list[str]] = {}
    for row in store.runs(UNDRIVEN_RUNS):
        if row.status is not None or holder(places, row.run) is not None:
            continue
        view = RunView.of(store.read(row.run), plan_from_dict)
        for stage in view.stages.values():
            if stage.finished is None and stage.server is not None:
                found.setdefault(stage.server, []).append(f"{row.run} {stage.name}")
    return found
