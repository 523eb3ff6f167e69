"""Single keys from the terminal while a board is shown, such as `d` for detach.

Ctrl-C stays the signal that it is. The terminal is as it was after `close`.
"""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TextIO


class Keyboard:
    """Calls a function for a key; does nothing where the stream is no terminal of ours.

    Args:
        stream: Where keys come from, usually standard input.
        actions: What to call, by key; called from a thread of the keyboard's own.
    """

    def __init__(self, stream: TextIO, actions: Mapping[str, Callable[[], None]]) -> None:
        self._stream = stream
        self._actions = actions
        self._before: list[Any] | None = None
        self._wake: tuple[int, int] | None = None
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
        import termios  # noqa: PLC0415 - not on every platform
        import tty  # noqa: PLC0415 - not on every platform

        try:
            number = self._stream.fileno()
            # A background process that changes its terminal is stopped by the kernel.
            if os.tcgetpgrp(number) != os.getpgrp():
                return
            self._before = termios.tcgetattr(number)
            tty.setcbreak(number, termios.TCSADRAIN)
        except (OSError, ValueError, termios.error):
            self._before = None
            return
        self._wake = os.pipe()
        self._thread.start()

    def close(self) -> None:
        """Give the terminal back as it was."""
        import termios  # noqa: PLC0415 - not on every platform

        if self._wake is None or self._before is None:
            return
        reader, writer = self._wake
        self._wake = None
        os.write(writer, b".")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        os.close(writer)
        os.close(reader)
        try:
            termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, self._before)
        except (OSError, ValueError, termios.error):
            return  # the terminal is gone

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


def _nothing() -> None:
    """Do what a key without a meaning does."""
