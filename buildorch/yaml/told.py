"""`notifications` of a pipeline: channels, and what each of them hears of."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from buildorch.model import Notify
from buildorch.yaml import values
from buildorch.yaml.nodes import ListNode, MappingNode, Node
from buildorch.yaml.schema import Field, Report, list_of, read_mapping

_FAILURE = frozenset({"failure", "failed", "timeout", "timed_out"})
_SUCCESS = frozenset({"success", "succeeded"})

#: Where a channel's secrets come from is the configuration's business; said here it is not read.
_FROM_ENVIRONMENT = "_env"

_FIELDS: Mapping[str, Field] = {
    "type": Field(values.text, required=True),
    "on": Field(list_of(values.choice(sorted(_FAILURE | _SUCCESS)), single=True)),
}


@attrs.frozen
class Told:
    """Channels that hear of failures, and those that hear of successes."""

    failure: tuple[Notify, ...] = ()
    success: tuple[Notify, ...] = ()


def read_told(node: Node, report: Report) -> Told:
    """Convert a list of `{type: CHANNEL, on: [failure]}`; without `on` a channel hears all."""
    items = node.items if isinstance(node, ListNode) else (node,)
    found = [read_mapping(_ours(item), report, _FIELDS) for item in items]
    pairs = [(one["type"], set(one.get("on", ()))) for one in found if "type" in one]
    return Told(
        failure=tuple(Notify(channel) for channel, on in pairs if not on or on & _FAILURE),
        success=tuple(Notify(channel) for channel, on in pairs if not on or on & _SUCCESS),
    )


def _ours(node: Node) -> Node:
    if not isinstance(node, MappingNode):
        return node
    entries = (one for one in node.entries if not one.key.text.endswith(_FROM_ENVIRONMENT))
    return attrs.evolve(node, entries=tuple(entries))
