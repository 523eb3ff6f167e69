"""The end of a log, and any bytes of one, made fit for a terminal or a message."""

from __future__ import annotations

import os
from pathlib import Path

from buildorch.analysis.finding import Analysis
from buildorch.analysis.lines import LIMIT, decode, harmless, shorten, visible
from buildorch.errors import UsageError


def readable(data: bytes) -> str:
    r"""Return *data* as text in which nothing can move a terminal's cursor.

    Args:
        data: Bytes of a log, from the beginning of a line.

    Returns:
        Its lines: overwritten text, escape sequences and control characters are gone.

    Example:
        >>> readable(b"50%\r100%\r\n\x1b[1mdone\x1b[2J\x07")
        '100%\ndone'
    """
    return "\n".join(harmless(decode(visible(line))).rstrip() for line in data.split(b"\n"))


class Legible:
    r"""Makes a log that comes in pieces fit for a terminal, line by line and in little memory.

    Example:
        >>> shown = Legible()
        >>> shown.feed(b"50%\r100%\r\n\x1b[1mdo"), shown.feed(b"ne\x1b[2J\x07"), shown.end()
        ('100%\n', '', 'done')
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> str:
        """Return the lines that end in *data*."""
        whole, feed, rest = data.rpartition(b"\n")
        begun = self._rest
        self._rest = _bounded(rest if feed else begun + rest)
        return readable(begun + whole) + "\n" if feed else ""

    def end(self) -> str:
        """Return the last line, which has no end."""
        rest, self._rest = self._rest, b""
        return readable(rest)


def _bounded(line: bytes) -> bytes:
    """Return as much of a line without its end as `visible` may still need."""
    if len(line) <= 2 * LIMIT:
        return line
    returned = line.endswith(b"\r")
    last = line.rstrip(b"\r").rpartition(b"\r")[2]
    return last[:LIMIT] + b"\r" * returned


class LastLine:
    r"""Reads a log as an `Analyzer` does, where nothing but its last line is asked for.

    Example:
        >>> log = LastLine()
        >>> log.feed(b"a.c:1: error: x\nBUILD ")
        >>> log.feed(b"FAILED\n\n")
        >>> log.finish().last_line, log.finish().errors
        ('BUILD FAILED', 0)
    """

    def __init__(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the log."""
        end = data[-LIMIT:]
        self._tail = (self._tail + end)[-LIMIT:] if len(end) < LIMIT else end

    def restart(self) -> None:
        """Forget everything: the log is read again from its beginning."""
        self._tail = b""

    def finish(self) -> Analysis:
        """Return the last line that is not empty; of one over 64 KiB its end."""
        lines = reversed(self._tail.split(b"\n"))
        shown = (shorten(decode(visible(line)).strip()) for line in lines)
        return Analysis(last_line=next(filter(None, shown), None))


def tail(path: str | os.PathLike[str], lines: int = 15, limit: int = 64 * 1024) -> str:
    """Return the readable last lines of a log.

    Args:
        path: The log.
        lines: How many lines, at most.
        limit: Bytes that are read from its end, at most.

    Returns:
        The lines, without empty ones at the end; empty for an empty log.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        with Path(path).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            begin = max(0, size - limit)
            log.seek(begin)
            data = log.read(limit)
    except OSError as error:
        raise UsageError(f"cannot read the log {os.fspath(path)}: {error.strerror}") from error
    if begin and b"\n" in data:
        # The first line is cut; without it nothing half an escape sequence is left.
        data = data.partition(b"\n")[2]
    shown = readable(data).rstrip("\n").split("\n")
    return "\n".join(shown[-lines:]) if lines > 0 else ""
