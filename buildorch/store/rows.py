"""How events, runs and orders stand in table rows; whatever cannot be one is damage.

Text is JSON in ASCII: names and paths may hold bytes that are no text, which JSON escapes.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from buildorch.errors import StoreDamaged, UsageError
from buildorch.events import VERSION, Recorded
from buildorch.model import JSON, RunStatus
from buildorch.store.codec import event_from_fields, event_to_fields
from buildorch.store.faults import damaged

#: SQLite keeps what it is given, whatever a column's type says.
_text = attrs.validators.instance_of(str)
_whole_number = attrs.validators.instance_of(int)
#: More than any run has or any number of controllers: what is beyond is damage.
_count = attrs.validators.and_(_whole_number, attrs.validators.le(1 << 40))
_number = attrs.validators.instance_of((int, float))
_optional = attrs.validators.optional

#: What a row that is no longer what was written makes of reading it.
_DAMAGE = (StoreDamaged, ValueError, TypeError, RecursionError)

_AS_TEXT = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


@attrs.frozen(kw_only=True)
class RunRow:
    """A run as the list of runs shows it.

    Attributes:
        run: Its id.
        short: The name to show: `MMDD-n`, or the id where a newer run took that name.
        pipeline: Name of its pipeline.
        parent: Id of the run that it repeats.
        by: Who started it.
        results: Its results folder.
        created: Unix time of its start.
        finished: Unix time of its end, or None.
        status: How it ended, or None; without a holder of its lock it is then interrupted.
        cancelled: Whether somebody asked for its end.
        total: How many stages it has.
        done: How many of them have ended.
        seq: Number of its last event.
        epoch: Number of the last controller that stored an event.
    """

    run: str = attrs.field(validator=_text)
    short: str = attrs.field(validator=_text)
    pipeline: str = attrs.field(validator=_text)
    parent: str | None = attrs.field(validator=_optional(_text))
    by: str = attrs.field(validator=_text)
    results: str = attrs.field(converter=os.fsdecode)
    created: float = attrs.field(validator=_number)
    finished: float | None = attrs.field(validator=_optional(_number))
    status: RunStatus | None = attrs.field(converter=attrs.converters.optional(RunStatus))
    cancelled: bool = attrs.field(converter=bool)
    total: int = attrs.field(validator=_whole_number)
    done: int = attrs.field(validator=_whole_number)
    seq: int = attrs.field(validator=_count)
    epoch: int = attrs.field(validator=_count)


@attrs.frozen
class Duration:
    """How long a stage took when it succeeded.

    Attributes:
        seconds: That.
        server: Where it ran.
        params: The `params_digest` of its run's parameters.
    """

    seconds: float
    server: str
    params: str


@attrs.frozen(kw_only=True)
class Order:
    """What somebody wants of a run's controller; stays until an append answers it.

    Attributes:
        id: Its number.
        run: Id of the run.
        at: Unix time when it was left.
        kind: `cancel`, `approve`, `move`, ...
        payload: What the kind needs.
    """

    id: int
    run: str
    at: float = attrs.field(validator=_number)
    kind: str = attrs.field(validator=_text)
    payload: JSON


_NAMES = tuple(field.name for field in attrs.fields(RunRow))

#: Columns of `runs` in the order in which `run_of` takes them.
RUN_COLUMNS = ", ".join(_NAMES)

#: Columns of `orders` in the order in which `order_of` takes them.
ORDER_COLUMNS = "id, run, at, kind, payload"

#: Columns of `events` in the order in which `event_row` gives and `event_of` takes them.
EVENT_COLUMNS = "run, seq, at, epoch, version, kind, fields"


def event_row(recorded: Recorded) -> tuple[object, ...]:
    """Return *recorded* as a row with `EVENT_COLUMNS`.

    Raises:
        UsageError: A value in it is not JSON.
    """
    event = recorded.event
    place = (recorded.run, recorded.seq, recorded.at, recorded.epoch)
    return (*place, VERSION, event.kind, to_text(event_to_fields(event)))


def event_of(row: tuple[Any, ...], path: Path) -> Recorded:
    """Return the event in *row*; *path* is for the message.

    Raises:
        StoreDamaged: There is none in it.
        StoreTooNew: A newer buildorch stored it.
    """
    run, seq, at, epoch, version, kind, fields = row
    try:  # not `_whole`: a run has tens of thousands of events, and entering it costs as much
        event = event_from_fields(kind, json.loads(fields), version)
        at = float(at)
        if type(epoch) is not int:
            raise TypeError(f"its epoch {epoch!r} is no number")
    except _DAMAGE as error:
        raise damaged(path, f"event {seq} of run {run}: {error}") from error
    return Recorded(run=run, seq=seq, at=at, epoch=epoch, event=event)


def run_of(row: tuple[Any, ...], path: Path) -> RunRow:
    """Return the run in *row*; *path* is for the message.

    Raises:
        StoreDamaged: There is none in it.
    """
    with _whole(path, f"run {row[0]}"):
        return RunRow(**dict(zip(_NAMES, row, strict=True)))


def order_of(row: tuple[Any, ...], path: Path) -> Order:
    """Return the order in *row*; *path* is for the message.

    Raises:
        StoreDamaged: There is none in it.
    """
    number, run, at, kind, payload = row
    with _whole(path, f"order {number} for run {run}"):
        return Order(id=number, run=run, at=at, kind=kind, payload=json.loads(payload))


def duration_of(row: tuple[Any, ...], path: Path) -> float:
    """Return the seconds in *row*; *path* is for the message.

    Raises:
        StoreDamaged: There are none in it.
    """
    with _whole(path, "a duration"):
        return float(row[0])


def to_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return *value* as JSON.

    Raises:
        UsageError: It is not a JSON value.
    """
    try:
        return _AS_TEXT(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"only JSON values can be stored: {error}") from error


@contextlib.contextmanager
def _whole(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise damaged(path, f"{what}: {error}") from error
