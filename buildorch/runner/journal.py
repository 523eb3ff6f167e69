"""The one place where the events of a run become stored, shown and told.

A batch of events and the messages that they cause are stored in one transaction, then shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from buildorch import events, messages
from buildorch.errors import StoreUnwritable
from buildorch.events import Event, Recorded
from buildorch.messages import Background
from buildorch.model import Channel
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
        background: What earlier runs say of this one.
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
        background: Background = messages.NO_BACKGROUND,
    ) -> None:
        self.view = view
        self._store = store
        self._epoch = epoch
        self._wall = wall
        self.channels = channels
        self.language = language
        self._tails = tails
        self._observers = list(observers)
        self._background = background

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
        written = self._with_messages(batch, at)
        if not written and not answers:
            return []
        durable = any(isinstance(event, _DURABLE) for event in written)
        for record in self._append(written, answers, at, durable=durable):
            self.view.apply(record)
            self._show(record)
        return written

    def _show(self, record: Recorded) -> None:
        """Show a stored event; an observer that breaks is shown no more, and the run goes on."""
        for observer in list(self._observers):
            try:
                observer.see(self.view, record)
            except Exception:  # noqa: BLE001 - whoever watches must not stop a build
                self._observers.remove(observer)
                self._diary().exception("observer.broken", observer=repr(observer))

    @staticmethod
    def _diary() -> Any:  # noqa: ANN401 - a structlog logger, whose kind users configure
        import structlog  # noqa: PLC0415 - only where something broke

        return structlog.get_logger("buildorch")

    def _append(
        self, written: list[Event], answers: Sequence[Order], at: float, *, durable: bool
    ) -> list[Recorded]:
        run = self.view.run
        try:
            return self._store.append(
                run, written, epoch=self._epoch, at=at, durable=durable, answers=answers
            )
        except StoreUnwritable as error:
            raise StoreUnwritable(
                f"{error}. The jobs on the servers go on; then run `buildorch resume {run}`"
            ) from error

    def _with_messages(self, batch: Iterable[Event], at: float) -> list[Event]:
        """Return *batch* with the messages due; what is shown changes once they are stored."""
        if not self.channels:
            return list(batch)
        draft = self.view.draft()
        written: list[Event] = []
        for event in batch:
            due = messages.due(
                self.channels,
                draft,
                self._take(draft, event, at),
                language=self.language,
                tails=self._tails,
                background=self._background,
            )
            for message in due:
                self._take(draft, message, at)
            written += [event, *due]
        return written

    def _take(self, draft: RunView, event: Event, at: float) -> Recorded:
        record = Recorded(run=draft.run, seq=draft.seq + 1, at=at, epoch=self._epoch, event=event)
        draft.apply(record)
        return record
