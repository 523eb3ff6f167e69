"""The controller: the one thread that changes a run.

Everything that happens comes to it through one queue; each turn observes, decides, stores in
one transaction, then acts. If the store takes no more, nothing is launched and the controller
leaves: the jobs go on, and a later controller finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from buildorch import events, messages
from buildorch.errors import RunOwned, StoreError, StoreUnwritable
from buildorch.events import Event
from buildorch.model import Defaults
from buildorch.notifiers import Delivery
from buildorch.ports import Clock
from buildorch.runner.calls import Calls
from buildorch.runner.inbox import Detach, Inbox, Interrupt, Item, Poke, Told
from buildorch.runner.journal import Journal
from buildorch.runner.leases import Leases
from buildorch.runner.links import Links
from buildorch.runner.logs import Logs
from buildorch.runner.orders import ordered
from buildorch.runner.requests import StepRequest, ValueMade, ValueRequest
from buildorch.scheduler import Scheduler, actions, facts
from buildorch.scheduler.actions import Action
from buildorch.scheduler.facts import Fact
from buildorch.store.database import Store
from buildorch.store.rows import Order
from buildorch.view import RunView

#: Seconds that messages under way may take once the run has ended.
CLOSE_SECONDS = 35.0

#: Seconds that they may take where the controller leaves: the next one tells them again.
LEAVE_SECONDS = 2.0

#: Seconds after which orders of other processes are looked for, should a poke get lost.
LONGEST_WAIT = 60.0


class Archiver(Protocol):
    """Keeps the results as one archive."""

    def start(self, put: Callable[[Fact], None]) -> None:
        """Begin in the background; `Archived` is put when it is done."""


class Controller:
    """Drives one run until it has ended or somebody wants it to leave.

    Args:
        scheduler: The run's state, replayed.
        journal: Stores and shows its events.
        inbox: Where everything arrives.
        store: For orders of other processes.
        leases: Slots that its stages hold.
        links: To the servers.
        logs: Of the attempts.
        calls: Of stage functions.
        deliver: Sends messages.
        clock: Time.
        defaults: Limits.
        archive: Keeps the results once all stages have ended.
    """

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        journal: Journal,
        inbox: Inbox,
        store: Store,
        leases: Leases,
        links: Links,
        logs: Logs,
        calls: Calls,
        deliver: Delivery,
        clock: Clock,
        defaults: Defaults,
        archive: Archiver,
    ) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._inbox = inbox
        self._store = store
        self._leases = leases
        self._links = links
        self._logs = logs
        self._calls = calls
        self._deliver = deliver
        self._clock = clock
        self._defaults = defaults
        self._archive = archive
        self._leaving: str | None = None
        self._interrupts = 0

    @property
    def view(self) -> RunView:
        """The run as it is known now."""
        return self._journal.view

    def drive(self, first: Sequence[Event]) -> RunView:
        """Drive the run; *first* are stored before anything is decided.

        Raises:
            StoreError: The store takes no more events; the jobs go on.
            RunOwned: Another controller has taken the run over.
        """
        try:
            unanswered = [due for due, told in self.view.messages.values() if told is None]
            self._write(first)
            for event in first:
                self._scheduler.replay(event, self._clock.monotonic())
            self._leases.retake()
            self._retell(unanswered)
            if self.view.status is None:
                self._turn([Poke()])
            while self.view.status is None and self._leaving is None:
                self._turn(self._inbox.take(self._patience()) or [Poke()])
            if self._leaving is not None:
                self._journal.write([events.ControllerDetached(reason=self._leaving)])
        finally:
            self._leave()
        return self.view

    def _patience(self) -> float:
        """Return the seconds until something is due; orders are looked for now and then anyway."""
        due = self._scheduler.wake_at()
        if due is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.0, due - self._clock.monotonic()))

    def _turn(self, items: list[Item]) -> None:
        now = self._clock.monotonic()
        made: list[Event] = []
        answers: list[Order] = []
        for item in items:
            made += self._hear(item, now, answers)
        made += self._scheduler.decide(now)
        for event in self._journal.write(made, answers):
            self._follow(event)
        self._leases.give_back()
        if self._leaving is None:
            for action in self._scheduler.actions(now):
                self._act(action)

    # What arrives.

    def _hear(self, item: Item, now: float, answers: list[Order]) -> list[Event]:
        match item:
            case StepRequest() | ValueRequest() | ValueMade():
                return self._calls.serve(item, now)
            case Told():
                return [_answer(item)]
            case Poke():
                return self._obey(now, answers)
            case Interrupt(by):
                return self._interrupted(by, now)
            case Detach(reason):
                self._leaving = self._leaving or reason
                return []
            case facts.Superseded(detail=detail):
                raise RunOwned(f"run {self.view.run} was taken over: {detail}")
            case facts.Defect(text=text):
                raise RuntimeError(text)
            case facts.DiskTrouble(path=path, error=error):
                raise StoreUnwritable(
                    f"the log {path} cannot be written: {error}. The jobs on the servers go on; "
                    f"make room here, then run `buildorch resume {self.view.run}`"
                )
            case _:
                return self._scheduler.observe(item, now)

    def _interrupted(self, by: str, now: float) -> list[Event]:
        self._interrupts += 1
        if self._interrupts > 1:
            self._leaving = "interrupted while cancelling"
            return []
        return self._scheduler.observe(facts.CancelOrdered(by=by), now)

    def _obey(self, now: float, answers: list[Order]) -> list[Event]:
        made: list[Event] = []
        for order in self._store.orders(self.view.run):
            answers.append(order)
            for fact in ordered(order):
                made += self._scheduler.observe(fact, now)
        return made

    # What follows from an event once it is stored.

    def _follow(self, event: Event) -> None:
        match event:
            case events.NotificationDue():
                self._deliver.put(event)
            case events.StepLaunching() | events.StepFinished() | events.ValueRecorded():
                self._calls.stored(event)
            case events.AttemptFinished(stage=stage, reason=reason):
                self._calls.end(stage, reason or "its attempt is over")
                self._logs.close(stage)
                self._links.release(stage)
            case _:
                pass

    def _write(self, made: Iterable[Event]) -> None:
        """Store events, and do what follows from them."""
        for event in self._journal.write(made):
            self._follow(event)

    def _retell(self, unanswered: Iterable[events.NotificationDue]) -> None:
        """Tell what an earlier controller may not have told any more."""
        for due in unanswered:
            again = messages.resend(due, self._journal.language)
            made: list[Event] = [
                events.NotificationResult(key=due.key, ok=False, message="interrupted")
            ]
            if again is not None:
                made.append(again)
            self._write(made)

    # What the scheduler wants.

    def _act(self, action: Action) -> None:
        match action:
            case actions.TakeSlot(stage, server):
                self._inbox.put(self._leases.take(stage, server))
            case actions.Connect(stage, _, _):
                self._links.connect(stage)
            case actions.Attend(stage, _, step, _, _):
                timeout = self._scheduler.state.stages[stage].stage.timeout
                self._links.attend(stage, step, None, timeout)
            case actions.Kill():
                self._kill(action)
            case actions.Fence():
                self._links.fence(action)
            case actions.Call(stage, attempt, _):
                self._calls.call(stage, attempt)
            case actions.Collect(stage, _, _):
                self._links.collect(stage)
            case actions.AlertLinkLost(stage, _, _):
                self._alert(stage)
            case actions.WriteArchive():
                self._archive.start(self._inbox.put)

    def _kill(self, action: actions.Kill) -> None:
        if action.job is not None:
            self._links.kill(action)  # its function stops when that is confirmed
        else:
            self._calls.stop(action.stage, action.attempt, action.reason)

    def _alert(self, stage: str) -> None:
        due = messages.link_lost(
            self._journal.channels,
            self.view,
            stage,
            after=self._defaults.lost_after,
            language=self._journal.language,
        )
        self._write(due)

    def _leave(self) -> None:
        self._calls.stop_all("detached")
        self._links.leave()
        self._logs.close_all()
        self._leases.leave()
        ended = self.view.status is not None
        self._deliver.close(CLOSE_SECONDS if ended else LEAVE_SECONDS)
        self._drain()

    def _drain(self) -> None:
        """Record the answers of channels that came while leaving."""
        told = [item for item in self._inbox.take(0) if isinstance(item, Told)]
        try:
            self._journal.write(map(_answer, told))
        except StoreError:
            return  # the messages are told again by the next controller, and say so


def _answer(told: Told) -> events.NotificationResult:
    return events.NotificationResult(
        key=told.key, ok=told.ok, message=told.message, receipt=told.receipt
    )
