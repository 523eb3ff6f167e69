"""Which lines of a log the analysis counts: the errors and warnings that a reader looks for."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from buildorch.analysis import Analysis, Analyzer
from buildorch.analysis.block import Block, Line
from buildorch.analysis.reader import Reader

_PIECE = 1 << 18

#: More marks than anybody looks through; what is beyond is counted and not marked.
_MOST = 5000


@attrs.define
class Marks:
    """Numbers of the lines that count.

    Attributes:
        errors: Of lines that are counted as errors.
        warnings: Of lines that are counted as warnings.
    """

    errors: set[int] = attrs.field(factory=set)
    warnings: set[int] = attrs.field(factory=set)


@attrs.define
class _Marking(Reader):
    """A reader that notes where it counts.

    Attributes:
        marks: Shared with its copies.
    """

    marks: Marks = attrs.field(kw_only=True)

    def read(self, line: Line, block: Block) -> None:
        with self._noting(line.number):
            super().read(line, block)

    def boundary(self, number: int, block: Block) -> None:
        with self._noting(number):
            super().boundary(number, block)

    def end(self, block: Block, lines: int) -> None:
        with self._noting(lines):
            super().end(block, lines)

    @contextmanager
    def _noting(self, number: int) -> Iterator[None]:
        errors, warnings = self.errors, self.warnings
        yield
        if self.errors > errors and len(self.marks.errors) < _MOST:
            self.marks.errors.add(self.last_error)
        if self.warnings > warnings and len(self.marks.warnings) < _MOST:
            self.marks.warnings.add(number)


def marked(path: Path) -> tuple[Analysis, Marks]:
    """Return what a log says, and in which lines; the line of the first error is among them.

    Raises:
        OSError: It cannot be read.
    """
    marks = Marks()
    analyzer = Analyzer(reader=functools.partial(_Marking, marks=marks))
    with path.open("rb") as log:
        while piece := log.read(_PIECE):
            analyzer.feed(piece)
    found = analyzer.finish()
    if found.first_error is not None:
        marks.errors.add(found.first_error.line)
    return found, marks
