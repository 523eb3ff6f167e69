"""The live board: a thin shell that draws what `layout.render` returns.

A thread of its own draws, so that a slow terminal never holds up a run. It draws when an
event came or a log's progress changed what is shown, and otherwise every few seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from buildorch.events import Recorded
from buildorch.observers.layout import render
from buildorch.observers.look import Look
from buildorch.observers.output import Output
from buildorch.observers.progress import ProgressSource, StageProgress, no_progress
from buildorch.observers.rows import Line
from buildorch.observers.summary import summary
from buildorch.view import RunView

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

#: Seconds between two looks at progress and clock.
_TICK = 1.0

#: Seconds after which it is drawn again although nothing but the clock changed.
_STALE = 5.0

#: Seconds between two drawings, however fast events come.
_SHORTEST = 0.1

_STYLES = {"title": "bold", "dim": "dim", "good": "green", "warn": "yellow", "bad": "bold red"}


class Board:
    """Shows a run on a terminal until it is closed, then leaves its summary there.

    Args:
        stream: The terminal.
        progress: Gives what is known of a stage beside the events, by its name.
        look: What the terminal can show; found out where it is None.
        hint: What a person can press, at the bottom.
        clock: Gives the Unix time.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        progress: ProgressSource = no_progress,
        look: Look | None = None,
        hint: str = "detached: d",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream
        self._progress = progress
        self._look = look or Look.of(stream)
        self._hint = hint
        self._clock = clock
        self._view: RunView | None = None
        self._screen: _Screen | None = None
        self._news = threading.Event()
        self._drawing = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="board", daemon=True)

    def see(self, view: RunView, record: Recorded) -> None:
        """Show what *view* says now; returns at once."""
        del record  # the view has taken it
        first, self._view = self._view is None, view
        self._news.set()
        if first and not self._closing.is_set():
            self._thread.start()

    def close(self) -> None:
        """Take the board away and write the summary in its place."""
        if not self._closing.is_set():
            self.leave()
            if self._view is not None:
                Output(self._stream).write(summary(self._view, self._look))

    def leave(self) -> None:
        """Take the board away; the run goes on."""
        self._closing.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Give the terminal away for a while; the board is drawn anew afterwards."""
        with self._drawing:
            if self._screen is not None:
                self._screen.clear()
            yield
            if self._screen is not None:
                self._screen.forget()
        self._news.set()

    def _draw_on(self) -> None:
        self._screen = screen = _Screen(self._stream)
        try:
            while not self._closing.is_set():
                self._news.wait(_TICK)
                self._news.clear()
                with self._drawing:
                    self._draw(screen)
                self._closing.wait(_SHORTEST)
            screen.clear()
        except (OSError, ValueError):  # the terminal is gone; the run goes on without a board
            with contextlib.suppress(OSError, ValueError):
                screen.clear()  # gives sys.stdout back

    def _draw(self, screen: _Screen) -> None:
        view, now = self._view, self._clock()
        if view is None:
            return
        width, height = screen.measure()
        open_stages = [name for name, stage in view.stages.items() if stage.finished is None]
        known = {name: self._known(name) for name in open_stages}
        screen.show(render(view, known, now, width, height, look=self._look, hint=self._hint), now)

    def _known(self, name: str) -> StageProgress:
        try:
            return self._progress(name)
        except Exception:  # noqa: BLE001 - whatever it is: a board must not end for a log's sake
            return no_progress(name)


class _Screen:
    """The part of the terminal that is drawn over, by rich."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - rich is heavy

        self._stream = stream
        self._console: Console = Console(
            file=stream, markup=False, highlight=False, emoji=False, force_jupyter=False
        )
        self._live: Live | None = None
        self._size = (0, 0)
        self._drawn: Sequence[Line] = ()
        self._drawn_at = 0.0

    def measure(self) -> tuple[int, int]:
        """Return the columns and lines to fill; begins anew where the terminal's size changed."""
        size = _terminal_size(self._stream)
        if size != self._size:
            self._resize(size)
        return size[0], max(1, size[1] - 1)

    def show(self, lines: Sequence[Line], now: float) -> None:
        """Draw *lines*, unless they are there already but for the clock in the first one."""
        same = list(lines[1:]) == list(self._drawn[1:])
        if self._live is None or (same and 0 <= now - self._drawn_at < _STALE):
            return
        self._live.update(_rich(lines), refresh=True)
        self._drawn, self._drawn_at = lines, now

    def clear(self) -> None:
        """Take it away and show the cursor again."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def forget(self) -> None:
        """Begin anew where the cursor is when it is next drawn."""
        self._size = (0, 0)

    def _resize(self, size: tuple[int, int]) -> None:
        from rich.console import ConsoleDimensions  # noqa: PLC0415 - rich is heavy
        from rich.control import Control  # noqa: PLC0415 - rich is heavy
        from rich.live import Live  # noqa: PLC0415 - rich is heavy

        if self._live is not None:
            self.clear()
            # The terminal has wrapped the old lines, so nobody knows where they are.
            self._console.control(Control.clear(), Control.home())
        self._size, self._drawn, self._drawn_at = size, (), 0.0
        self._console.size = ConsoleDimensions(*size)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()


def _terminal_size(stream: TextIO) -> tuple[int, int]:
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return found.columns or 80, found.lines or 24


def _rich(lines: Sequence[Line]) -> Group:
    """Return *lines* for rich; as `Text`, so that nothing in them is taken for markup."""
    from rich.console import Group  # noqa: PLC0415 - rich is heavy
    from rich.text import Text  # noqa: PLC0415 - rich is heavy

    drawn = []
    for line in lines:
        text = Text(no_wrap=True, overflow="crop")
        for part, style in line.spans:
            text.append(part, _STYLES.get(style, ""))
        drawn.append(text)
    return Group(*drawn)
