"""Mappings checked against the keys they may have; every problem is collected, none raised.

A converter takes a node and a report; it returns a value, or None after it has reported what
is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from buildorch.errors import Problem, raise_problems
from buildorch.names import hint, quoted
from buildorch.yaml.nodes import Entry, ListNode, MappingNode, Node, Place, ScalarNode

#: More problems than these help nobody, and finding the nearest name takes time.
MAX_PROBLEMS = 50

#: Known names that an unknown one is compared with.
_COMPARED = 1000


@attrs.frozen
class Report:
    """Collects what is wrong in a file.

    Attributes:
        file: The file's name, or None.
        where: The part of the file that is being read, in words that end with a space.
        problems: What was found so far; shared by all reports of a file.
    """

    file: str | None = None
    where: str = ""
    problems: list[Problem] = attrs.field(factory=list)

    def within(self, where: str) -> Report:
        """Return a report of the same file for the part *where*."""
        return attrs.evolve(self, where=f"{self.where}{where}: ")

    def add(self, place: Place, message: str) -> None:
        """Note that *message* is wrong at *place*."""
        if len(self.problems) < MAX_PROBLEMS:
            problem = Problem(self.where + message, self.file, place.line, place.column)
            self.problems.append(problem)

    def add_unknown(self, place: Place, message: str, name: str, known: Iterable[str]) -> None:
        """Note an unknown *name*, with the nearest of the *known* ones, or all of a few."""
        if len(self.problems) < MAX_PROBLEMS:
            few = list(known)[:_COMPARED]
            self.add(place, f"{message} {quoted(name)}{hint(name, few)}")

    def raise_if_any(self) -> None:
        """Raise what was noted, in the order of the file.

        Raises:
            DefinitionError: Something was noted.
        """
        raise_problems(sorted(self.problems, key=lambda one: (one.line or 0, one.column or 0)))


#: Turns a node into a value; None means that a problem was reported.
Converter: TypeAlias = Callable[[Node, Report], Any]


@attrs.frozen
class Field:
    """A key that a mapping may have.

    Attributes:
        convert: Turns its value into ours.
        into: The attribute that the value becomes; the key's own name where it is empty.
        required: Whether it must be there.
        called: Whether messages about its value begin with the key.
    """

    convert: Converter
    into: str = ""
    required: bool = False
    called: bool = True


def read_mapping(node: Node, report: Report, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the values of a mapping by attribute.

    A key without a value is as good as no key; keys that begin with `x-` are the user's own.

    Args:
        node: Should be a mapping.
        report: Takes what is wrong.
        fields: The keys it may have.
    """
    if not isinstance(node, MappingNode):
        report.add(node, f"keys with values belong here, not {kind(node)}")
        return {}
    values: dict[str, Any] = {}
    for entry in unique_entries(node, report):
        _read_entry(entry, report, fields, values)
    given = {entry.key.text for entry in (*node.entries, *node.merged) if not is_null(entry.value)}
    for key in [key for key, field in fields.items() if field.required and key not in given]:
        report.add(node, f"`{key}` is missing")
    return values


def _read_entry(
    entry: Entry, report: Report, fields: Mapping[str, Field], values: dict[str, Any]
) -> None:
    key = entry.key.text
    if key.startswith("x-"):
        return
    field = fields.get(key)
    if field is None:
        report.add_unknown(entry.key, "unknown key", key, fields)
        return
    name = field.into or key
    if name in values:
        report.add(entry.key, f"`{key}` and another key say the same; keep one of them")
    if is_null(entry.value):
        return
    value = field.convert(entry.value, report.within(f"`{key}`") if field.called else report)
    if value is not None:
        values[name] = value


def unique_entries(node: MappingNode, report: Report) -> Iterator[Entry]:
    """Yield each key's first entry, merged ones last; further ones of a key are reported."""
    seen: dict[str, ScalarNode] = {}
    for entry in (*node.entries, *node.merged):
        key = entry.key
        if key.text in seen:
            first = seen[key.text].line
            report.add(key, f"duplicate key {quoted(key.text)}, first on line {first}; keep one")
            continue
        seen[key.text] = key
        yield entry


def list_of(item: Converter, *, single: bool = False) -> Converter:
    """Return a converter of lists into tuples.

    Args:
        item: Converts each item.
        single: Whether a value that is no list stands for a list of that one.
    """

    def convert(node: Node, report: Report) -> Any:  # noqa: ANN401 - of whatever the items are
        if isinstance(node, ListNode):
            values = [item(one, report) for one in node.items]
            return tuple(value for value in values if value is not None)
        if single:
            value = item(node, report)
            return None if value is None else (value,)
        report.add(node, f"a list belongs here, not {kind(node)}; write [one, two]")
        return None

    return convert


def is_null(node: Node) -> bool:
    """Tell whether *node* is no value."""
    return isinstance(node, ScalarNode) and node.is_null


def kind(node: Node) -> str:
    """Return what *node* is, in words for messages."""
    if isinstance(node, ScalarNode):
        return quoted(node.text) if node.text else "nothing"
    return "a list" if isinstance(node, ListNode) else "keys with values"
