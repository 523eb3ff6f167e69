"""One pass over a block: the sieve names lines, the reader reads them, in their order."""

from __future__ import annotations

from bisect import bisect_left

import attrs

from buildorch.analysis.block import Block
from buildorch.analysis.progress import Progress, descending, latest
from buildorch.analysis.reader import Reader


@attrs.frozen
class Scanned:
    """What is known after a block: the reader and the progress."""

    reader: Reader
    progress: Progress | None


def scan(block: Block, known: Scanned) -> Scanned:
    """Read *block*; the reader inside *known* is changed."""
    reader = known.reader
    _Pass(block, reader).run()
    found = latest(block, reader.sieve, known.progress)
    if found.mark is not None:
        reader.last_mark = block.number(found.mark)
    return Scanned(reader, found.progress)


class _Pass:
    """The lines of a block in order: those that were hit, and all while the reader wants them."""

    def __init__(self, block: Block, reader: Reader) -> None:
        self._block = block
        self._reader = reader
        self._hits = reader.sieve.hits(block.flat)
        self._checked = 0

    def run(self) -> None:
        at = 1
        size = len(self._block.flat)
        while (begin := self._next(at)) < size:
            end = self._block.end(begin)
            self._pass_marks(end + 1)
            if self._block.flat.startswith(b"FAILED: ", begin):
                self._note_mark(begin)
            if self._block.is_final(end):
                self._reader.read(self._block.line(begin, end), self._block)
            at = end + 1
        self._pass_marks(size)

    def _note_mark(self, begin: int) -> None:
        mark = next(descending(self._block.flat, self._reader.sieve.marks, begin), None)
        if mark is not None:
            self._reader.last_mark = self._block.number(mark)

    def _next(self, at: int) -> int:
        if self._reader.attentive:
            return at
        index = bisect_left(self._hits, at)
        return self._hits[index] if index < len(self._hits) else len(self._block.flat)

    def _pass_marks(self, to: int) -> None:
        """Tell the reader of the first progress line since a command failed, before *to*."""
        if self._reader.pending is not None:
            begin = max(0, self._checked - 1)
            mark = self._reader.sieve.marks.search(self._block.flat, begin, to)
            if mark is not None:
                self._reader.boundary(self._block.number(mark.start() + 1), self._block)
        self._checked = to
