"""The `build_types` of config.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildorch.model import BuildType, Verb
from buildorch.names import quoted
from buildorch.requests.templates import check_template, takes
from buildorch.yaml import values
from buildorch.yaml.nodes import MappingNode, Node, ScalarNode
from buildorch.yaml.schema import Field, Report, kind, read_mapping, unique_entries
from buildorch.yaml.stages import progress, tool


def _read(check: Callable[[str], None]) -> Callable[[ScalarNode], str]:
    def read(node: ScalarNode) -> str:
        check(node.text)
        return node.text

    return read


def _check_plain(text: str) -> None:
    check_template(text)
    if place := takes(text):
        raise ValueError(f"{place} has no place here: no target is given")


_template = values.scalar(_read(check_template), "a command")
_plain = values.scalar(_read(_check_plain), "a command")

VERB_FIELDS: Mapping[str, Field] = {
    "command": Field(_template, required=True),
    "alone": Field(_plain),
}


def _verb(node: Node, report: Report) -> Verb | None:
    """Convert a command, or a mapping with it."""
    if isinstance(node, MappingNode):
        found = read_mapping(node, report, VERB_FIELDS)
        return Verb(**found) if "command" in found else None
    command = _template(node, report)
    return None if command is None else Verb(command)


def _verbs(node: Node, report: Report) -> dict[str, Verb] | None:
    found = _named(node, report, "verbs with their commands belong here", _verb)
    if not found and isinstance(node, MappingNode) and not node.entries:
        report.add(node, "there is no verb; write at least one, as in `build: make {target}`")
    return found or None


BUILD_TYPE_FIELDS: Mapping[str, Field] = {
    "verbs": Field(_verbs, required=True),
    "targets": Field(values.texts),
    "everything": Field(values.texts),
    "tool": Field(tool),
    "progress": Field(progress),
    "stop": Field(_plain),
}


def read_build_types(node: Node, report: Report) -> dict[str, BuildType] | None:
    """Convert build types by name."""
    found = _named(node, report, "names with keys belong here", _build_type, "build type ")
    return {
        name: BuildType(name=name, **given) for name, given in found.items() if "verbs" in given
    }


def _build_type(node: Node, report: Report) -> dict[str, Any]:
    return read_mapping(node, report, BUILD_TYPE_FIELDS)


def _named(
    node: Node,
    report: Report,
    wanted: str,
    convert: Callable[[Node, Report], Any],
    what: str = "",
) -> dict[str, Any]:
    """Return what *convert* makes of each value of a mapping, by name."""
    if not isinstance(node, MappingNode):
        report.add(node, f"{wanted}, not {kind(node)}")
        return {}
    found: dict[str, Any] = {}
    for entry in unique_entries(node, report):
        if entry.key.text.startswith("x-"):
            continue
        name = values.name(entry.key, report)
        value = convert(entry.value, report.within(f"{what}{quoted(entry.key.text)}"))
        if name is not None and value is not None:
            found[name] = value
    return found
