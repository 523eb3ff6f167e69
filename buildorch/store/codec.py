"""Turns events and plans into plain JSON values and back, and events into public lines.

Owns the stored form of both, and the upgrades of what older versions stored. The converter is
strict: a stored value of another type, an unknown key or an unknown kind is an error, never a
guess.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from buildorch.errors import StoreDamaged, StoreTooNew
from buildorch.events import KINDS, VERSION, Event, Recorded, RunCreated
from buildorch.model import (
    Command,
    Plan,
    PlannedStage,
    RunStatus,
    Secret,
    Server,
    StageStatus,
)

#: Version of the public JSON lines; grows only when a line changes its meaning.
LINE_SCHEMA = 1

#: Turns kind and fields of one version into those of the next.
Upcaster: TypeAlias = Callable[[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]

#: For each older version the pure function that leads to the next one.
UPCASTERS: Mapping[int, Upcaster] = {}

#: Classes of a plan, of which fields that are empty are left out: most are, of every stage. Other
#: defaults are stored, so that a run stays what it was when they change.
_SPARSE = (Plan, PlannedStage, Server)

#: Fields that hold JSON as it is.
_AS_IS = ("params", "plan", "value", "output")


def event_to_fields(event: Event) -> dict[str, Any]:
    """Return the event's own fields as JSON values; kind and version are stored beside them.

    Args:
        event: The fact.

    Returns:
        A dictionary of all its fields, also those that have their default.

    Example:
        >>> from buildorch.events import CancelRequested
        >>> event_to_fields(CancelRequested(by="mina"))
        {'by': 'mina'}
    """
    fields: dict[str, Any] = _converter().unstructure(event)
    return fields


def event_from_fields(
    kind: str,
    fields: Mapping[str, Any],
    version: int = VERSION,
    *,
    upcasters: Mapping[int, Upcaster] = UPCASTERS,
) -> Event:
    """Return the event that was stored, upgraded where an older version stored it.

    Args:
        kind: Name of its kind.
        fields: What `event_to_fields` returned.
        version: The version of the fields.
        upcasters: The upgrades, by the version that they start from.

    Returns:
        The event.

    Raises:
        StoreTooNew: A newer buildorch stored it.
        StoreDamaged: It is no event of its version.

    Example:
        >>> event_from_fields("cancel_requested", {"by": "mina"})
        CancelRequested(by='mina')
    """
    if type(version) is int and version > VERSION:
        raise StoreTooNew(
            f"the event {kind!r} was stored by a newer buildorch (version {version}; this one "
            f"reads up to {VERSION}); upgrade buildorch here, or look at the run where it was made"
        )
    try:
        for step in range(version, VERSION):
            kind, fields = upcasters[step](kind, fields)
        event: Event = _converter().structure(fields, KINDS[kind])
    except Exception as error:  # cattrs passes on whatever a strange value causes
        raise StoreDamaged(
            f"a stored event of kind {kind!r} cannot be read ({error!r}): state damaged, remote "
            "builds go on"
        ) from error
    return event


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """Return *plan* as JSON values: secrets as `{"secret": REFERENCE}`, argument lists as lists.

    Args:
        plan: The plan.

    Returns:
        What `RunCreated.plan` holds.
    """
    fields: dict[str, Any] = _converter().unstructure(plan)
    return fields


def plan_from_dict(fields: Mapping[str, Any]) -> Plan:
    """Return the plan that `plan_to_dict` turned into *fields*.

    Args:
        fields: The stored plan.

    Returns:
        An equal plan.

    Raises:
        StoreDamaged: The fields are not those of a plan.
    """
    try:
        return _converter().structure(fields, Plan)
    except Exception as error:  # cattrs passes on whatever a strange value causes
        raise StoreDamaged(
            f"a stored plan cannot be read ({error!r}); its jobs go on, but the run cannot be "
            "resumed here: start the pipeline again once they have ended"
        ) from error


def line(recorded: Recorded) -> dict[str, Any]:
    """Return *recorded* as the public JSON object that `run --json` prints as one line.

    Args:
        recorded: A stored event.

    Returns:
        `event`, `run`, `seq`, `at` (RFC 3339, UTC, milliseconds), `epoch`, and the event's own
        fields; those that are None are left out.

    Example:
        >>> from buildorch.events import CancelRequested
        >>> event = CancelRequested(by="mina")
        >>> line(Recorded(run="r1", seq=2, at=1783987200.5, epoch=1, event=event))["at"]
        '2026-07-14T00:00:00.500Z'
    """
    envelope = {
        "event": recorded.event.kind,
        "run": recorded.run,
        "seq": recorded.seq,
        "at": timestamp(recorded.at),
        "epoch": recorded.epoch,
    }
    fields = event_to_fields(recorded.event)
    if isinstance(recorded.event, RunCreated):
        fields = _public_creation(fields)
    return envelope | _without_none(fields)


def timestamp(at: float) -> str:
    """Return Unix time *at* (seconds) as RFC 3339 in UTC, with milliseconds.

    Example:
        >>> timestamp(0.25)
        '1970-01-01T00:00:00.250Z'
    """
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _public_creation(fields: dict[str, Any]) -> dict[str, Any]:
    """Replace the whole plan by its stages' names: a line is for people and programs to follow."""
    stages = [stage["name"] for stage in fields["plan"].get("stages", ())]
    hidden = ("plan", "nonce")
    shown = {name: value for name, value in fields.items() if name not in hidden}
    return shown | {"stages": stages, "schema": LINE_SCHEMA}


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if name == "end" else value
        for name, value in fields.items()
        if value is not None
    }


@functools.cache
def _converter() -> cattrs.Converter:
    """Return the one strict converter; made at first use, since it compiles a function a class."""
    converter = cattrs.Converter(
        forbid_extra_keys=True,
        detailed_validation=False,
        unstruct_collection_overrides={tuple: list},
    )
    for kind in (str, int, float, bool):
        converter.register_structure_hook(kind, _exactly)
    for enumeration in (StageStatus, RunStatus):  # derive from str, whose hook would refuse them
        converter.register_structure_hook(enumeration, _member)
    for union in (Command, Command | None):
        converter.register_structure_hook(union, _command)
    converter.register_structure_hook(str | Secret, _text_or_secret)
    converter.register_structure_hook_factory(attrs.has, functools.partial(_reader, converter))
    converter.register_unstructure_hook_factory(attrs.has, functools.partial(_writer, converter))
    converter.register_unstructure_hook(Secret, lambda secret: {"secret": secret.reference})
    return converter


def _reader(converter: cattrs.Converter, cls: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - any attrs class
    overrides = _json_overrides(cls, override(struct_hook=_same))
    return make_dict_structure_fn(
        cls,
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=False,
        **overrides,
    )


def _writer(converter: cattrs.Converter, cls: Any) -> Callable[[Any], dict[str, Any]]:  # noqa: ANN401 - any attrs class
    overrides = _json_overrides(cls, override(unstruct_hook=lambda value: value))
    if cls in _SPARSE:
        for field in attrs.fields(cls):
            if _is_empty(field.default):
                hook = overrides.get(field.name, override()).unstruct_hook
                overrides[field.name] = override(unstruct_hook=hook, omit_if_default=True)
    return make_dict_unstructure_fn(cls, converter, **overrides)


def _is_empty(default: Any) -> bool:  # noqa: ANN401 - any default
    return default in (None, ()) or default == attrs.Factory(dict)


def _json_overrides(cls: Any, how: object) -> dict[str, Any]:  # noqa: ANN401 - any attrs class
    return {field.name: how for field in attrs.fields(cls) if field.name in _AS_IS}


def _same(value: Any, _: Any) -> Any:  # noqa: ANN401 - the stored value, whatever it is
    return value


def _exactly(value: Any, kind: type) -> Any:  # noqa: ANN401 - the stored value, checked here
    """Return *value* where it is of *kind*; JSON writes a whole float as it likes."""
    accepted = (int, float) if kind is float else (kind,)
    if type(value) not in accepted:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _member(value: Any, enumeration: type[enum.Enum]) -> enum.Enum:  # noqa: ANN401 - the stored value
    return enumeration(value)


def _command(value: Any, _: Any) -> Command | None:  # noqa: ANN401 - the stored value
    if value is None or isinstance(value, str):
        return value
    return tuple(_exactly(argument, str) for argument in value)


def _text_or_secret(value: Any, _: Any) -> str | Secret:  # noqa: ANN401 - the stored value
    if isinstance(value, dict):
        return Secret.of(value["secret"])
    text: str = _exactly(value, str)
    return text
