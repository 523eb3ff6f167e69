"""Where the stages of a plan stand in a drawing: columns by depth, few crossings, free lanes.

An edge that passes a column goes through a lane of its own there, so that no line runs behind a
box of another stage.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import attrs

from buildorch.drawing import levels
from buildorch.model import Plan

#: Pixels: of a box, between rows and columns, around all.
BOX, ROW, LANE, GAP, MARGIN = 46, 62, 22, 56, 8

#: How often the columns are put in order, forth and back.
_SWEEPS = 6

#: Pixels of a letter, of a wide one, and beside the text.
_LETTER, _WIDE, _BESIDE = 7.4, 13.5, 52
_NARROWEST, _WIDEST = 120, 320


@attrs.frozen
class Place:
    """Where something stands, in pixels: a box, or a lane, whose height is nothing.

    Attributes:
        left: Its left side.
        middle: Its vertical middle.
        width: Its width.
    """

    left: float
    middle: float
    width: float

    @property
    def right(self) -> float:
        """Its right side."""
        return self.left + self.width


@attrs.frozen(kw_only=True)
class Layout:
    """A drawing of a plan.

    Attributes:
        boxes: Where the stages are.
        edges: The ways from stage to stage, by both names: from a box through lanes to a box.
        width: Pixels.
        height: Pixels.
    """

    boxes: Mapping[str, Place]
    edges: Mapping[tuple[str, str], Sequence[Place]]
    width: float
    height: float


@attrs.frozen
class _Lane:
    """The passage of an edge through a column."""

    before: str
    after: str
    column: int


_Node = str | _Lane


def lay_out(plan: Plan, texts: Mapping[str, Sequence[str]]) -> Layout:
    """Return where the stages of *plan* stand.

    Args:
        plan: The plan.
        texts: What is written in each stage's box, by its name.
    """
    depth = levels(plan)
    ways = _ways(plan, depth)
    columns = _ordered(_columns(plan, depth, ways), ways)
    places: dict[_Node, Place] = {}
    left, tallest = float(MARGIN), max(map(_height, columns), default=0.0)
    for column in columns:
        width = max(_width(texts[node]) for node in column if isinstance(node, str))
        top = MARGIN + (tallest - _height(column)) / 2
        for node in column:
            high = _room(node)
            places[node] = Place(left, top + high / 2, width)
            top += high
        left += width + GAP
    return Layout(
        boxes={node: place for node, place in places.items() if isinstance(node, str)},
        edges={edge: [places[node] for node in way] for edge, way in ways.items()},
        width=max(left - GAP, 0) + MARGIN,
        height=tallest + 2 * MARGIN,
    )


def _ways(plan: Plan, depth: Mapping[str, int]) -> dict[tuple[str, str], list[_Node]]:
    """Return the nodes of each edge, with a lane in each column that it passes."""
    ways: dict[tuple[str, str], list[_Node]] = {}
    for stage in plan.stages:
        for before in stage.after:
            passed = range(depth[before] + 1, depth[stage.name])
            lanes = [_Lane(before, stage.name, column) for column in passed]
            ways[before, stage.name] = [before, *lanes, stage.name]
    return ways


def _columns(
    plan: Plan, depth: Mapping[str, int], ways: Mapping[tuple[str, str], list[_Node]]
) -> list[list[_Node]]:
    columns: list[list[_Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for stage in sorted(plan.stages, key=lambda one: one.index):
        columns[depth[stage.name]].append(stage.name)
    for way in ways.values():
        for node in way:
            if isinstance(node, _Lane):
                columns[node.column].append(node)
    return columns


def _ordered(
    columns: list[list[_Node]], ways: Mapping[tuple[str, str], list[_Node]]
) -> list[list[_Node]]:
    """Put each column in the order of its neighbours' middles, forth and back."""
    left: dict[_Node, list[_Node]] = {}
    right: dict[_Node, list[_Node]] = {}
    for way in ways.values():
        for one, other in itertools.pairwise(way):
            right.setdefault(one, []).append(other)
            left.setdefault(other, []).append(one)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for column in columns[1:] if forth else columns[-2::-1]:
            _sort(column, left if forth else right, columns)
    return columns


def _sort(
    column: list[_Node], neighbours: Mapping[_Node, list[_Node]], columns: list[list[_Node]]
) -> None:
    at = {node: place for one in columns for node, place in zip(one, _middles(one), strict=True)}
    column.sort(key=lambda node: fmean(at[one] for one in neighbours.get(node, [node])))


def _middles(column: Sequence[_Node]) -> list[float]:
    at, found = -_height(column) / 2, []
    for node in column:
        found.append(at + _room(node) / 2)
        at += _room(node)
    return found


def _height(column: Iterable[_Node]) -> float:
    return sum(map(_room, column))


def _room(node: _Node) -> float:
    return ROW if isinstance(node, str) else LANE


def _width(texts: Iterable[str]) -> float:
    widest = max(map(pixels, texts))
    return min(max(widest + _BESIDE, _NARROWEST), _WIDEST)


def pixels(text: str) -> float:
    """Return about how wide *text* is."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return _LETTER * (len(text) - wide) + _WIDE * wide


def fitting(text: str, width: float) -> str:
    """Return *text*, cut where it is wider than a box of *width* has room for.

    Example:
        >>> fitting("integration", 120)
        'integrat…'
    """
    room = width - _BESIDE
    if pixels(text) <= room + 1:
        return text
    while text and pixels(text) + _LETTER > room:
        text = text[:-1]
    return f"{text}…"
