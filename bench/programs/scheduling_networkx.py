"""networkx: a graph is built and sorted."""

from __future__ import annotations

import networkx as nx
from scheduling_work import Work, before, clock, measure


def schedule(count: int, work: Work) -> float:
    """Build the graph and go through it in order."""
    begun = clock()
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from((one, number) for number in range(count) for one in before(number))
    for number in nx.topological_sort(graph):
        work.do(number)
    return clock() - begun


measure(schedule)
