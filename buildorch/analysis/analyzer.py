"""The analysis of a log as it grows: feed it bytes, ask it at any time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from buildorch.analysis.block import Block, Line
from buildorch.analysis.causes import CausesReader
from buildorch.analysis.finding import Analysis, Finding
from buildorch.analysis.lines import LIMIT, decode, harmless, shorten, visible
from buildorch.analysis.progress import Progress
from buildorch.analysis.reader import Reader
from buildorch.analysis.rule import Rule, compiled
from buildorch.analysis.rules import RULES, better
from buildorch.analysis.scan import Scanned, scan
from buildorch.analysis.sieve import Sieve, sieve
from buildorch.errors import DefinitionError, UsageError

_PIECE = 256 * 1024


class Analyzer:
    r"""Reads a log once, in any pieces, in constant memory.

    One thread feeds it; any thread may ask. What it says is always what it would say if the log
    ended here.

    Args:
        tool: The main tool, where the caller knows it: `bitbake`, `ninja`, ...
        rules: Rules of the user's own; they are tried before the built-in ones.
        reader: Makes the reader; one of another kind can note more of what it reads.

    Raises:
        DefinitionError: A rule is no regular expression.

    Example:
        >>> analyzer = Analyzer()
        >>> analyzer.feed(b"[1/4] cc a.c\n[2/4] cc b.c\nb.c:3:1: err")
        >>> analyzer.progress, analyzer.errors
        (50.0, 0)
        >>> analyzer.feed(b"or: no such thing\n")
        >>> analyzer.errors, analyzer.first_error.line
        (1, 3)
    """

    def __init__(
        self,
        tool: str | None = None,
        rules: Sequence[Rule] = (),
        reader: Callable[..., Reader] = CausesReader,
    ) -> None:
        self._tool = tool
        self._reader = reader
        self._sieve = _sieve(tuple(rules))
        self._lock = threading.RLock()
        self._forget()

    def restart(self) -> None:
        """Forget everything: the log is read again from its beginning."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        reader = self._reader(sieve=self._sieve, tool=self._tool, forced=self._tool is not None)
        self._known = Scanned(reader, None)
        self._tail = b""
        self._fed = 0
        self._lines = 0
        self._line_offset = 0
        self._context: tuple[Line, ...] = ()
        self._last_line: str | None = None
        self._ended: Analysis | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the log.

        Args:
            data: Any number of bytes, cut anywhere.
        """
        with self._lock:
            for begin in range(0, len(data), _PIECE):
                self._take(data[begin : begin + _PIECE])

    def _take(self, data: bytes) -> None:
        self._ended = None
        # Only the new bytes can hold a line feed: the tail never does.
        next_offset = self._fed + data.find(b"\n") + 1
        last_feed = data.rfind(b"\n")
        self._fed += len(data)
        whole = self._tail + data
        line_end = whole.rfind(b"\n") + 1
        cut = line_end + whole[line_end:].rstrip(b"\r").rfind(b"\r") + 1
        self._tail = _bounded(whole[cut:])
        if cut:
            self._scan(whole[:cut], next_offset)
        if last_feed >= 0:
            self._line_offset = self._fed - len(data) + last_feed + 1

    def _scan(self, raw: bytes, next_offset: int) -> None:
        block = self._block(raw, next_offset)
        self._known = scan(block, self._known)
        if lines := block.lines:
            self._lines += lines
            self._context = block.next_context()
            shown = next((line.text for line in self._context[:lines] if line.text.strip()), None)
            self._last_line = _last_line(shown) or self._last_line

    def _block(self, raw: bytes, next_offset: int) -> Block:
        return Block(
            raw,
            lines_before=self._lines,
            first_offset=self._line_offset,
            next_offset=next_offset,
            context=self._context,
        )

    def finish(self) -> Analysis:
        """Return what the log says if it ends here; more may still be fed."""
        with self._lock:
            if self._ended is None:
                self._ended = self._as_if_ended()
            return self._ended

    def _as_if_ended(self) -> Analysis:
        """Let a copy of the reader see the last line, which has no line feed yet."""
        known = Scanned(self._known.reader.copy(), self._known.progress)
        block = self._block(self._tail + b"\n", self._fed)
        known = scan(block, known)
        lines = self._lines + bool(self._tail)
        known.reader.end(block, self._lines + 1)
        return self._analysis(known, lines)

    def _analysis(self, known: Scanned, lines: int) -> Analysis:
        reader, progress = known.reader, known.progress
        return Analysis(
            errors=reader.errors,
            warnings=reader.warnings,
            first_error=reader.result(),
            progress=progress.percent if progress else None,
            tool=_tool(reader, progress),
            summary=reader.summary,
            unit=reader.unit or (progress.unit if progress else None),
            done=progress.done if progress else None,
            total=progress.total if progress else None,
            sstate=reader.sstate,
            tests_passed=reader.passed,
            tests_total=reader.tests,
            no_space=reader.no_space,
            cause=reader.cause if isinstance(reader, CausesReader) else None,
            lines=lines,
            last_line=_last_line(decode(visible(self._tail))) or self._last_line,
        )

    @property
    def errors(self) -> int:
        """Errors that the tools report."""
        return self.finish().errors

    @property
    def warnings(self) -> int:
        """Warnings that the tools report."""
        return self.finish().warnings

    @property
    def first_error(self) -> Finding | None:
        """The first real error."""
        return self.finish().first_error

    @property
    def progress(self) -> float | None:
        """Percent last shown by the main build; None where the log shows none."""
        return self.finish().progress

    @property
    def tool(self) -> str | None:
        """The main tool, as far as is known."""
        return self.finish().tool

    @property
    def summary(self) -> str | None:
        """The tool's own last summary line."""
        return self.finish().summary

    @property
    def last_line(self) -> str | None:
        """The latest readable line that is not empty, whole or not."""
        return self.finish().last_line


def _tool(reader: Reader, progress: Progress | None) -> str | None:
    if progress is None or reader.forced:
        return reader.tool
    return better(reader.tool, progress.tool)


def _sieve(rules: tuple[Rule, ...]) -> Sieve:
    for rule in rules:
        for pattern in (rule.pattern, *rule.starts):
            try:
                compiled(pattern)
            except re.error as error:
                raise DefinitionError([f"rule {rule.name}: {pattern!r}: {error}"]) from error
    return sieve((*rules, *RULES))


def _bounded(tail: bytes) -> bytes:
    if len(tail) <= LIMIT:
        return tail
    return tail[:LIMIT] + (b"\r" if tail.endswith(b"\r") else b"")


def _last_line(text: str | None) -> str | None:
    return shorten(harmless(text).strip()) or None if text else None


def analyze_file(path: str | os.PathLike[str], tool: str | None = None) -> Analysis:
    """Analyse a whole log.

    Args:
        path: The log.
        tool: The main tool, where it is known.

    Returns:
        What the log says.

    Raises:
        UsageError: The file cannot be read.
    """
    analyzer = Analyzer(tool)
    try:
        with Path(path).open("rb") as log:
            while piece := log.read(_PIECE):
                analyzer.feed(piece)
    except OSError as error:
        raise UsageError(f"cannot read the log {os.fspath(path)}: {error.strerror}") from error
    return analyzer.finish()
