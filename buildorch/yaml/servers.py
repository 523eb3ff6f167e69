"""The `servers` of config.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from buildorch.address import Address, parse_address
from buildorch.model import Server
from buildorch.names import quoted, same_name
from buildorch.yaml import values
from buildorch.yaml.nodes import Entry, MappingNode, Node, ScalarNode
from buildorch.yaml.schema import Field, Report, is_null, kind, read_mapping, unique_entries


def _address(node: ScalarNode) -> Address:
    return parse_address(node.text)


_ADDRESS = values.scalar(_address, "an address such as user@host:port")

SERVER_FIELDS: Mapping[str, Field] = {
    "host": Field(_ADDRESS),
    "user": Field(values.text),
    "port": Field(values.whole(1, 65535)),
    "workdir": Field(values.text),
    "alias": Field(values.name),
    "purpose": Field(values.title),
    "build_type": Field(values.text),
    "labels": Field(values.texts),
    "slots": Field(values.whole(1)),
    "fallback": Field(values.texts),
    "setup": Field(values.text),
    "env": Field(values.environment),
    "env_file": Field(values.text),
    "login": Field(values.boolean),
    "min_free": Field(values.size),
    "state_dir": Field(values.text),
    "share_workdir": Field(values.boolean),
    "ssh_config": Field(values.text),
    "backend": Field(values.choice(("ssh", "local", "fake"))),
}


def read_servers(node: Node, report: Report) -> dict[str, Server] | None:
    """Convert servers by name; each is a mapping, or an address alone."""
    if not isinstance(node, MappingNode):
        report.add(node, f"server names with keys belong here, not {kind(node)}")
        return None
    entries = [one for one in unique_entries(node, report) if not one.key.text.startswith("x-")]
    servers: dict[str, Server] = {}
    for entry in entries:
        name = values.name(entry.key, report)
        server = _read_server(entry, report.within(f"server {quoted(entry.key.text)}"))
        if name is not None:
            servers[name] = attrs.evolve(server, name=name, host=_host(server, name))
    _report_shared_names(entries, servers, report)
    return servers


def _read_server(entry: Entry, report: Report) -> Server:
    node = entry.value
    if isinstance(node, ScalarNode):
        address = None if is_null(node) else _ADDRESS(node, report)
        return Server(name="", **_placed({"host": address}, node, report))
    return Server(name="", **_placed(read_mapping(node, report, SERVER_FIELDS), node, report))


def _placed(found: dict[str, Any], node: Node, report: Report) -> dict[str, Any]:
    """Return *found* with its address split into host, user and port."""
    address: Address | None = found.pop("host", None)
    if address is None:
        return found
    for key in ("user", "port"):
        part = getattr(address, key)
        if part is not None and key in found:
            report.add(node, f"`host` and `{key}` both say the {key}; keep one of them")
        elif part is not None:
            found[key] = part
    return {**found, "host": address.host}


def _host(server: Server, name: str) -> str:
    """Return the host; a server that says none is an ssh_config alias of its own name."""
    return server.host or (name if server.backend == "ssh" else "")


def _report_shared_names(
    entries: list[Entry], servers: Mapping[str, Server], report: Report
) -> None:
    """Report names and aliases that stand for two servers, letter case aside."""
    taken: dict[str, str] = {}
    for entry in entries:
        server = servers.get(entry.key.text)
        for word in (entry.key.text, server.alias if server else None):
            if word is None:
                continue
            other = taken.setdefault(same_name(word), entry.key.text)
            if other != entry.key.text:
                report.add(entry.key, f"{quoted(word)} already stands for server {quoted(other)}")
