"""The `stages` of a pipeline: converted one by one, then wired by `depends_on`."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence

import attrs

from buildorch.flow import Flow, Stage
from buildorch.names import quoted, same_name
from buildorch.origin import Origin
from buildorch.yaml import values
from buildorch.yaml.nodes import ListNode, MappingNode, Node, ScalarNode
from buildorch.yaml.policy import retry
from buildorch.yaml.schema import Field, Report, kind, list_of, read_mapping


def server(node: Node, report: Report) -> str | tuple[str, ...] | None:
    """Convert the name of a server, or a list of names."""
    found: str | tuple[str, ...] | None
    found = values.texts(node, report) if isinstance(node, ListNode) else values.text(node, report)
    return found or None


def tool(node: Node, report: Report) -> str | None:
    """Convert the name of a tool whose logs are known."""
    from buildorch.analysis.rules import TOOLS  # noqa: PLC0415 - few stages name one

    found: str | None = values.choice(TOOLS)(node, report)
    return found


def _progress(node: ScalarNode) -> str:
    from buildorch.analysis.own import progress_rule  # noqa: PLC0415 - few stages have one

    return progress_rule(node.text).pattern


progress = values.scalar(_progress, "a regular expression")


def _reference(node: Node, report: Report) -> ScalarNode | None:
    """Keep the node: whether a stage has that name is known only once all are read."""
    if isinstance(node, ScalarNode) and not node.is_null:
        return node
    report.add(node, f"the name of a stage belongs here, not {kind(node)}")
    return None


STAGE_FIELDS: Mapping[str, Field] = {
    "name": Field(values.name, required=True),
    "title": Field(values.title),
    "server": Field(server),
    "command": Field(values.command, required=True),
    "workdir": Field(values.text),
    "depends_on": Field(list_of(_reference, single=True)),
    "timeout": Field(values.duration),
    "idle_timeout": Field(values.duration),
    "lease": Field(values.duration),
    "retry": Field(retry),
    "retries": Field(retry, into="retry"),
    "env": Field(values.environment),
    "setup": Field(values.text),
    "shell": Field(values.shell),
    "artifacts": Field(values.texts),
    "resources": Field(values.texts),
    "lock": Field(values.text),
    "fallback": Field(values.texts),
    "allow_failure": Field(values.boolean),
    "always": Field(values.boolean),
    "success_if": Field(values.pattern),
    "fail_if": Field(values.pattern),
    "analyze": Field(values.boolean),
    "tool": Field(tool),
    "progress": Field(progress),
}


@attrs.frozen
class _Written:
    """A stage as it was written, with where its name and its dependencies stand."""

    stage: Stage
    name: Node
    depends_on: tuple[ScalarNode, ...]


def read_stages(node: Node, report: Report) -> Flow | None:
    """Convert a list of stages to a `Flow` with the edges that `depends_on` makes."""
    if not isinstance(node, ListNode):
        report.add(node, f"a list of stages (`- name: ...`) belongs here, not {kind(node)}")
        return None
    if not node.items:
        report.add(node, "there is no stage; write at least one, with name and command")
    found = [_read_stage(item, number, report) for number, item in enumerate(node.items, 1)]
    written = [stage for stage in found if stage is not None]
    _report_duplicates(written, report)
    return _wired([one.stage for one in written], _edges(written, _names(node), report))


def _names(node: ListNode) -> set[str]:
    """Return all names as written, those of stages with problems too: these are told once."""
    names = (item.get("name") for item in node.items if isinstance(item, MappingNode))
    return {_normal(name.text) for name in names if isinstance(name, ScalarNode)}


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _read_stage(node: Node, number: int, report: Report) -> _Written | None:
    name = node.get("name") if isinstance(node, MappingNode) else None
    called = quoted(name.text) if isinstance(name, ScalarNode) and name.text else str(number)
    found = read_mapping(node, report.within(f"stage {called}"), STAGE_FIELDS)
    if name is None or "name" not in found:
        return None
    depends_on = found.pop("depends_on", ())
    origin = Origin(report.file or "", node.line, node.column)
    return _Written(Stage(**found, origin=origin), name, depends_on)


def _report_duplicates(written: Sequence[_Written], report: Report) -> None:
    """Report names that two stages share, letter case aside: their folders would be one."""
    first: dict[str, _Written] = {}
    for one in written:
        other = first.setdefault(same_name(one.stage.name), one)
        if other is not one:
            has = f"line {other.name.line} has {quoted(other.stage.name)} already"
            report.add(
                one.name, f"duplicate stage name {quoted(one.stage.name)}: {has}; rename one"
            )


def _edges(
    written: Sequence[_Written], names: Collection[str], report: Report
) -> list[tuple[int, int]]:
    numbers = {one.stage.name: number for number, one in reversed([*enumerate(written)])}
    edges = set()
    for after, one in enumerate(written):
        part = report.within(f"stage {quoted(one.stage.name)}").within("`depends_on`")
        for reference in one.depends_on:
            name = _normal(reference.text)
            if name in numbers:
                edges.add((numbers[name], after))
            elif name not in names:
                part.add_unknown(reference, "unknown stage", reference.text, numbers)
    return sorted(edges)


def _wired(stages: Sequence[Stage], edges: Sequence[tuple[int, int]]) -> Flow:
    befores, afters = {before for before, _ in edges}, {after for _, after in edges}
    numbers = range(len(stages))
    return Flow(
        stages=tuple(stages),
        edges=tuple(edges),
        heads=tuple(number for number in numbers if number not in afters),
        tails=tuple(number for number in numbers if number not in befores),
    )
