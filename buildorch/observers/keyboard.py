"""Single keys from the terminal while a board is shown, such as `d` for detach.

Ctrl-C stays the signal that it is. The terminal is as it was after `close`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

#: Ctrl-Z.
SUSPEND = "\x1a"

#: Seconds between two looks at who has the terminal.
_INTERVAL = 0.1


class Keyboard:
    """Calls a function for a key; does nothing where the stream is no terminal of ours.

    Args:
        stream: Where keys come from, usually standard input.
        actions: What to call, by key; called from a thread of the keyboard's own. Ctrl-Z is a
            key where there is an action for it, else the signal that it is.
    """

    def __init__(self, stream: TextIO, actions: Mapping[str, Callable[[], None]]) -> None:
        self._stream = stream
        self._actions = actions
        self._before: list[Any] | None = None
        self._wake: tuple[int, int] | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="keyboard", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Take keys one by one from now on, without showing them."""
        if not self._in_front():
            return  # the kernel stops a background process that changes its terminal
        self._before = _attributes(self._stream)
        if self._before is None:
            return
        self._take()
        self._wake = os.pipe()
        self._thread.start()

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._wake is None:
            return
        reader, writer = self._wake
        self._wake = None
        self._closing.set()
        os.write(writer, b".")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        os.close(writer)
        os.close(reader)
        self._give()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Give the terminal back for a while: until we are in front again, or closed."""
        self._give()
        yield
        while not self._in_front():
            if self._closing.wait(_INTERVAL):
                return
        self._take()

    def _in_front(self) -> bool:
        """Tell whether the terminal is ours to change; True where there is none."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except (OSError, ValueError):
            return True

    def _take(self) -> None:
        import termios  # noqa: PLC0415 - not on every platform
        import tty  # noqa: PLC0415 - not on every platform

        with contextlib.suppress(OSError, ValueError, termios.error):
            number = self._stream.fileno()
            tty.setcbreak(number, termios.TCSADRAIN)
            if SUSPEND in self._actions:
                ours = termios.tcgetattr(number)
                ours[6][termios.VSUSP] = b"\0"  # it comes as a key then, and not as a signal
                termios.tcsetattr(number, termios.TCSADRAIN, ours)

    def _give(self) -> None:
        import termios  # noqa: PLC0415 - not on every platform

        if self._before is not None and self._in_front():
            with contextlib.suppress(OSError, ValueError, termios.error):  # the terminal is gone
                termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, self._before)

    def _listen(self) -> None:
        wake = self._wake
        if wake is None:
            return
        number = self._stream.fileno()
        with selectors.DefaultSelector() as keys:
            keys.register(number, selectors.EVENT_READ)
            keys.register(wake[0], selectors.EVENT_READ)
            while self._wake is not None and (key := self._next(keys, number)):
                self._actions.get(key, _nothing)()

    def _next(self, keys: selectors.BaseSelector, number: int) -> str:
        ready = [key.fd for key, _ in keys.select()]
        return self._read(number) if ready == [number] else ""

    @staticmethod
    def _read(number: int) -> str:
        """Return the next key; nothing where the terminal is gone."""
        try:
            return os.read(number, 1).decode("latin-1")
        except OSError:
            return ""


def _attributes(stream: TextIO) -> list[Any] | None:
    """Return the settings of a terminal; None where the stream is none."""
    import termios  # noqa: PLC0415 - not on every platform

    try:
        return termios.tcgetattr(stream.fileno())
    except (OSError, ValueError, termios.error):
        return None


def _nothing() -> None:
    """Do what a key without a meaning does."""
