"""YAML text as a tree of nodes.

Reads the parser's events and never loads: loading loses places and the written text (`1.10`,
`0644`), and expands aliases without a bound. Depth, size, aliases and merges are bounded here;
tags, directives and second documents are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from buildorch.errors import DefinitionError
from buildorch.yaml.nodes import Entry, ListNode, MappingNode, Node, ScalarNode
from buildorch.yaml.source import Source
from buildorch.yaml.syntax import parse_events

#: Levels of lists and mappings inside each other.
MAX_DEPTH = 50

#: Nodes of a file, where an alias counts as much as what it stands for.
MAX_NODES = 50_000

_QUOTED_OR_BLOCK = frozenset({"'", '"', "|", ">"})
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


@attrs.frozen
class _Sized:
    """A finished node, with how many nodes and levels it stands for."""

    node: Node
    size: int = 1
    depth: int = 0


@attrs.frozen
class _Open:
    """A list or mapping whose end was not seen yet."""

    event: NodeEvent
    children: list[_Sized] = attrs.field(factory=list)


def parse_tree(source: Source) -> Node:
    """Return the tree of the only document in *source*; an empty one is a null scalar.

    Raises:
        DefinitionError: It is no YAML, or uses what is refused; names line and column.

    Example:
        >>> parse_tree(Source("version: 1.10")).get("version").text
        '1.10'
    """
    return _Builder(source).build(parse_events(source))


class _Builder:
    """Turns the events of one document into its tree."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._root: Node | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, _Sized | None] = {}
        self._size = 0

    def build(self, events: Iterator[Event]) -> Node:
        for event in events:
            self._take(event)
        return self._root or ScalarNode(text="", line=1, column=1)

    def _take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                self._begin_document(event)
            case MappingStartEvent() | SequenceStartEvent():
                self._begin(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._end()
            case ScalarEvent():
                self._scalar(event)
            case AliasEvent():
                self._alias(event)

    def _begin_document(self, event: DocumentStartEvent) -> None:
        if self._root is not None:
            raise self._wrong(event, "a second document begins here; write a file for each")
        for number, line in enumerate(self._source.text.split("\n")[: event.start_mark.line], 1):
            if line.startswith("%"):
                message = "lines that begin with % are not taken; delete it, YAML 1.2 is meant"
                raise self._source.problem(message, number, 1)

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._open) >= MAX_DEPTH:
            raise self._wrong(event, f"nested too deep: more than {MAX_DEPTH} levels")
        if event.anchor:
            self._anchors[event.anchor] = None  # its value is not finished
        self._open.append(_Open(event))

    def _end(self) -> None:
        done = self._open.pop()
        nodes = [child.node for child in done.children]
        place = _place(done.event)
        node = (
            self._mapping(nodes, place)
            if isinstance(done.event, MappingStartEvent)
            else ListNode(items=tuple(nodes), **place)
        )
        size = 1 + sum(child.size for child in done.children)
        depth = 1 + max((child.depth for child in done.children), default=0)
        self._named(done.event, _Sized(node, size, depth))

    def _scalar(self, event: ScalarEvent) -> None:
        self._refuse_tag(event)
        if _NO_CHARACTER.search(event.value):
            raise self._wrong(event, "an escape in the quotes stands for no character; delete it")
        plain = event.style not in _QUOTED_OR_BLOCK
        node = ScalarNode(text=event.value, plain=plain, **_place(event))
        self._named(event, _Sized(node))

    def _alias(self, event: AliasEvent) -> None:
        name = f"*{event.anchor[:60]}"
        if event.anchor not in self._anchors:
            message = f"{name} stands for nothing; put the text in quotes, or mark the value "
            raise self._wrong(event, f"{message}that it means with & further up")
        sized = self._anchors[event.anchor]
        if sized is None:
            raise self._wrong(event, f"{name} is part of the value that it stands for")
        if len(self._open) + sized.depth > MAX_DEPTH:
            raise self._wrong(event, f"nested too deep: {name} makes it {MAX_DEPTH} levels")
        self._add(event, sized, grows=sized.size)

    def _named(self, event: NodeEvent, sized: _Sized) -> None:
        if event.anchor:
            self._anchors[event.anchor] = sized
        self._add(event, sized, grows=1)

    def _add(self, event: Event, sized: _Sized, *, grows: int) -> None:
        self._size += grows
        if self._size > MAX_NODES:
            raise self._wrong(event, f"more than {MAX_NODES} values, each alias counted in full")
        if self._open:
            self._open[-1].children.append(sized)
        else:
            self._root = sized.node

    def _mapping(self, nodes: list[Node], place: dict[str, int]) -> MappingNode:
        pairs = [
            Entry(self._key(key), value) for key, value in zip(nodes[::2], nodes[1::2], strict=True)
        ]
        merge = next((pair for pair in pairs if pair.key.plain and pair.key.text == "<<"), None)
        entries = tuple(pair for pair in pairs if pair is not merge)
        merged = self._merged(entries, merge.value) if merge else ()
        return MappingNode(entries=entries, merged=merged, **place)

    def _key(self, node: Node) -> ScalarNode:
        if isinstance(node, ScalarNode):
            return node
        message = "a list or mapping cannot be a key; put text that begins with { or [ in quotes"
        raise self._source.problem(message, node.line, node.column)

    def _merged(self, entries: Iterable[Entry], value: Node) -> tuple[Entry, ...]:
        """Return what the merge key's *value* adds to *entries*; what comes first wins."""
        added: dict[str, Entry] = {}
        for mapping in value.items if isinstance(value, ListNode) else (value,):
            if not isinstance(mapping, MappingNode):
                message = "<< takes a mapping or a list of mappings, such as `<<: *common`"
                raise self._source.problem(message, value.line, value.column)
            for entry in mapping.entries + mapping.merged:
                added.setdefault(entry.key.text, entry)
        own = {entry.key.text for entry in entries}
        return tuple(entry for text, entry in added.items() if text not in own)

    def _refuse_tag(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        if event.tag is not None:
            message = f"tags are not taken; delete {event.tag[:60]!r}, values stay as written"
            raise self._wrong(event, message)

    def _wrong(self, event: Event, message: str) -> DefinitionError:
        return self._source.problem(message, **_place(event))


def _place(event: Event) -> dict[str, int]:
    return {"line": event.start_mark.line + 1, "column": event.start_mark.column + 1}
