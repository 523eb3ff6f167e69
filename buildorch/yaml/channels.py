"""The `notifications` of config.yaml: channels by name, with no secret written out."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from buildorch.model import Channel, Secret
from buildorch.names import quoted
from buildorch.yaml import values
from buildorch.yaml.nodes import Entry, MappingNode, Node, ScalarNode
from buildorch.yaml.schema import Field, Report, is_null, kind, read_mapping, unique_entries

_FIELDS: Mapping[str, Field] = {
    "enabled": Field(values.boolean),
    "via": Field(values.choice(("openclaw", "discord", "telegram", "apprise"))),
}

_OPTION = re.compile(r"[a-z][a-z0-9_]{0,39}")

#: Keys whose values open a door.
_SECRET_KEY = re.compile(r"(.*_)?(token|webhook|webhook_url|password|passwd|secret|api_?key)")

#: Services whose address alone lets anybody send.
_SECRET_ADDRESS = frozenset({"discord", "apprise"})

_PASSWORD_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]*@")
_FROM_ENVIRONMENT = "_env"


def read_channels(node: Node, report: Report) -> dict[str, Channel] | None:
    """Convert channels by name; keys other than `enabled` and `via` are the service's own."""
    if not isinstance(node, MappingNode):
        report.add(node, f"channel names with keys belong here, not {kind(node)}")
        return None
    channels: dict[str, Channel] = {}
    for entry in unique_entries(node, report):
        name = entry.key.text
        if not name.startswith("x-") and values.name(entry.key, report) is not None:
            channels[name] = _read_channel(entry, report.within(f"channel {quoted(name)}"))
    return channels


def _read_channel(entry: Entry, report: Report) -> Channel:
    name, node = entry.key.text, entry.value
    if is_null(node):
        return Channel(name=name)
    if not isinstance(node, MappingNode):
        report.add(node, f"keys with values belong here, not {kind(node)}")
        return Channel(name=name)
    ours = tuple(one for one in node.entries + node.merged if one.key.text in _FIELDS)
    found = read_mapping(attrs.evolve(node, entries=ours, merged=()), report, _FIELDS)
    channel = Channel(name=name, **found)
    return attrs.evolve(channel, options=_read_options(channel, node, report))


def _read_options(channel: Channel, node: MappingNode, report: Report) -> dict[str, str | Secret]:
    options: dict[str, str | Secret] = {}
    others = (one for one in node.entries + node.merged if one.key.text not in _FIELDS)
    rest = attrs.evolve(node, entries=tuple(others), merged=())
    for entry in unique_entries(rest, report):
        key = entry.key.text
        if key.startswith("x-") or is_null(entry.value):
            continue
        if not _OPTION.fullmatch(key):
            report.add(entry.key, f"{quoted(key)} is no option's name; write a-z, 0-9 and _")
            continue
        option = key.removesuffix(_FROM_ENVIRONMENT)
        if option in options:
            report.add(entry.key, f"`{option}` is said twice; keep one of them")
        value = _read_option(channel, entry, report.within(f"`{key}`"))
        if value is not None:
            options[option] = value
    return options


def _read_option(channel: Channel, entry: Entry, report: Report) -> str | Secret | None:
    key, node = entry.key.text, entry.value
    if key.endswith(_FROM_ENVIRONMENT):
        variable = values.variable(node, report)
        return None if variable is None else Secret(variable)
    if isinstance(node, ScalarNode) and _opens_a_door(channel, key, node.text):
        variable = re.sub(r"\W", "_", f"BUILDORCH_{channel.name}_{key}".upper())
        report.add(
            node,
            "a secret does not belong in a file; put it into an environment variable and write "
            f"`{key}: {{secret: {variable}}}`",
        )
        return None
    return values.text_or_secret(node, report)


def _opens_a_door(channel: Channel, key: str, text: str) -> bool:
    """Tell whether whoever reads *text* could send in our name."""
    address = key in {"url", "urls"} and (channel.via or channel.name) in _SECRET_ADDRESS
    secret = _SECRET_KEY.fullmatch(key.lower()) is not None
    return secret or address or _PASSWORD_IN_ADDRESS.search(text) is not None
