"""What channels have taken in this run and the one that it repeats: later messages continue it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from buildorch.events import NotificationDue, NotificationResult
from buildorch.messages import first_key


@attrs.frozen
class Earlier:
    """A message that a channel has taken.

    Attributes:
        receipt: The service's id of it.
        text: What it says now.
    """

    receipt: str
    text: str


class Told:
    r"""Remembers messages by their keys, with the notes that were added to them.

    Args:
        messages: What is recorded, in order, each with the channel's answer.

    Example:
        >>> first = NotificationDue(key="k", channel="c", topic="failed", text="failed")
        >>> more = NotificationDue(
        ...     key="l", channel="c", topic="recovered", text="r", follows="k", note="mended"
        ... )
        >>> told = Told([(first, NotificationResult(key="k", ok=True, receipt="7"))])
        >>> told.before(more), told.amended(more)
        (Earlier(receipt='7', text='failed'), 'failed\nmended')
    """

    def __init__(
        self, messages: Iterable[tuple[NotificationDue, NotificationResult | None]] = ()
    ) -> None:
        self._known: dict[str, Earlier] = {}
        for due, answer in messages:
            if answer is not None and answer.ok:
                self.take(due, answer.receipt)

    def take(self, due: NotificationDue, receipt: str | None) -> None:
        """Remember that *due* was taken; its note stands in the earlier message from now on."""
        earlier = self.before(due)
        if earlier is not None and due.follows is not None:
            text = self.amended(due)
            self._known[first_key(due.follows)] = attrs.evolve(earlier, text=text)
        if receipt is not None:
            self._known[first_key(due.key)] = Earlier(receipt, due.text)

    def before(self, due: NotificationDue) -> Earlier | None:
        """Return the message that *due* continues, where the channel has taken it."""
        return None if due.follows is None else self._known.get(first_key(due.follows))

    def amended(self, due: NotificationDue) -> str:
        """Return what the earlier message says with the note of *due*."""
        earlier = self.before(due)
        return "\n".join(text for text in (earlier and earlier.text, due.note) if text)
