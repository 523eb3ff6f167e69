"""Plain lines, one a fact, for streams that are no terminal: files, CI, `| tee`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from buildorch import events
from buildorch.events import Event, Recorded
from buildorch.model import GOOD_ENDS
from buildorch.observers.look import Look, Stream
from buildorch.observers.output import Output
from buildorch.observers.sentences import OF_RUN, OF_STAGE, unconfirmed
from buildorch.observers.summary import summary
from buildorch.view import RunView, StageView

#: Gives the last lines of a stage's log, oldest first.
Tail: TypeAlias = Callable[[str], Sequence[str]]

#: Lines of a failed stage's log that are shown.
_TAIL = 10


def no_tail(_: str) -> Sequence[str]:
    """Return no lines."""
    return ()


class Lines:
    """Writes what happens in a run, and its summary at the end.

    Args:
        stream: Where the lines go.
        tail: Gives the last lines of a stage's log.
        look: What the stream can show; found out where it is None.
        quiet: Whether only what goes wrong and the end are written.
        verbose: Whether connections, commands and files are written as well.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        tail: Tail = no_tail,
        look: Look | None = None,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self._output = Output(stream)
        self._look = look or Look.of(stream)
        self._tell = Teller(self._look, tail, quiet=quiet, verbose=verbose)
        self._view: RunView | None = None

    def see(self, view: RunView, record: Recorded) -> None:
        """Write the lines of *record*, which *view* has already taken."""
        self._view = view
        clock = self._look.clock(record.at)
        for number, line in enumerate(self._tell.lines(view, record.event)):
            self._output.write(f"{clock} {line}\n" if not number else f"    | {line}\n")

    def close(self) -> None:
        """Write the summary."""
        view, self._view = self._view, None
        if view is not None:
            self._output.write(summary(view, self._look))


class Teller:
    """Says an event in words.

    Args:
        look: What the stream can show.
        tail: Gives the last lines of a stage's log.
        quiet: Whether only what goes wrong is said.
        verbose: Whether details are said as well.
    """

    def __init__(self, look: Look, tail: Tail, *, quiet: bool, verbose: bool) -> None:
        self._look = look
        self._tail = tail
        self._quiet = quiet
        self._verbose = verbose

    def lines(self, view: RunView, event: Event) -> Iterator[str]:
        """Yield the line of *event*, then lines of a log; none where it is not worth one.

        Args:
            view: The run, which has taken the event.
            event: What happened.
        """
        kind = type(event)
        if (self._quiet and kind not in _LOUD) or (kind in _DETAILS and not self._verbose):
            return
        stage = view.stages.get(getattr(event, "stage", None) or "")
        if stage is not None and kind in OF_STAGE:
            text = OF_STAGE[kind](stage, event, self._look)
            if text and not (self._quiet and _is_good(event)):
                yield f"{self._look.clean(stage.name)} {text}"
                yield from self._log(stage, event)
        elif kind in OF_RUN:
            text = OF_RUN[kind](view, event, self._look)
            yield from (text,) if text else ()
        if kind in _SILENCES and view.cancel_requested is not None:
            text = unconfirmed(view, self._look)
            yield from (text,) if text else ()

    def _log(self, stage: StageView, event: Event) -> Iterator[str]:
        if isinstance(event, events.AttemptFinished) and event.status not in GOOD_ENDS:
            yield from map(self._look.clean, self._tail(stage.name)[-_TAIL:])


def _is_good(event: Event) -> bool:
    return getattr(event, "status", None) in GOOD_ENDS


#: What makes a cancel wait for a server, or finds that it does.
_SILENCES = frozenset({events.CancelRequested, events.LinkLost, events.OrphanNoted})

#: Said only when asked for more.
_DETAILS = frozenset(
    {
        events.ControllerAttached,
        events.AttemptStarted,
        events.StepLaunching,
        events.ArtifactStored,
    }
)

#: Said even when asked for less.
_LOUD = frozenset(
    {
        events.ControllerDetached,
        events.CancelRequested,
        events.AbandonRequested,
        events.MoveRequested,
        events.NotificationResult,
        events.ConnectFailed,
        events.LinkLost,
        events.AttemptFinished,
        events.OrphanNoted,
        events.StageFinished,
    }
)
