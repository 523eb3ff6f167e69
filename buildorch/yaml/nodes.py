"""Nodes of a YAML tree: frozen values that know their place and keep scalars as written."""

from __future__ import annotations

import re
from typing import TypeAlias

import attrs

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_NUMBER = re.compile(
    r"0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@attrs.frozen(kw_only=True)
class Place:
    """Where a node begins.

    Attributes:
        line: 1-based line.
        column: 1-based column.
    """

    line: int
    column: int


@attrs.frozen(kw_only=True)
class ScalarNode(Place):
    """A single value.

    Attributes:
        text: The value as it was written; quotes and folding of lines are undone.
        plain: Whether it was written without quotes and not as a block.
    """

    text: str
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether YAML 1.2 reads it as nothing."""
        return self.plain and self.text in _NULL

    @property
    def is_boolean(self) -> bool:
        """Whether YAML 1.2 reads it as true or false."""
        return self.plain and self.text in _BOOLEAN

    @property
    def is_number(self) -> bool:
        """Whether YAML 1.2 reads it as a number."""
        return self.plain and _NUMBER.fullmatch(self.text) is not None


@attrs.frozen(kw_only=True)
class ListNode(Place):
    """A list.

    Attributes:
        items: Its items in order.
    """

    items: tuple[Node, ...]


@attrs.frozen
class Entry:
    """A key and its value."""

    key: ScalarNode
    value: Node


@attrs.frozen(kw_only=True)
class MappingNode(Place):
    """Keys with values.

    Attributes:
        entries: What was written, in order, duplicates included.
        merged: What `<<` adds: keys that are not among the written ones.
    """

    entries: tuple[Entry, ...]
    merged: tuple[Entry, ...] = ()

    def get(self, key: str) -> Node | None:
        """Return the first value of *key*, or None."""
        found = (entry.value for entry in self.entries + self.merged if entry.key.text == key)
        return next(found, None)


Node: TypeAlias = ScalarNode | ListNode | MappingNode
