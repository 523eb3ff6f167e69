"""A real pseudo-terminal with an interactive shell, that tests type on and read from."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time

from cli.user import DEADLINE, User

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")

#: Makes stdin the terminal of its session, then becomes the program in its arguments.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")

CTRL_C, CTRL_Z = "\x03", "\x1a"


class Terminal:
    """A terminal in which bash runs with job control.

    Args:
        user: Whose folder and environment it has.
        columns: Its width.
        lines: Its height.
    """

    def __init__(self, user: User, columns: int = 80, lines: int = 24) -> None:
        self.master, other = os.openpty()
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(other, termios.TIOCSWINSZ, size)
        self._written = bytearray()
        self._closing = threading.Event()
        program = " ".join(user.words)
        self.shell = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, "bash", "--norc", "--noprofile", "-i"],
            cwd=user.folder,
            env={**user.environ, "PS1": "ready> ", "B": program},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.until("ready> ")

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def command(self, line: str) -> None:
        """Type a line; what was shown before is forgotten."""
        self._written.clear()
        self.type(f"{line}\r")

    @property
    def text(self) -> str:
        """What was shown since the last command, without escape sequences."""
        return _ESCAPE.sub("", bytes(self._written).decode(errors="replace")).replace("\r", "")

    @property
    def raw(self) -> str:
        """What was written to it since the last command."""
        return bytes(self._written).decode(errors="replace")

    @property
    def rows(self) -> list[str]:
        """The rows that were drawn, one over the other."""
        shown = _ESCAPE.sub("\n", bytes(self._written).decode(errors="replace"))
        return re.split(r"[\r\n]+", shown)

    @property
    def coloured(self) -> bool:
        """Whether any of it was in colour."""
        return _COLOUR.search(bytes(self._written).decode(errors="replace")) is not None

    def until(self, text: str) -> None:
        """Wait until *text* is shown."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.text:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.text[-3000:]}"
            time.sleep(0.02)

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed."""
        self._closing.set()
        self._reader.join()  # the kernel hangs up when nobody has it open any more
        os.close(self.master)
        self.shell.wait(DEADLINE)

    def close(self) -> None:
        """Hang up, where that has not been done; the shell ends by it."""
        if not self._closing.is_set():
            self.hang_up()

    def _read(self) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([self.master], [], [], 0.05)
            try:
                self._written += os.read(self.master, 65536) if ready else b""
            except OSError:  # nobody has the other side open any more
                return
