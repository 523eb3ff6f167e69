"""Gets messages to people beside the build: nothing here ever makes a run wait or fail.

Each channel is served by at most one thread at a time, so that its messages arrive in order;
channels do not wait for each other.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import attrs

from buildorch.errors import NotifyError
from buildorch.events import NotificationDue
from buildorch.model import Channel
from buildorch.notifiers.callables import as_notifier
from buildorch.notifiers.letter import Letter
from buildorch.notifiers.outcome import TAKEN, Outcome
from buildorch.notifiers.senders import Children, OwnSender, ProcessSender, Sender
from buildorch.notifiers.settings import resolve
from buildorch.notifiers.told import Told
from buildorch.ports import Notifier

#: Seconds before the first repetition where the service names none; doubles each time.
_FIRST_DELAY = 0.25

#: Seconds that it grows to.
_LONGEST_DELAY = 30.0

#: Tries that one message gets.
_TRIES = 12

#: Tries that a file or a note gets: the message itself has arrived.
_EXTRA_TRIES = 3

#: Seconds that a message which was not taken yet may still be tried once nothing more comes.
_LAST_PATIENCE = 5.0

#: Takes a message's key, whether it was taken, what went wrong, and the service's id of it.
OnResult = Callable[[str, bool, str | None, str | None], None]


class Delivery:
    """Sends messages to channels.

    Args:
        channels: The configured channels by name.
        on_result: Called from a thread of this object with a message's key, whether it was
            taken, what went wrong, and the service's id of the message.
        environ: The environment, where tokens come from; the process's own where it is None.
        notifiers: Notifiers of the user's own by channel name; they win over *channels*.
        seconds: How long one try may take before its process is killed.
        total: How long one message may be tried.
        threads: How many channels are served at once.
        told: What earlier controllers have told, for messages that continue it.

    Example:
        >>> delivery = Delivery({}, lambda key, ok, message, _: print(key, ok, message),
        ...                     notifiers={"mine": lambda text: print("told:", text)})
        >>> delivery.put(NotificationDue(key="k", channel="mine", topic="started", text="hello"))
        >>> delivery.close(timeout=5)
        told: hello
        k True None
        ()
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        on_result: OnResult,
        *,
        environ: Mapping[str, str] | None = None,
        notifiers: Mapping[str, Notifier | Callable[[str], object]] | None = None,
        seconds: float = 30.0,
        total: float = 300.0,
        threads: int = 4,
        told: Told | None = None,
    ) -> None:
        self._channels = dict(channels)
        self._on_result = on_result
        self._environ = dict(os.environ if environ is None else environ)
        self._own = dict(notifiers or {})
        self._seconds = seconds
        self._total = total
        self._most_threads = threads
        self._change = threading.Condition()
        self._open: dict[str, NotificationDue] = {}
        self._seen: set[str] = set()
        self._queues: dict[str, deque[NotificationDue]] = {}
        self._ready: deque[str] = deque()
        self._busy: set[str] = set()
        self._closed_at: float | None = None
        self._reporting = 0
        self._threads: list[threading.Thread] = []
        self._senders: dict[str, Sender] = {}
        self._gone: dict[str, Outcome] = {}
        self._children = Children()
        self._stop = threading.Event()
        self._told = Told() if told is None else told

    def put(self, message: NotificationDue) -> None:
        """Take *message* for its channel and return at once; a key is taken once only."""
        with self._change:
            if self._closed_at is not None or message.key in self._seen:
                return
            self._seen.add(message.key)
            self._open[message.key] = message
            self._queues.setdefault(message.channel, deque()).append(message)
            self._offer(message.channel)

    def close(self, timeout: float) -> tuple[str, ...]:
        """Take no more, wait for what is under way, then stop it.

        A message that was refused or found nobody is not tried for long any more: a chat that
        is down must not keep the end of a run from whoever waits for it.

        Args:
            timeout: Seconds to wait; 0 stops at once.

        Returns:
            Keys of the messages of which nobody knows whether they arrived; `on_result` was
            not called for them and never will be.
        """
        with self._change:
            self._closed_at = time.monotonic()
            self._change.notify_all()
            self._change.wait_for(lambda: not self._open and not self._reporting, timeout)
            self._stop.set()
            left = tuple(self._open)
            self._change.notify_all()
        self._children.stop()
        for thread in self._threads:
            thread.join(1.0)
        return left

    def _offer(self, channel: str) -> None:
        """Have *channel* served, if it has something and nobody serves it."""
        if channel in self._busy or channel in self._ready or not self._queues[channel]:
            return
        self._ready.append(channel)
        if len(self._threads) < min(self._most_threads, len(self._queues)):
            self._hire()
        self._change.notify_all()

    def _hire(self) -> None:
        thread = threading.Thread(target=self._work, name="buildorch-delivery", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: the message waits for another one, or is left
            return
        self._threads.append(thread)

    def _work(self) -> None:
        while (message := self._take()) is not None:
            outcome = self._tell(message)
            self._settle(message, outcome)

    def _take(self) -> NotificationDue | None:
        """Return the next message, its channel now being served; None when it is over."""
        with self._change:
            self._change.wait_for(lambda: self._ready or self._over())
            if self._stop.is_set() or not self._ready:
                return None
            channel = self._ready.popleft()
            self._busy.add(channel)
            return self._queues[channel].popleft()

    def _over(self) -> bool:
        return self._stop.is_set() or (self._closed_at is not None and not self._open)

    def _settle(self, message: NotificationDue, outcome: Outcome) -> None:
        """Report how *message* ended, unless `close` has said that nobody knows."""
        with self._change:
            known = not self._stop.is_set()
            if known:
                del self._open[message.key]
                self._reporting += 1
        if known:
            self._report(message, outcome)
            self._complete(message, outcome)
        with self._change:
            self._reporting -= known
            self._busy.discard(message.channel)
            self._offer(message.channel)
            self._change.notify_all()

    def _report(self, message: NotificationDue, outcome: Outcome) -> None:
        text = None if outcome.message is None else f"{message.channel}: {outcome.message}"
        try:
            self._on_result(message.key, outcome.ok, text, outcome.receipt)
        except Exception:  # the next message must still go out
            logging.getLogger(__name__).exception("the result of %s was not taken", message.key)

    def _complete(self, message: NotificationDue, outcome: Outcome) -> None:
        """Let follow what a message that was taken brings along: its log, a note in another."""
        sender = self._senders.get(message.channel)
        if not outcome.ok or sender is None:
            return
        deadline = time.monotonic() + self._seconds
        for letter in sender.completions(message, outcome.receipt, self._told):
            self._until(sender, letter, deadline, _EXTRA_TRIES)
        self._told.take(message, outcome.receipt)

    def _tell(self, message: NotificationDue) -> Outcome:
        """Send *message* in parts, each until it is taken or given up."""
        channel = message.channel
        if channel in self._gone:
            return self._gone[channel]
        try:
            sender = self._sender(channel)
        except NotifyError as error:
            return self._closed_channel(channel, Outcome.of(error))
        deadline = time.monotonic() + self._total
        earlier = self._told.before(message)
        first: Outcome | None = None
        for number, part in enumerate(sender.parts(message.text), start=1):
            receipt = earlier.receipt if earlier is not None else None
            letter = Letter(text=part, key=f"{message.key}#{number}", receipt=receipt)
            outcome = self._until(sender, letter, deadline, _TRIES)
            if not outcome.ok:
                return self._closed_channel(channel, outcome) if outcome.gone else outcome
            first = first or outcome
        return first or TAKEN

    def _closed_channel(self, channel: str, outcome: Outcome) -> Outcome:
        """Use *channel* no more in this run, and return *outcome*."""
        self._gone[channel] = attrs.evolve(outcome, message=f"not tried: {outcome.message}")
        return outcome

    def _sender(self, channel: str) -> Sender:
        if channel not in self._senders:
            self._senders[channel] = self._make(channel)
        return self._senders[channel]

    def _make(self, channel: str) -> Sender:
        if channel in self._own:
            return OwnSender(as_notifier(self._own[channel], self._seconds))
        if channel not in self._channels:
            raise NotifyError("no such channel is configured", gone=True)
        settings = resolve(self._channels[channel], self._environ)
        return ProcessSender(settings, self._environ, self._children, self._seconds)

    def _until(self, sender: Sender, letter: Letter, deadline: float, most: int) -> Outcome:
        """Send *letter* again and again where that is safe, up to *deadline*."""
        delay, tries = _FIRST_DELAY, 1
        while True:
            outcome = sender.deliver(letter)
            if outcome.ok or outcome.retry_after is None:
                return outcome
            wait = max(outcome.retry_after, delay)
            due = time.monotonic() + wait
            if tries == most or due > deadline or not self._wait_for_try(due):
                return attrs.evolve(
                    outcome, message=f"{outcome.message}; given up after {tries} tries"
                )
            delay, tries = min(2 * delay, _LONGEST_DELAY), tries + 1

    def _wait_for_try(self, due: float) -> bool:
        """Wait for the next try; False where nobody waits that long for it any more."""
        with self._change:
            self._change.wait_for(lambda: self._too_late(due), due - time.monotonic())
            return not self._too_late(due)

    def _too_late(self, due: float) -> bool:
        closing = self._closed_at is not None and due > self._closed_at + _LAST_PATIENCE
        return closing or self._stop.is_set()
