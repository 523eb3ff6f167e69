"""config.yaml as a `Config`, and where it is found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildorch.errors import DefinitionError, Problem
from buildorch.model import BuildType, Config, Defaults
from buildorch.yaml import values
from buildorch.yaml.channels import read_channels
from buildorch.yaml.nodes import Node
from buildorch.yaml.schema import Field, Report, is_null, read_mapping
from buildorch.yaml.servers import read_servers
from buildorch.yaml.source import Source, as_source, read_source
from buildorch.yaml.tree import parse_tree

#: Names the configuration where no `--config` does.
VARIABLE = "BUILDORCH_CONFIG"

_DEFAULTS: Mapping[str, Field] = {
    "timeout": Field(values.duration),
    "retry": Field(values.whole(0)),
    "parallel_limit": Field(values.whole(1)),
    "server": Field(values.text),
    "lost_after": Field(values.duration),
    "cleanup_timeout": Field(values.duration),
}


def _read_defaults(node: Node, report: Report) -> Defaults:
    return Defaults(**read_mapping(node, report, _DEFAULTS))


def _read_build_types(node: Node, report: Report) -> dict[str, BuildType] | None:
    from buildorch.yaml.build_types import read_build_types  # noqa: PLC0415 - few have any

    return read_build_types(node, report)


_CONFIG: Mapping[str, Field] = {
    "servers": Field(read_servers, called=False),
    "notifications": Field(read_channels, into="channels", called=False),
    "defaults": Field(_read_defaults),
    "build_types": Field(_read_build_types, called=False),
    "language": Field(values.choice(("en", "ko"))),
}


def load_config(path: Path | str | None) -> Config:
    """Return what the configuration file *path* says; without a path, an empty configuration.

    Raises:
        DefinitionError: Everything that is wrong with it, with line and column.
    """
    return Config() if path is None else _config(read_source(Path(path)))


def parse_config(text: str | bytes, file: str | None = None) -> Config:
    """Return what the *text* of a configuration says.

    Args:
        text: YAML.
        file: The file's name in messages.

    Raises:
        DefinitionError: Everything that is wrong with it, with line and column.

    Example:
        >>> parse_config("servers: {yocto: build@10.0.0.1}").servers["yocto"].user
        'build'
    """
    return _config(as_source(text, file))


def _config(source: Source) -> Config:
    tree = parse_tree(source)
    if is_null(tree):
        return Config(file=source.file)
    report = Report(source.file)
    found = read_mapping(tree, report, _CONFIG)
    report.raise_if_any()
    return Config(file=source.file, **found)


def find_config(explicit: Path | str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Return the configuration file that counts, or None where there is none.

    Args:
        explicit: What `--config` says, or None.
        environ: The environment: `BUILDORCH_CONFIG`, and `HOME`.
        cwd: The working folder.

    Raises:
        DefinitionError: `--config` or `BUILDORCH_CONFIG` names a file that is not there.
    """
    if explicit is not None:
        return _there(cwd / explicit, "--config")
    if environ.get(VARIABLE):
        return _there(cwd / environ[VARIABLE], VARIABLE)
    usual = [cwd / "buildorch.yaml"]
    if environ.get("HOME"):
        usual.append(Path(environ["HOME"], ".build-orchestrator", "config.yaml"))
    return next((path for path in usual if path.is_file()), None)


def _there(path: Path, named_by: str) -> Path:
    if not path.is_file():
        message = f"no such file, but {named_by} names it; correct the path or leave it out"
        raise DefinitionError([Problem(message, str(path))])
    return path
