"""pipeline.yaml as a `Pipeline`, the same value that Python makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildorch.definitions import Pipeline
from buildorch.model import Retry
from buildorch.origin import Origin
from buildorch.yaml import values
from buildorch.yaml.nodes import MappingNode, Node
from buildorch.yaml.policy import archive, on_failure, on_success, retry
from buildorch.yaml.schema import Field, Report, is_null, read_mapping
from buildorch.yaml.source import Source, as_source, read_source
from buildorch.yaml.stages import read_stages, server
from buildorch.yaml.told import Told, read_told
from buildorch.yaml.tree import parse_tree

PIPELINE_FIELDS: Mapping[str, Field] = {
    "name": Field(values.pipeline_name, required=True),
    "stages": Field(read_stages, into="flow", required=True, called=False),
    "title": Field(values.title),
    "description": Field(values.text),
    "on_failure": Field(on_failure),
    "on_success": Field(on_success),
    "notifications": Field(read_told),
    "archive": Field(archive),
    "server": Field(server),
    "fallback": Field(values.texts),
    "workdir": Field(values.text),
    "timeout": Field(values.duration),
    "idle_timeout": Field(values.duration),
    "retry": Field(retry),
    "retries": Field(retry, into="retry"),
    "env": Field(values.environment),
    "setup": Field(values.text),
    "shell": Field(values.shell),
    "parallel_limit": Field(values.whole(1)),
    "fail_fast": Field(values.boolean),
}


def load_pipeline(path: Path | str) -> Pipeline:
    """Return the pipeline that the file *path* describes.

    Raises:
        DefinitionError: Everything that is wrong with it, with line and column.
    """
    return _pipeline(read_source(Path(path)))


def parse_pipeline(text: str | bytes, file: str | None = None) -> Pipeline:
    """Return the pipeline that *text* describes.

    Args:
        text: YAML.
        file: The file's name in messages.

    Raises:
        DefinitionError: Everything that is wrong with it, with line and column.

    Example:
        >>> parse_pipeline("{name: nightly, stages: [{name: build, command: make}]}").flow()
        <flow of 1 stage: build>
    """
    return _pipeline(as_source(text, file))


def _pipeline(source: Source) -> Pipeline:
    report = Report(source.file)
    tree = parse_tree(source)
    if is_null(tree):
        report.add(tree, "the file is empty; write the `name` and `stages` of a pipeline")
        report.raise_if_any()
    node = _unwrapped(tree, report)
    found = read_mapping(node, report, PIPELINE_FIELDS)
    _report_second_retry(node, found, report)
    report.raise_if_any()
    origin = Origin(source.file or "", node.line, node.column)
    return Pipeline(**_with_reactions(found), origin=origin)


def _unwrapped(tree: Node, report: Report) -> Node:
    """Return what stands below `pipeline:`, or the whole tree where that line is left out."""
    inner = tree.get("pipeline") if isinstance(tree, MappingNode) else None
    if inner is None:
        return tree
    read_mapping(tree, report, {"pipeline": Field(lambda node, _: node)})
    return inner


def _report_second_retry(node: Node, found: Mapping[str, Any], report: Report) -> None:
    again = any(isinstance(reaction, Retry) for reaction in found.get("on_failure", ()))
    if again and "retry" in found:
        report.add(node, "`retry` stands here and under `on_failure`; keep one of them")


def _with_reactions(found: dict[str, Any]) -> dict[str, Any]:
    """Return *found* with every way to write who is told, and the archive, in one place."""
    told: Told = found.pop("notifications", Told())
    kept = found.pop("archive", ())
    failure = (*found.get("on_failure", ()), *told.failure)
    success = (*found.get("on_success", ()), *told.success, *kept)
    return {
        **found,
        "on_failure": tuple(dict.fromkeys(failure)),
        "on_success": tuple(dict.fromkeys(success)),
    }
