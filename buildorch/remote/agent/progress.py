"""Whether a build gets on: new lines count, lines that only say "I am still here" do not."""

import os
import re

#: What builds print while nothing happens.
KEEP_ALIVE = re.compile(
    rb"(NOTE: |WARNING: )?(Bitbake still alive|No reply from (the )?(bitbake )?server)"
)
#: The running tasks, which bitbake lists after its line.
TASK = re.compile(rb"(\S*:)?\d+$|\S+\.bb(:do_\w+)?$|.*\(pid \d+\)$")
_ENDS = re.compile(rb"[\r\n]")
_PIECE = 1 << 16
#: More of an unfinished line is not needed to judge it.
_LINE = 4096


class Progress:
    """Reads a growing log, and only as much of it as the question needs."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._place = 0
        self._rest = b""
        self._listing = False

    def seen(self) -> bool:
        """Return whether there was progress since the last call."""
        size = os.fstat(self._fd).st_size
        while self._place < size:
            piece = os.pread(self._fd, _PIECE, self._place)
            if not piece:
                break
            self._place += len(piece)
            if self._counts(piece):
                # One line is enough: a log of gigabytes is not read twice.
                self._place = max(self._place, size)
                return True
        return False

    def _counts(self, piece: bytes) -> bool:
        lines = _ENDS.split(self._rest + piece)
        self._rest = lines[-1][:_LINE]
        # Every line is looked at: what a line means depends on those before it.
        found = [line for line in lines if self._is_progress(line.strip())]
        return bool(found)

    def _is_progress(self, line: bytes) -> bool:
        if KEEP_ALIVE.match(line):
            self._listing = True
            return False
        self._listing = self._listing and TASK.match(line) is not None
        return bool(line) and not self._listing
