"""A log in the report: the neighbourhood of its errors, and its text in compressed pieces."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from buildorch.analysis import Analysis, Legible, readable
from buildorch.report.marks import Marks, marked

#: Bytes of a piece: what a browser unpacks at once to show a line of it.
_PIECE = 1 << 19

#: Bytes that are kept of a log's beginning, and of its end; what lies between is left out.
KEPT = 1 << 26

#: Lines that are shown before and after an error, and of how many errors.
_BEFORE, _AFTER, _ERRORS = 6, 8, 5

#: Bytes of a line that is shown in full.
_WIDEST = 2000


@attrs.frozen
class Shown:
    """A line of a log.

    Attributes:
        number: Its number, from 1.
        text: Its readable text.
        error: Whether it counts as an error.
    """

    number: int
    text: str
    error: bool = False


@attrs.frozen
class Piece:
    """Some lines of a log.

    Attributes:
        first: Number of the first one.
        lines: How many there are.
        text: The lines, each with its end.
    """

    first: int
    lines: int
    text: str

    @property
    def packed(self) -> str:
        """The text, compressed and in letters that HTML leaves alone."""
        return base64.b64encode(zlib.compress(self.text.encode("utf-8", "replace"))).decode()


@attrs.frozen
class Log:
    """The log of an attempt.

    Attributes:
        path: Where it is.
        size: Its bytes.
        says: What the analysis finds in it.
        marks: The lines that count.
    """

    path: Path
    size: int
    says: Analysis
    marks: Marks

    @classmethod
    def read(cls, path: Path) -> Log | None:
        """Return it; None where it cannot be read: it was removed, or never begun."""
        try:
            says, marks = marked(path)
            return cls(path, path.stat().st_size, says, marks)
        except OSError:
            return None

    @property
    def whole(self) -> bool:
        """Whether all of it is in the report."""
        return self.size <= 2 * KEPT

    def neighbourhoods(self) -> list[list[Shown]]:
        """Return the lines around its first errors, by places in the log."""
        first = self.says.first_error
        if first is None:
            return []
        errors = sorted(self.marks.errors)[: _ERRORS - 1]
        around = (range(one - _BEFORE, one + _AFTER + 1) for one in (first.line, *errors))
        return _runs(self._lines(set().union(*around)))

    def beginning(self, count: int) -> list[Shown]:
        """Return its first lines."""
        return self._lines(set(range(1, min(count, self.says.lines) + 1)))

    def end(self, count: int) -> list[Shown]:
        """Return its last lines."""
        last = self.says.lines
        return self._lines(set(range(max(1, last - count + 1), last + 1)))

    def pieces(self) -> Iterator[Piece]:
        """Yield its text; of a very long log the beginning and the end.

        Raises:
            OSError: It cannot be read.
        """
        with self.path.open("rb") as log:
            after = yield from _pieces(log, 1, KEPT if not self.whole else self.size)
            if not self.whole:
                after += _skip(log, self.size - KEPT)
                yield from _pieces(log, after, KEPT)

    def _lines(self, wanted: set[int]) -> list[Shown]:
        last = max(wanted, default=0)
        found: list[Shown] = []
        with self.path.open("rb") as log:
            for number, line in enumerate(_beginnings(log), 1):
                if number > last:
                    break
                if number in wanted:
                    found.append(Shown(number, readable(line), number in self.marks.errors))
        return found


def _beginnings(log: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a log, of a long one its beginning."""
    while line := log.readline(_WIDEST):
        yield line.rstrip(b"\n")
        while line and not line.endswith(b"\n"):
            line = log.readline(_PIECE)


def _runs(lines: list[Shown]) -> list[list[Shown]]:
    """Return lines in groups that follow each other without a gap."""
    groups: list[list[Shown]] = []
    for line in lines:
        if groups and groups[-1][-1].number == line.number - 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _pieces(log: BinaryIO, first: int, most: int) -> Generator[Piece, None, int]:
    """Yield the next *most* bytes as pieces; returns the number of the line after them."""
    shown, number = Legible(), first
    while most > 0 and (data := log.read(min(_PIECE, most))):
        most -= len(data)
        text = shown.feed(data)
        if text:
            piece = Piece(number, text.count("\n"), text)
            number += piece.lines
            yield piece
    if rest := shown.end():
        yield Piece(number, 1, f"{rest}\n")
    return number


def _skip(log: BinaryIO, to: int) -> int:
    """Read on to the first line that begins after byte *to*; returns how many lines ended."""
    ended = 0
    while (left := to - log.tell()) > 0 and (data := log.read(min(_PIECE, left))):
        ended += data.count(b"\n")
    while rest := log.readline(_PIECE):
        if rest.endswith(b"\n"):
            return ended + 1
    return ended


def log_path(results: str, stage: str, attempt: int) -> Path:
    """Return where the log of an attempt is."""
    return Path(results, stage, f"attempt-{attempt}.log")
