"""graphlib: a graph is built and worked off, as its manual shows."""

from __future__ import annotations

from graphlib import TopologicalSorter

from scheduling_work import Work, before, clock, measure


def schedule(count: int, work: Work) -> float:
    """Build the graph and work it off."""
    begun = clock()
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for number in range(count):
        sorter.add(number, *before(number))
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        for number in ready:
            work.do(number)
        sorter.done(*ready)
    return clock() - begun


measure(schedule)
