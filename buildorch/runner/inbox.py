"""What the controller is told, by whoever in this process, and the queue in which it waits."""

from __future__ import annotations

import queue
from typing import TypeAlias

import attrs

from buildorch.runner.requests import StepRequest, ValueMade, ValueRequest
from buildorch.scheduler.facts import Fact


@attrs.frozen
class Interrupt:
    """Ctrl-C: the first cancels, the second leaves."""

    by: str


@attrs.frozen
class Detach:
    """Leave; jobs go on and the run can be resumed."""

    reason: str


@attrs.frozen
class Poke:
    """Another process has left an order in the store."""


@attrs.frozen
class Told:
    """A channel took a message, under the service's *receipt*, or did not."""

    key: str
    ok: bool
    message: str | None
    receipt: str | None = None


Item: TypeAlias = Fact | StepRequest | ValueRequest | ValueMade | Interrupt | Detach | Poke | Told


class Inbox:
    """What is to be told to the controller; any thread and any signal handler may put."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()

    def put(self, item: Item) -> None:
        """Hand over one item."""
        self._queue.put(item)

    def take(self, seconds: float | None) -> list[Item]:
        """Return all that is there, after waiting for the first at most *seconds*."""
        items: list[Item] = []
        try:
            items.append(self._queue.get(timeout=seconds))
            while True:
                items.append(self._queue.get_nowait())
        except queue.Empty:
            return items
