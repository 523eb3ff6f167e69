"""Graphs of stages: cycles, order, selection. The only module that uses networkx."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import networkx as nx

from buildorch.model import Plan

#: A graph of stages by their numbers.
Graph: TypeAlias = "nx.DiGraph[int]"

#: Cycles shown of stages that all depend on each other: mending one mends others.
_SHOWN = 5


def graph(plan: Plan) -> nx.DiGraph[str]:
    """Return *plan* as a frozen graph: names as nodes, each with its `stage` and `index`.

    Example:
        >>> from buildorch.model import THIS_MACHINE, PlannedStage
        >>> a = PlannedStage(name="a", index=0, servers=[THIS_MACHINE], command="true")
        >>> b = PlannedStage(name="b", index=1, servers=[THIS_MACHINE], command="true", after=["a"])
        >>> list(graph(Plan(name="p", stages=[a, b])).edges)
        [('a', 'b')]
    """
    found: nx.DiGraph[str] = nx.DiGraph(name=plan.name)
    for stage in plan.stages:
        found.add_node(stage.name, stage=stage, index=stage.index)
    for stage in plan.stages:
        found.add_edges_from((before, stage.name) for before in stage.after)
    frozen: nx.DiGraph[str] = nx.freeze(found)
    return frozen


def indexed(count: int, edges: Iterable[tuple[int, int]]) -> Graph:
    """Return a graph of the numbers below *count*."""
    found: Graph = nx.DiGraph()
    found.add_nodes_from(range(count))
    found.add_edges_from(edges)
    return found


def cycles(found: Graph) -> list[list[int]]:
    """Return cycles, each from its smallest number on; at least one of each knot of stages.

    Example:
        >>> cycles(indexed(4, [(0, 1), (1, 2), (2, 1), (3, 3)]))
        [[1, 2], [3]]
    """
    if nx.is_directed_acyclic_graph(found):
        return []
    rings: list[list[int]] = []
    for knot in nx.strongly_connected_components(found):
        inside = found.subgraph(sorted(knot))
        rings += map(_turned, itertools.islice(nx.simple_cycles(inside), _SHOWN))
    return sorted(rings)


def order(found: Graph) -> list[int]:
    """Return the numbers so that each comes after its predecessors, small ones first.

    Args:
        found: A graph without cycles.
    """
    if all(before < after for before, after in found.edges):
        return sorted(found)  # as they were written
    return list(nx.lexicographical_topological_sort(found, key=int))


def ancestors(found: Graph, numbers: Iterable[int]) -> set[int]:
    """Return *numbers* and all that comes before them.

    Example:
        >>> ancestors(indexed(4, [(0, 1), (1, 2), (1, 3)]), [2])
        {0, 1, 2}
    """
    against = found.reverse(copy=False)
    return {one for layer in nx.bfs_layers(against, list(numbers)) for one in layer}


def bridged(found: Graph, kept: AbstractSet[int]) -> Graph:
    """Return the graph of the *kept* numbers, in which what led to another one still does.

    Its paths are those of the induced subgraph of the transitive closure.

    Args:
        found: A graph without cycles.
        kept: Some of its numbers.

    Example:
        >>> sorted(bridged(indexed(3, [(0, 1), (1, 2)]), {0, 2}).edges)
        [(0, 2)]
    """
    before: dict[int, set[int]] = {}  # the nearest kept ones of each number
    for number in order(found):
        nearest = ({one} if one in kept else before[one] for one in found.predecessors(number))
        before[number] = set().union(*nearest)
    left: Graph = nx.DiGraph()
    left.add_nodes_from(sorted(kept))
    left.add_edges_from((one, number) for number in left for one in before[number])
    return left


def _turned(ring: Sequence[int]) -> list[int]:
    start = ring.index(min(ring))
    return [*ring[start:], *ring[:start]]
