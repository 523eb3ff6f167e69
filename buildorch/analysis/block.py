"""A block of whole pieces of a log: its lines, their numbers and their places in bytes.

A piece ends at a line feed, or at a carriage return that is followed by other text; the text
before such a carriage return was overwritten and only its progress is read.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import attrs

from buildorch.analysis.lines import JUMP, cut_long, decode, plain, visible, without_last_returns

#: How many lines before a consequence are looked at for its reason.
LOOK_BACK = 20
_LINE_FEED = ord("\n")
_KEPT = 2048  # bytes of a line that is kept for looking back


@attrs.frozen
class Line:
    """A readable line: its number from 1, its place in bytes, its text."""

    number: int
    offset: int
    text: str


class Block:
    """Some pieces of a log, in all the forms in which they are looked at.

    Args:
        raw: The bytes, as they are in the log.
        lines_before: How many lines ended before.
        first_offset: Where the first line begins in the log.
        next_offset: Where in the log the byte after the first line feed of *raw* is.
        context: The last lines before.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        lines_before: int = 0,
        first_offset: int = 0,
        next_offset: int = 0,
        context: tuple[Line, ...] = (),
    ) -> None:
        self._raw = raw
        self._lines_before = lines_before
        self._first_offset = first_offset
        self._next_offset = next_offset
        self._context = context
        text = plain(without_last_returns(cut_long(raw)))
        self._raw_is_text = text is raw and b"\r" not in raw
        #: Readable bytes, with one line feed before them.
        self._text = b"\n" + text
        #: The same length; all pieces end with a line feed.
        self.flat = self._text.replace(b"\r", b"\n").replace(JUMP, b"\n")
        self._counted_to = 1
        self._counted = 0

    @functools.cached_property
    def lines(self) -> int:
        """How many lines end in it."""
        return self.number(len(self._text)) - self._lines_before - 1

    def end(self, begin: int) -> int:
        """Return where the piece that begins at *begin* ends."""
        return self.flat.index(b"\n", begin)

    def is_final(self, end: int) -> bool:
        """Whether nothing overwrites the piece that ends at *end*."""
        return self._text[end] == _LINE_FEED

    def number(self, begin: int) -> int:
        """Return the number of the line at *begin*; quick when asked in order."""
        if begin < self._counted_to:
            self._counted_to, self._counted = 1, 0
        self._counted += self._text.count(b"\n", self._counted_to, begin)
        self._counted_to = begin
        return self._lines_before + self._counted + 1

    def line(self, begin: int, end: int) -> Line:
        """Return the line between two places."""
        number = self.number(begin)
        if self._raw_is_text and number > self._lines_before + 1:
            offset = self._next_offset + begin - self._second
        else:
            offset = self.offset(number)
        return Line(number, offset, self.text(begin, end).rstrip())

    def text(self, begin: int, end: int) -> str:
        """Return the text of a piece; only its beginning, where it is long."""
        return decode(self.flat[begin : min(end, begin + _KEPT)])

    def offset(self, number: int) -> int:
        """Return where line *number* begins in the log, in bytes."""
        index = number - self._lines_before - 1
        if index == 0:
            return self._first_offset
        return self._next_offset + self._begins[index] - self._begins[1]

    def before(self, number: int) -> Iterator[Line]:
        """Yield the lines before line *number*, the nearest first."""
        known = number - self._lines_before - 1
        for index in range(known - 1, max(-1, known - 1 - LOOK_BACK), -1):
            place = index + self._lines_before + 1
            yield _kept(place, self.offset(place), self._raw_lines[index])
        yield from self._context[: max(0, LOOK_BACK - known)]

    def next_context(self) -> tuple[Line, ...]:
        """Return what the block after this one has to know of the lines before it."""
        lines = self.lines
        number = self._lines_before + lines
        to_place = self._next_offset - self._raw.find(b"\n") - 1
        end = self._raw.rfind(b"\n")
        found: list[Line] = []
        while end >= 0 and len(found) < LOOK_BACK:
            begin = self._raw.rfind(b"\n", 0, end) + 1
            at = to_place + begin if len(found) < lines - 1 else self._first_offset
            found.append(_kept(number - len(found), at, self._raw[begin:end]))
            end = begin - 1
        return (*found, *self._context)[:LOOK_BACK]

    @functools.cached_property
    def _second(self) -> int:
        """Where the second line begins in the readable bytes."""
        return self._text.index(b"\n", 1) + 1

    @functools.cached_property
    def _raw_lines(self) -> list[bytes]:
        return self._raw.split(b"\n")

    @functools.cached_property
    def _begins(self) -> list[int]:
        """Where each line begins in the raw bytes."""
        sizes = (len(line) + 1 for line in self._raw_lines)
        return list(itertools.accumulate(sizes, initial=0))


def _kept(number: int, offset: int, raw: bytes) -> Line:
    return Line(number, offset, decode(visible(raw)[:_KEPT]))
