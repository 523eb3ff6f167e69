"""Lines that belong to the line above: tracebacks, messages, copied logs, blocks.

A follower is a frozen value. It takes the next line and says what is known now; the reader
keeps it until it has seen its end.
"""

from __future__ import annotations

import re
from typing import Protocol

import attrs

from buildorch.analysis.block import Line
from buildorch.analysis.finding import Finding
from buildorch.analysis.rule import Details

_MESSAGE_LINES = 6
_TRACEBACK_LINES = 400
_FRAME = re.compile(r'\s+(?:\| +)*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_EXCEPTION = re.compile(r"(?:  \| )?(?P<text>[A-Za-z_][\w.]*(?:: .*|:)?)$")
_ARROW = re.compile(r"\s*(?:-->|>>> referenced by) (?P<file>[^\s:]+):(?P<line>\d+)")
_UNTOLD = re.compile(r"npm (?:ERR!|error) (?:code|errno|syscall|path|cwd|command) |npm \S+\s*$")
_SCRIPT = re.compile(
    r"npm (?:ERR!|error) (?:code ELIFECYCLE|Exit status|Failed at the|Lifecycle script"
    r"|command failed|command \S+ -c|Test failed|This is probably not a problem with npm)"
)
_OWN_TROUBLE = re.compile(r"npm (?:ERR!|error) (?:gyp |node-gyp|code E[A-KM-Z])")
_COPY = re.compile(r"\|(?: |$)")


@attrs.frozen(kw_only=True)
class Found:
    """What a follower knows after a line.

    Attributes:
        follower: Who takes the next line; None at the end.
        taken: Whether the line needs no further reading.
        finding: Something that is complete now.
    """

    follower: Follower | None = None
    taken: bool = True
    finding: Finding | None = None


class Follower(Protocol):
    """Takes lines until it has seen the end of what it follows."""

    def take(self, line: Line) -> Found:
        """Take the next line."""
        ...  # pragma: no cover

    def end(self) -> Finding | None:
        """Return what is known when the log ends here."""
        ...  # pragma: no cover


@attrs.frozen(kw_only=True)
class Message:
    """The lines below a header that hold its message or its place.

    Attributes:
        of: The header's finding.
        details: How the message is laid out.
        lines: What was read of it.
        left: How many lines may still come.
    """

    of: Finding
    details: Details
    lines: tuple[str, ...] = ()
    left: int = _MESSAGE_LINES

    def take(self, line: Line) -> Found:
        """Take the next line of the message; the first that is none ends it."""
        if self.details is Details.PLACE:
            return self._take_place(line)
        text = line.text.rstrip()
        indented = line.text[:2].isspace() or self.details is Details.PARAGRAPH
        if not text and not self.lines and self.left:
            return Found(follower=attrs.evolve(self, left=self.left - 1))
        if not text or not indented or not self.left:
            return Found(taken=not text, finding=self.end())
        lines = (*self.lines, text.strip())
        return Found(follower=attrs.evolve(self, lines=lines, left=self.left - 1))

    def _take_place(self, line: Line) -> Found:
        place = _ARROW.match(line.text)
        if place is None:
            going_on = line.text[:1] in {" ", ">"} and self.left > 0
            return Found(
                follower=attrs.evolve(self, left=self.left - 1) if going_on else None,
                taken=False,
            )
        source = int(place["line"])
        return Found(finding=attrs.evolve(self.of, file=place["file"], source_line=source))

    def end(self) -> Finding | None:
        """Return the header's finding with its message."""
        detail = " ".join(self.lines) or self.of.detail
        return attrs.evolve(self.of, detail=detail)


@attrs.frozen(kw_only=True)
class Traceback:
    """A Python traceback up to its exception line.

    Attributes:
        counted: Whether it is an error: not if it is part of one, or was caught.
        file: File of the innermost frame.
        source_line: Line of the innermost frame.
        left: How many lines may still come.
    """

    counted: bool = True
    file: str | None = None
    source_line: int | None = None
    left: int = _TRACEBACK_LINES

    def take(self, line: Line) -> Found:
        """Take a frame, a source line, or the exception."""
        if frame := _FRAME.match(line.text):
            line_there = int(frame["line"])
            inner = attrs.evolve(self, file=frame["file"], source_line=line_there)
            return Found(follower=attrs.evolve(inner, left=self.left - 1))
        exception = _EXCEPTION.match(line.text)
        if exception is not None:
            return Found(finding=self._finding(line, exception["text"]) if self.counted else None)
        follower = attrs.evolve(self, left=self.left - 1) if self.left else None
        return Found(follower=follower, taken=line.text[:1].isspace() or not line.text)

    def _finding(self, line: Line, text: str) -> Finding:
        return Finding(
            line=line.number,
            offset=line.offset,
            text=text,
            file=self.file,
            source_line=self.source_line,
            tool="python",
            rule="python.traceback",
        )

    def end(self) -> Finding | None:
        """Return nothing: the exception is not known."""
        return None


@attrs.frozen(kw_only=True)
class NpmBlock:
    """Lines that npm prints as one report.

    Attributes:
        of: The finding of the first line.
        script: Whether it only reports that a script failed.
        own: Whether it reports trouble of npm's own.
        reason: The complaint just before the block.
    """

    of: Finding
    reason: Finding | None = None
    script: bool = False
    own: bool = False

    @classmethod
    def begin(cls, finding: Finding, reason: Finding | None) -> NpmBlock:
        """Return the block whose first line is *finding*'s."""
        return cls(of=finding, reason=reason).taking(finding.text)

    def taking(self, text: str) -> NpmBlock:
        """Return the block with one more line."""
        told = self.of.detail is None and not _UNTOLD.match(text)
        detail = text.split(" ", 2)[-1].strip() if told else self.of.detail
        return attrs.evolve(
            self,
            of=attrs.evolve(self.of, detail=detail or None),
            script=self.script or _SCRIPT.match(text) is not None,
            own=self.own or _OWN_TROUBLE.match(text) is not None,
        )

    def take(self, line: Line) -> Found:
        """Take a line of the block; empty ones do not end it."""
        if line.text.startswith(("npm ERR!", "npm error")):
            return Found(follower=self.taking(line.text))
        if not line.text.strip():
            return Found(follower=self)
        return Found(taken=False, finding=self.end())

    def end(self) -> Finding | None:
        """Return the block as one finding; its rule says whether it has a reason of its own."""
        script = self.script and not self.own
        return attrs.evolve(self.of, rule="npm.script" if script else "npm.block")


@attrs.frozen
class Excerpt:
    """Lines that were copied from another log; the reader looks for a cause in them."""

    def take(self, line: Line) -> Found:
        """Take a copied line; the first other line is the end."""
        if _COPY.match(line.text):
            return Found(follower=self)
        return Found(taken=False)

    def end(self) -> Finding | None:
        """Return nothing: the reader has seen all of it."""
        return None
