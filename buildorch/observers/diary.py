"""The controller's own diary: one line of `key=value` pairs an event, for whoever looks later.

It goes through a structlog logger of its own: an application that has configured structlog for
itself neither sees these lines nor changes them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.observers.output import Output
from buildorch.view import RunView

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

#: Kinds whose name is not already what happened to what.
_NAMES: Mapping[str, str] = {
    events.StepLaunching.kind: "step.launch_requested",
    events.StepWaiting.kind: "step.wait_changed",
    events.NotificationDue.kind: "notification.requested",
    events.NotificationResult.kind: "notification.answered",
}

#: Fields of the public line that the diary has in another form, or that say nothing in it.
_OUTSIDE = ("event", "at", "schema")


class Diary:
    """Writes the events of a run that this process drives into a file.

    What earlier controllers stored is in the file already, and left out.

    Args:
        file: Returns the path of the file, by the run's id.
        line: Makes the public JSON object of an event.
    """

    def __init__(
        self, file: Callable[[str], Path], line: Callable[[Recorded], Mapping[str, Any]]
    ) -> None:
        self._file = file
        self._line = line
        self._early: list[Recorded] | None = []
        self._stream: TextIO | None = None
        self._log: Any = None

    def see(self, view: RunView, record: Recorded) -> None:
        """Write the line of *record*."""
        del view  # the diary is the events
        for one in self._ours(record):
            self._write(one)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._log = None
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()

    def _ours(self, record: Recorded) -> Iterator[Recorded]:
        """Yield what this controller stored; known once it says that it has attached."""
        if self._early is None:
            yield record
            return
        self._early.append(record)
        if isinstance(record.event, events.ControllerAttached) and record.event.pid == os.getpid():
            yield from (one for one in self._early if one.epoch == record.epoch)
            self._early = None
            return

    def _write(self, record: Recorded) -> None:
        if self._stream is None:
            self._open(self._file(record.run))
        if self._log is not None:
            fields = dict(_flat(self._line(record)))
            self._log.info(event_name(record.event), at=record.at, **fields)

    def _open(self, path: Path) -> None:
        """Open the file; a diary that cannot be kept never stops a run."""
        with contextlib.suppress(OSError):
            number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._stream = os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace")
            self._log = _logger(self._stream)


def event_name(event: Event) -> str:
    """Return what happened, as `noun.verb_past`.

    Example:
        >>> event_name(events.CancelRequested(by="mina"))
        'cancel.requested'
    """
    return _NAMES.get(event.kind) or ".".join(event.kind.rsplit("_", 1))


def _flat(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an event without a mapping among them: the end's as `end_code`."""
    for name, value in record.items():
        if name == "end":
            yield from ((f"end_{part}", _text(one)) for part, one in value.items())
        elif name not in _OUTSIDE:
            yield name, _text(value)


def _text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return lists and mappings as JSON: their keys are a user's, and may be any text."""
    return json.dumps(value) if isinstance(value, (list, Mapping)) else value


def _logger(stream: TextIO) -> Any:  # noqa: ANN401 - structlog types its loggers by protocols without `info`
    """Return a logger that writes lines into *stream*, whatever structlog is configured for."""
    import structlog  # noqa: PLC0415 - only where a diary is kept

    return structlog.wrap_logger(
        _Printer(stream),
        processors=[
            structlog.processors.add_log_level,
            _timestamp,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event", "run", "seq", "epoch"],
                bool_as_flag=False,
            ),
        ],
        wrapper_class=structlog.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
    )


class _Printer:
    """Prints finished lines; a full disk ends the diary and not the run."""

    def __init__(self, stream: TextIO) -> None:
        self._output = Output(stream)

    def info(self, message: str) -> None:
        """Print *message* as a line."""
        self._output.write(f"{message}\n")


def _timestamp(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Put the time of the event in place of `at`: it may have been stored a little earlier."""
    at = dt.datetime.fromtimestamp(fields.pop("at"), dt.UTC)
    fields["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return fields
