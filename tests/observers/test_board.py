"""The live board on a real pseudo-terminal: what is drawn, redrawn and left behind."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildorch import events
from buildorch.model import RunStatus
from buildorch.observers.board import Board
from buildorch.observers.keyboard import Keyboard
from buildorch.observers.look import Look
from buildorch.observers.progress import StageProgress
from observers.story import KOREA, Story, half_way

#: Seconds until a test gives up waiting for what must come.
_DEADLINE = 20.0

_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo-terminal, and everything that was written to it."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.stream = io.TextIOWrapper(
            io.FileIO(slave, "r+"), encoding="utf-8", write_through=True, newline=""
        )
        self.resize(80, 24)
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, size)

    def press(self, keys: bytes) -> None:
        """Type *keys*."""
        os.write(self.master, keys)

    def close(self) -> None:
        """Hang up."""
        if not self.stream.closed:
            self.stream.close()
        self._reader.join()
        os.close(self.master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                return
            self._written += data

    @property
    def raw(self) -> str:
        """Everything so far."""
        return bytes(self._written).decode()

    @property
    def text(self) -> str:
        """Everything so far, without escape sequences."""
        return _ESCAPE.sub("", self.raw)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds."""
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            assert time.monotonic() < deadline, self.raw[-2000:]
            time.sleep(0.01)


@pytest.fixture(name="terminal")
def _terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    yield terminal
    terminal.close()


def _board(terminal: Terminal, **options: Any) -> Board:
    return Board(terminal.stream, look=Look(zone=KOREA), **options)


def _shown(board: Board, story: Story) -> None:
    board.see(story.seen, story.records[-1])


def test_a_board_is_drawn_and_leaves_its_summary(terminal: Terminal) -> None:
    """The board is drawn while the run goes on; at its end the summary stays, and the cursor."""
    board = _board(terminal)
    story = half_way()
    _shown(board, story)
    terminal.until(lambda: "Stage 1: yocto-image" in terminal.text)
    story.tell(events.RunFinished(status=RunStatus.SUCCEEDED, seconds=60.0, results="/r"))
    _shown(board, story)
    board.close()
    board.close()
    terminal.until(lambda: "Results: /home/dev1/results/0714-2" in terminal.text)
    assert terminal.text.count("succeeded in 1min, run 0714-2") == 1
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
    assert _COLOUR.search(terminal.raw)


def test_what_happens_is_drawn_at_once(terminal: Terminal) -> None:
    """An event is on the screen without waiting for the next tick."""
    board = _board(terminal, clock=lambda: 1784034000.0)
    story = half_way()
    _shown(board, story)
    terminal.until(lambda: "after yocto-image" in terminal.text)
    story.tell(events.CancelRequested(by="mina"))
    _shown(board, story)
    terminal.until(lambda: "Cancelling, asked by mina" in terminal.text)
    board.close()


def test_progress_is_drawn_without_an_event(terminal: Terminal) -> None:
    """A log's progress shows although no event comes; text of logs is never markup or escapes."""
    percent = [10.0]

    def progress(name: str) -> StageProgress:
        return StageProgress(
            percent=percent[0], last_line=f"{name} [red]x\x1b[41m[/red]\x1b]0;t\x07"
        )

    board = _board(terminal, progress=progress)
    _shown(board, half_way())
    terminal.until(lambda: "10%" in terminal.text)
    percent[0] = 20.0
    terminal.until(lambda: "20%" in terminal.text)
    board.close()
    assert "yocto-image [red]x[/red]" in terminal.text
    assert "\x1b[41m" not in terminal.raw
    assert "\x1b]0;" not in terminal.raw


def test_nothing_is_drawn_while_nothing_changes(terminal: Terminal) -> None:
    """An idle board costs next to nothing: three looks at an unchanged run draw it once."""
    looks = []

    def clock() -> float:
        looks.append(1)
        return 1784034000.0

    board = _board(terminal, clock=clock)
    _shown(board, half_way())
    terminal.until(lambda: len(looks) >= 3)
    drawn = terminal.text.count("Stage 1: yocto-image")
    board.close()
    assert drawn == 1


def test_a_new_size_is_filled(terminal: Terminal) -> None:
    """After a change of the terminal's size the board is cleared and drawn to the new one."""
    board = _board(terminal)
    _shown(board, half_way())
    terminal.until(lambda: "─" * 80 in terminal.text)
    before = len(terminal.raw)
    terminal.resize(50, 10)
    terminal.until(lambda: "─" * 50 in _ESCAPE.sub("", terminal.raw[before:]))
    board.close()
    after = terminal.raw[before:].split("\x1b[2J")
    assert len(after) == 2
    assert "─" * 51 not in _ESCAPE.sub("", after[1])


def test_no_color_is_honoured(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR the board has no colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    board = _board(terminal)
    _shown(board, half_way())
    terminal.until(lambda: "recovered" in terminal.text)
    board.close()
    assert not _COLOUR.search(terminal.raw)


def test_broken_progress_does_not_end_the_board(terminal: Terminal) -> None:
    """A log that cannot be read costs its line on the board, nothing else."""

    def progress(name: str) -> StageProgress:
        raise OSError(name)

    board = _board(terminal, progress=progress)
    _shown(board, half_way())
    terminal.until(lambda: "[running]" in terminal.text)
    board.close()


def test_a_terminal_that_is_gone_does_not_end_the_run(terminal: Terminal) -> None:
    """After a hangup `see` and `close` still return."""
    board = _board(terminal)
    story = half_way()
    _shown(board, story)
    terminal.until(lambda: "recovered" in terminal.text)
    terminal.stream.close()
    _shown(board, story)
    board.close()


def test_a_board_without_a_run_writes_nothing(terminal: Terminal) -> None:
    """Closed before any event, a board leaves the terminal alone."""
    _board(terminal).close()
    assert not terminal.raw


_PRESSED = """
import fcntl, sys, termios, threading
from buildorch.observers.keyboard import Keyboard

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
pressed = threading.Event()
before = termios.tcgetattr(0)
with Keyboard(sys.stdin, {"d": pressed.set}):
    print("ready", flush=True)
    assert pressed.wait(20)
assert termios.tcgetattr(0) == before
print("restored", flush=True)
"""


def test_a_key_calls_its_action_and_the_terminal_is_given_back(terminal: Terminal) -> None:
    """A key does what it is for, others nothing; afterwards the terminal is as it was."""
    slave = terminal.stream.fileno()
    with subprocess.Popen(
        [sys.executable, "-c", _PRESSED],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as program:
        terminal.until(lambda: "ready" in terminal.raw)
        terminal.press(b"xd")
        assert program.wait(_DEADLINE) == 0
    terminal.until(lambda: "restored" in terminal.raw)
    assert "xd" not in terminal.raw


def test_a_stream_that_is_no_terminal_has_no_keys(tmp_path: Path) -> None:
    """In files and pipes a keyboard does nothing."""
    path = tmp_path / "input"
    path.write_text("d")
    with path.open() as stream, Keyboard(stream, {"d": lambda: pytest.fail("pressed")}):
        pass
