"""One JSON object a line for programs: every event of a run, then what it came to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from buildorch.events import Recorded, RunFinished
from buildorch.observers.look import Stream
from buildorch.observers.output import Output
from buildorch.view import RunView, run_finished_line


class JsonLines:
    """Writes the lines of `run --json`.

    Args:
        stream: Where they go.
        line: Makes the public JSON object of an event.
    """

    def __init__(self, stream: Stream, line: Callable[[Recorded], Mapping[str, Any]]) -> None:
        self._output = Output(stream)
        self._line = line
        self._view: RunView | None = None
        self._over = False

    def see(self, view: RunView, record: Recorded) -> None:
        """Write the line of *record*, which *view* has already taken.

        The end of the run is the last line: answers of channels that come later are only stored.
        """
        if self._over:
            return
        self._view, self._over = view, isinstance(record.event, RunFinished)
        extra = run_finished_line(view) if isinstance(record.event, RunFinished) else {}
        self._write({**self._line(record), **extra})

    def close(self) -> None:
        """End with the last line; the controller of a run that is not over has left it."""
        view, self._view = self._view, None
        if view is not None and view.status is None:
            self._write(run_finished_line(view))

    def _write(self, fields: Mapping[str, Any]) -> None:
        # ASCII only, so that no locale and no lone surrogate of a log can break a line.
        self._output.write(json.dumps(fields) + "\n")
