"""`retry`, `on_failure` and `on_success`: what follows the end of a stage or run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from buildorch.model import Archive, Notify, Retry
from buildorch.model.policies import RETRIED
from buildorch.yaml import values
from buildorch.yaml.nodes import ListNode, MappingNode, Node, Place
from buildorch.yaml.schema import Converter, Field, Report, list_of, read_mapping

Reaction: TypeAlias = Notify | Retry | Archive

_TIMES = values.whole(0, 100)
_RETRY: Mapping[str, Field] = {
    "times": Field(_TIMES, required=True),
    "on": Field(list_of(values.choice(RETRIED), single=True)),
}


def retry(node: Node, report: Report) -> Retry | None:
    """Convert a number of extra attempts, or `{times: 2, on: [network, lost, board]}`."""
    if not isinstance(node, MappingNode):
        times = _TIMES(node, report)
        return None if times is None else Retry(times)
    found = read_mapping(node, report, _RETRY)
    return Retry(**found) if "times" in found else None


def _notify(node: Node, report: Report) -> tuple[Notify, ...] | None:
    channels: tuple[str, ...] | None = values.texts(node, report)
    return None if channels is None else tuple(Notify(channel) for channel in channels)


def _retry_reaction(node: Node, report: Report) -> tuple[Retry, ...] | None:
    found = retry(node, report)
    return None if found is None else (found,)


def archive(node: Node, report: Report) -> tuple[Archive, ...] | None:
    """Convert true to an `Archive`, false to nothing."""
    wanted = values.boolean(node, report)
    return None if wanted is None else (Archive(),) * wanted


def _misplaced(key: str, where: str) -> Converter:
    def convert(node: Node, report: Report) -> None:
        report.add(node, f"write {key} under {where}; here it means nothing")

    return convert


_ON_FAILURE: Mapping[str, Field] = {
    "notify": Field(_notify),
    "retry": Field(_retry_reaction),
    "archive": Field(_misplaced("archive", "on_success")),
}
_ON_SUCCESS: Mapping[str, Field] = {
    "notify": Field(_notify),
    "archive": Field(archive),
    "retry": Field(_misplaced("retry", "on_failure")),
}


def _reactions(fields: Mapping[str, Field]) -> Converter:
    """Return a converter of a mapping, or of a list of mappings, into reactions."""

    def convert(node: Node, report: Report) -> tuple[Reaction, ...]:
        found: list[Reaction] = []
        for item in node.items if isinstance(node, ListNode) else (node,):
            for reactions in read_mapping(item, report, fields).values():
                for reaction in reactions:
                    _add(found, reaction, item, report)
        return tuple(found)

    return convert


def _add(found: list[Reaction], reaction: Reaction, place: Place, report: Report) -> None:
    """Add *reaction* to *found*, unless it is a duplicate; two retries always are."""
    if isinstance(reaction, Retry) and any(isinstance(other, Retry) for other in found):
        report.add(place, "duplicate retry; keep one")
    elif reaction in found:
        report.add(place, f"duplicate {_called(reaction)}; keep one")
    else:
        found.append(reaction)


def _called(reaction: Reaction) -> str:
    return f"notify {reaction.channel!r}" if isinstance(reaction, Notify) else "archive"


on_failure = _reactions(_ON_FAILURE)
on_success = _reactions(_ON_SUCCESS)
