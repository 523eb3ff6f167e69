"""Graphs of stages: cycles, order, selection. The only module that uses networkx."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
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
    rings: list[list[int]] = []
    for knot in nx.strongly_connected_components(found):
        inside = found.subgraph(sorted(knot))
        rings += map(_turned, itertools.islice(nx.simple_cycles(inside), _SHOWN))
    return sorted(rings)


def order(found: Graph) -> list[int]:
    """Return the numbers so that each comes after its predecessors, small ones first."""
    return list(nx.lexicographical_topological_sort(found, key=int))


def ancestors(found: Graph, numbers: Iterable[int]) -> set[int]:
    """Return *numbers* and all that comes before them."""
    return {one for number in numbers for one in (number, *nx.ancestors(found, number))}


def bridged(found: Graph, kept: Iterable[int]) -> Graph:
    """Return the graph of the *kept* numbers, in which what led to another one still does.

    Its paths are those of the induced subgraph of the transitive closure.

    Example:
        >>> sorted(bridged(indexed(3, [(0, 1), (1, 2)]), [0, 2]).edges)
        [(0, 2)]
    """
    left: Graph = nx.DiGraph(found)
    for gone in set(found) - set(kept):
        around = itertools.product(list(left.predecessors(gone)), list(left.successors(gone)))
        left.add_edges_from(around)
        left.remove_node(gone)
    return left


def _turned(ring: Sequence[int]) -> list[int]:
    start = ring.index(min(ring))
    return [*ring[start:], *ring[:start]]
