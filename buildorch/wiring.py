"""Which stages follow which, in parts that are nested in series and side by side.

Nesting may be as deep as a flow is long (`a >> b >> c ...`): nothing here calls itself, and what
a part costs does not depend on the parts before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Pairs (before, after) of the numbers of stages.
Edges: TypeAlias = tuple[tuple[int, int], ...]


class Wired(Protocol[T_co]):
    """Stages and the edges between them, as `Flow` has them."""

    @property
    def stages(self) -> tuple[T_co, ...]:
        """All stages, in the order in which they were written."""

    @property
    def edges(self) -> Edges:
        """Pairs (before, after) of indices into `stages`."""

    @property
    def heads(self) -> tuple[int, ...]:
        """Indices of the stages that what is before this leads to."""

    @property
    def tails(self) -> tuple[int, ...]:
        """Indices of the stages that what is after this waits for."""


@attrs.frozen(eq=False)
class Joint(Generic[T]):
    """Parts that are joined, and not wired yet.

    Attributes:
        parts: What is joined; at least one.
        in_series: Whether each part comes after the one before it; else they are side by side.
    """

    parts: tuple[Joint[T] | Wired[T], ...]
    in_series: bool


@attrs.define
class _Taken:
    """What is known of a joint of which some parts were numbered."""

    in_series: bool
    heads: list[int] | None = None
    tails: list[int] = attrs.field(factory=list)

    def take(self, heads: list[int], tails: list[int]) -> Iterator[tuple[int, int]]:
        """Take one more part; yield the edges that lead to it."""
        if self.heads is None:
            self.heads, self.tails = heads, tails
            return iter(())
        if self.in_series:
            before, self.tails = self.tails, tails
            return itertools.product(before, heads)
        self.heads += heads
        self.tails += tails
        return iter(())


def wired(whole: Joint[T]) -> tuple[tuple[T, ...], Edges, tuple[int, ...], tuple[int, ...]]:
    """Return the stages of *whole* in the order written, their edges, its entries and its exits.

    Every exit of a part in a series leads to every entry of the next one. A series in a series
    is one, and so is what stands side by side.
    """
    stages: list[T] = []
    edges: list[tuple[int, int]] = []
    outermost = _Taken(whole.in_series)
    todo = [(outermost, iter(whole.parts))]
    while todo:
        around, parts = todo[-1]
        part = next(parts, None)
        if part is None:
            todo.pop()
            if todo and todo[-1][0] is not around:
                edges += todo[-1][0].take(around.heads or [], around.tails)
        elif isinstance(part, Joint):
            same = part.in_series is around.in_series
            todo.append((around if same else _Taken(part.in_series), iter(part.parts)))
        else:
            start = len(stages)
            stages += part.stages
            if part.edges:
                edges += [(start + before, start + after) for before, after in part.edges]
            heads = [start + one for one in part.heads]
            edges += around.take(heads, [start + one for one in part.tails])
    return tuple(stages), tuple(sorted(edges)), tuple(outermost.heads or ()), tuple(outermost.tails)
