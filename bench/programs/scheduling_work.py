"""The work of the rows about scheduling: a graph in layers, and nothing to do in it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

#: Stages side by side.
WIDTH = 100

#: Stages at once.
SLOTS = 24


def before(number: int) -> list[int]:
    """Return the stages that come before one: two of the layer before, but for the first layer."""
    layer, place = divmod(number, WIDTH)
    first = (layer - 1) * WIDTH
    return [first + place, first + (place + 1) % WIDTH] if layer else []


class Work:
    """What was done, in order."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.do = self.order.append

    def done(self) -> int:
        """Return how many stages were done once, after those before them."""
        known: set[int] = set()
        for number in self.order:
            if known.issuperset(before(number)):
                known.add(number)
        return len(known) if len(known) == len(self.order) else 0


def measure(schedule: Callable[[int, Work], float]) -> None:
    """Print what it took to schedule as many stages as the first argument says.

    Args:
        schedule: Does all of the work and returns the seconds that it took.
    """
    count = int(sys.argv[1])
    work = Work()
    seconds = schedule(count, work)
    print(json.dumps({"seconds": seconds, "asked": count, "done": work.done()}))


#: Processor time: nothing here waits for anything, and other programs are left out of it.
clock = time.process_time
