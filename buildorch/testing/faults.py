"""What can happen to a link, and when: values, and schedules that a seed makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from buildorch.errors import UsageError
from buildorch.model import tuple_of

#: What happens.
What: TypeAlias = Literal["refuse", "reset", "silence", "delay"]

#: What it happens at: a try to connect, a launch that is sent, its answer, a piece of a log,
#: the end of a job.
Moment: TypeAlias = Literal["connect", "start", "started", "log", "ended"]

#: The moments at which each can happen. Nothing waits for what is sent: it cannot be delayed.
_POSSIBLE: Mapping[What, tuple[Moment, ...]] = {
    "refuse": ("connect",),
    "reset": ("connect", "start", "started", "log", "ended"),
    "silence": ("connect", "start", "started", "log", "ended"),
    "delay": ("connect", "started", "log", "ended"),
}


@attrs.frozen
class Fault:
    """One thing that happens to the link to a server.

    Attributes:
        what: `refuse` (nothing listens there), `reset` (the link breaks, and both sides see it),
            `silence` (nothing arrives any more; after `seconds` the link counts as lost), or
            `delay` (what arrives comes `seconds` later).
        at: What it happens at: `connect`, `start` (the launch never arrives), `started` (it
            arrives, its answer does not), `log`, or `ended`.
        server: Name of the server; None is the first that comes to that moment.
        number: At the how many-th such moment, counted from 1 over all links to a server.
        times: How many such moments in a row it happens at.
        seconds: How long a silence or a delay is.

    Raises:
        UsageError: It cannot happen at that moment.

    Example:
        >>> Fault("refuse", at="connect", times=2)
        Fault(what='refuse', at='connect', server=None, number=1, times=2, seconds=0.2)
    """

    what: What
    at: Moment = attrs.field(kw_only=True)
    server: str | None = attrs.field(default=None, kw_only=True)
    number: int = attrs.field(default=1, kw_only=True)
    times: int = attrs.field(default=1, kw_only=True)
    seconds: float = attrs.field(default=0.2, kw_only=True)

    def __attrs_post_init__(self) -> None:
        possible = _POSSIBLE.get(self.what, ())
        if self.at not in possible:
            raise UsageError(
                f"a fault {self.what!r} cannot happen at {self.at!r}; "
                f"it can at {', '.join(possible) or 'no moment: there is no such fault'}"
            )

    def hits(self, at: Moment, server: str, number: int) -> bool:
        """Tell whether it happens at the *number*-th moment *at* of *server*."""
        here = self.server in (None, server)
        return here and self.at == at and self.number <= number < self.number + self.times


@attrs.frozen
class Schedule:
    """Faults in an order that a seed makes: the same seed, the same faults.

    None of them is more than a run has to take: with every schedule a run ends as it does
    without faults, and every command runs once.

    Attributes:
        seed: Any number.
        servers: Names of the servers that they happen to.
        count: How many there are.
        seconds: How long the longest silence or delay is.

    Example:
        >>> list(Schedule(7, ["rack"], count=1)) == list(Schedule(7, ["rack"], count=1))
        True
    """

    seed: int
    servers: tuple[str, ...] = attrs.field(converter=tuple_of)
    count: int = 3
    seconds: float = 0.5

    def __iter__(self) -> Iterator[Fault]:
        """Yield its faults."""
        chance = random.Random(self.seed)  # noqa: S311 - has to come again, not to be secret
        for _ in range(self.count):
            what = chance.choice(tuple(_POSSIBLE))
            at = chance.choice(_POSSIBLE[what])
            # A try to connect that fails by itself costs one of four: two are survived anywhere.
            once = at == "connect"
            yield Fault(
                what,
                at=at,
                server=chance.choice(self.servers),
                number=1 if once else chance.randint(1, 3),
                times=1 if once else chance.randint(1, 2),
                seconds=round(chance.uniform(0, self.seconds), 3),
            )
