"""What other processes want of a controller, as the facts that their orders are."""

from __future__ import annotations

from collections.abc import Iterator

from buildorch.scheduler import facts
from buildorch.scheduler.facts import Fact
from buildorch.store.rows import Order

_SOMEBODY = "another terminal"


def ordered(order: Order) -> Iterator[Fact]:
    """Yield the facts that *order* is; none where this version does not know it.

    Example:
        >>> list(ordered(Order(id=1, run="r", at=0.0, kind="cancel", payload="mina")))
        [CancelOrdered(by='mina')]
    """
    match order.kind, order.payload:
        case "cancel", {"by": str(by), "abandon": True}:
            yield facts.CancelOrdered(by=by)
            yield facts.AbandonOrdered(by=by)
        case "cancel", {"by": str(by)} | str(by):
            yield facts.CancelOrdered(by=by)
        case "cancel", _:
            yield facts.CancelOrdered(by=_SOMEBODY)
        case "move", {"stage": str(stage), "server": str() | None as server, "by": str(by)}:
            yield facts.MoveOrdered(stage=stage, server=server, by=by)
