"""dask: a graph of tasks is run by its scheduler for threads."""

from __future__ import annotations

from dask.threaded import get
from scheduling_work import Work, before, clock, measure


def schedule(count: int, work: Work) -> float:
    """Build the graph and have it run."""

    def task(number: int, *_: None) -> None:
        work.do(number)

    begun = clock()
    names = [f"s{number}" for number in range(count)]
    graph = {
        names[number]: (task, number, *(names[one] for one in before(number)))
        for number in range(count)
    }
    graph["all"] = (lambda _: None, names[-100:])
    get(graph, "all")
    return clock() - begun


measure(schedule)
