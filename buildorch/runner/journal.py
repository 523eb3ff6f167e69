"""The one place where the events of a run become stored, shown and told.

A batch of events and the messages that they cause are stored in one transaction, then shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from buildorch import events, messages
from buildorch.events import Event, Recorded
from buildorch.model import Channel, Plan
from buildorch.store.database import Store
from buildorch.store.rows import Order
from buildorch.view import RunView

#: Events that must survive a power cut before their effect is begun, and the ends people rely on.
_DURABLE = (
    events.CancelRequested,
    events.StepLaunching,
    events.KillRequested,
    events.NotificationDue,
    events.StageFinished,
    events.RunFinished,
)


class Observer(Protocol):
    """Is shown every event once it is stored, with the view of the run after it."""

    def see(self, view: RunView, record: Recorded) -> None:
        """Take one event; returns quickly and raises nothing."""


class Journal:
    """Writes the events of one run.

    Args:
        store: Where they are stored.
        view: The run up to now.
        epoch: Number of this controller.
        wall: Returns the Unix time.
        channels: Who can be told.
        language: Language of messages.
        tails: Returns the last lines of a stage's log.
        observers: Who is shown the events.
    """

    def __init__(
        self,
        store: Store,
        view: RunView,
        *,
        epoch: int,
        wall: Callable[[], float],
        channels: Mapping[str, Channel],
        language: str,
        tails: Callable[[str], str],
        observers: Sequence[Observer],
    ) -> None:
        self.view = view
        self._store = store
        self._epoch = epoch
        self._wall = wall
        self.channels = channels
        self.language = language
        self._tails = tails
        self._observers = observers

    def write(self, batch: Iterable[Event], answers: Sequence[Order] = ()) -> list[Event]:
        """Store *batch* and the messages due because of it, then show all of it.

        Args:
            batch: Events in their order.
            answers: Orders that they answer.

        Returns:
            All that was stored.

        Raises:
            StoreError: Nothing was stored; no effect may follow.
        """
        at = self._wall()
        written: list[Event] = []
        for event in batch:
            written += self._with_messages(event, at)
        if not written and not answers:
            return []
        durable = any(isinstance(event, _DURABLE) for event in written)
        stored = self._store.append(
            self.view.run, written, epoch=self._epoch, at=at, durable=durable, answers=answers
        )
        for record in stored:
            for observer in self._observers:
                observer.see(self.view, record)
        return written

    def _with_messages(self, event: Event, at: float) -> list[Event]:
        record = self._take(event, at)
        due = messages.due(
            self.plan,
            self.channels,
            self.view,
            record,
            language=self.language,
            tails=self._tails,
        )
        for message in due:
            self._take(message, at)
        return [event, *due]

    def _take(self, event: Event, at: float) -> Recorded:
        record = Recorded(
            run=self.view.run, seq=self.view.seq + 1, at=at, epoch=self._epoch, event=event
        )
        self.view.apply(record)
        return record

    @property
    def plan(self) -> Plan:
        """What the run executes."""
        return self.view.plan
