"""Counts what the lines of a log report, and keeps the first real error.

The reader sees only lines that the sieve let pass, and those that follow such a line. Its
state is a handful of values, so that a copy of it can look at the end of a log that still grows.
"""

from __future__ import annotations

import copy

import attrs

from buildorch.analysis.block import Block, Line
from buildorch.analysis.copied import Copied
from buildorch.analysis.finding import Finding, finding
from buildorch.analysis.followers import Excerpt, Follower, Found, Message, NpmBlock, Traceback
from buildorch.analysis.lines import without_prefix
from buildorch.analysis.reasons import NO_REPORT, disk_full, last_words, reason
from buildorch.analysis.rule import Details, Kind, Rule
from buildorch.analysis.rules import better
from buildorch.analysis.session import Session
from buildorch.analysis.sieve import Sieve


@attrs.define
class Reader:
    """The state of an analysis between two lines.

    Attributes:
        sieve: The rules.
        tool: The main tool, as far as is known.
        forced: Whether the caller said which tool it is.
        errors: Errors counted so far.
        warnings: Warnings counted so far.
        first: The first counted error.
        fallback: The first consequence, shown where no error was found.
        copied: What copied logs say.
        last_error: Number of the last line that was counted as an error.
        settled: Number of the last line that is known to be no reason for what follows.
        last_mark: Number of the last progress line before the line that is read.
        summary: The last summary line.
        summarised: The tool that printed it.
        unit: What is being built.
        sstate: Percent of bitbake's shared state that was found.
        passed: Tests that passed.
        tests: Tests that ran.
        no_space: Whether a disk was full.
        follower: Who takes the next line.
        session: The test session that is going on.
        pending: A command that failed, while it is unknown whether it said why.
        trace: The last uncaught exception.
        chained: Whether the next traceback goes on with it.
        quiet: Whether the next traceback is no uncaught one.
        own: How often each rule of last resort counted.
    """

    sieve: Sieve
    tool: str | None = None
    forced: bool = False
    errors: int = 0
    warnings: int = 0
    first: Finding | None = None
    fallback: Finding | None = None
    copied: Copied = attrs.field(factory=Copied)
    last_error: int = 0
    settled: int = 0
    last_mark: int = 0
    summary: str | None = None
    summarised: str | None = None
    unit: str | None = None
    sstate: int | None = None
    passed: int | None = None
    tests: int | None = None
    no_space: bool = False
    follower: Follower | None = None
    session: Session | None = None
    pending: Finding | None = None
    trace: Finding | None = None
    chained: bool = False
    quiet: bool = False
    own: dict[str, int] = attrs.field(factory=dict)

    def copy(self) -> Reader:
        """Return a reader that goes on from here; all values inside are replaced, not changed."""
        return copy.copy(self)

    @property
    def attentive(self) -> bool:
        """Whether the next line has to be read whatever is in it."""
        return self.follower is not None

    # -- lines ---------------------------------------------------------------------------

    def read(self, line: Line, block: Block) -> None:
        """Take a line in which something may be reported."""
        line = Line(line.number, line.offset, without_prefix(line.text))
        if self.follower is None or not self._follow(self.follower, line).taken:
            self._match(line, block)

    def boundary(self, number: int, block: Block) -> None:
        """Note that line *number* belongs to another command than the one that failed."""
        pending, self.pending = self.pending, None
        if pending is None or self.last_error > pending.line:
            return
        if self.session is None or not self.session.errors:
            self._count(self._reason(number, block) or pending)

    def end(self, block: Block, lines: int) -> None:
        """Note that the log ends after *lines* lines; *block* is its last one."""
        if self.follower is not None:
            self._complete(self.follower, self.follower.end())
            self.follower = None
        self.boundary(lines + 1, block)
        self._close_session(lines)
        if not self.errors and self.fallback is None:
            settled = max(self.last_error, self.settled)
            if complaint := last_words(self.sieve, block, lines + 1, settled):
                self._count(complaint)

    def result(self) -> Finding | None:
        """Return the first real error: a cause before what it led to."""
        return self.copied.better(self.first) or self.fallback

    # -- what a line means ---------------------------------------------------------------

    def _match(self, line: Line, block: Block) -> None:
        text = line.text
        if NO_REPORT.match(text):
            return
        if self.session is None and disk_full(text):
            self.no_space = True
        for rule in self.sieve.candidates(text):
            found = rule.match(text)
            if found is not None and self._applies(rule, line):
                self.tool = self.tool if self.forced else better(self.tool, rule.tool)
                self._act(rule, line, found.groupdict(), block)
                return

    def _applies(self, rule: Rule, line: Line) -> bool:
        """Whether *rule* counts here; what tests print does not."""
        if self.session is None or rule.tool == "pytest":
            return True
        if rule.kind is Kind.CONSEQUENCE:
            self._close_session(line.number)
            return True
        return False

    def _act(self, rule: Rule, line: Line, groups: dict[str, str | None], block: Block) -> None:
        if rule.kind is Kind.WARNING:
            self.warnings += 1
            return
        found = finding(rule, line, groups)
        if rule.summary or rule.kind is Kind.SUMMARY:
            self.summary, self.summarised = found.text, rule.tool
        match rule.kind:
            case Kind.ERROR:
                self._error(rule, found, groups)
            case Kind.CONSEQUENCE:
                self._consequence(rule, found, block)
            case Kind.LAST_RESORT:
                self._last_resort(rule, found, block)
            case Kind.FAILED_COMMAND:
                self._command_failed(found, block)
            case Kind.TEST_SECTION | Kind.TEST_FAILURE | Kind.TEST_PROGRESS | Kind.TEST_END:
                self._test(rule, found, groups)
            case _:
                self._open(rule, found, groups, block)

    def _open(
        self, rule: Rule, found: Finding, groups: dict[str, str | None], block: Block
    ) -> None:
        match rule.kind:
            case Kind.TRACEBACK:
                counted = not self.quiet and self.tool != "bitbake"
                self.follower = Traceback(
                    counted=counted, file=found.file, source_line=found.source_line
                )
                self.quiet = False
            case Kind.CHAIN:
                self.chained = self.trace is not None
            case Kind.QUIET:
                self.quiet = True
            case Kind.EXCERPT:
                self.follower = Excerpt()
            case Kind.BLOCK:
                self.follower = NpmBlock.begin(found, self._reason(found.line, block))
            case Kind.UNIT:
                self.unit = found.unit
            case _ if groups.get("sstate"):
                self.sstate = int(groups["sstate"] or 0)

    def _command_failed(self, found: Finding, block: Block) -> None:
        """Wait for what the command says; one that had the terminal has said it already."""
        since = max(self.last_mark, self.pending.line if self.pending else 0)
        self.boundary(found.line, block)
        if self.last_error <= since or not since:
            self.pending = found
        self.settled = max(self.settled, found.line)

    # -- counting ------------------------------------------------------------------------

    def _count(self, found: Finding) -> None:
        self.errors += 1
        self.last_error = max(self.last_error, found.line)
        self.first = self.first or found

    def _error(self, rule: Rule, found: Finding, groups: dict[str, str | None]) -> None:
        if rule.repeated and self.summarised == rule.tool:
            return
        self._count(found)
        if groups.get("recipe") and groups.get("task"):
            recipe = (groups["recipe"] or "", groups["task"] or "")
            self.copied = attrs.evolve(self.copied, recipe=recipe)
        self.quiet = self.quiet or rule.name == "unittest.failed"
        self._expect_message(rule, found)

    def _expect_message(self, rule: Rule, found: Finding) -> None:
        if self.first is found and rule.details is not Details.NONE:
            self.follower = Message(of=found, details=rule.details)

    def _consequence(self, rule: Rule, found: Finding, block: Block) -> None:
        if rule.tool == "ninja":
            self.boundary(found.line, block)
        if complaint := self._reason(found.line, block):
            self._count(complaint)
        self.fallback = self.fallback or found

    def _last_resort(self, rule: Rule, found: Finding, block: Block) -> None:
        own = self.own.get(rule.name, 0)
        if self.errors > own or (own and rule.repeated):
            return
        self.own = {**self.own, rule.name: own + 1}
        self._count(self._reason(found.line, block) or found)
        self._expect_message(rule, found)

    # -- lines that belong together ------------------------------------------------------

    def _reason(self, number: int, block: Block) -> Finding | None:
        return reason(self.sieve, block, number, max(self.last_error, self.settled))

    def _follow(self, follower: Follower, line: Line) -> Found:
        found = follower.take(line)
        self.follower = found.follower
        if isinstance(follower, Traceback) and not follower.counted and found.follower is None:
            self.settled = line.number
        if found.finding is not None or found.follower is None:
            self._complete(follower, found.finding)
        if isinstance(follower, Excerpt) and found.taken:
            copy_of = Line(line.number, line.offset, line.text[2:])
            self.copied = self.copied.take(self.sieve, copy_of, self.first)
            self.no_space = self.no_space or disk_full(line.text)
        return found

    def _complete(self, follower: Follower, found: Finding | None) -> None:
        if found is None:
            return
        if isinstance(follower, Traceback):
            self._exception(found)
        elif isinstance(follower, NpmBlock):
            if found.rule == "npm.block" or not self.errors:
                self._count(follower.reason or found)
        else:
            self._amend(found)

    def _exception(self, found: Finding) -> None:
        if self.chained and self.trace is not None:
            if self.first == self.trace:
                self.first = found
            self.last_error = max(self.last_error, found.line)
        else:
            self._count(found)
        self.trace, self.chained = found, False

    def _amend(self, found: Finding) -> None:
        if self.first is not None and self.first.line == found.line:
            self.first = found

    # -- tests ---------------------------------------------------------------------------

    def _test(self, rule: Rule, found: Finding, groups: dict[str, str | None]) -> None:
        self.session = (self.session or Session()).take(rule.kind, found, groups.get("numbers"))
        told = self.session.totals
        if told is None:
            return
        self._close_session(found.line)
        self.warnings += told.warnings
        self.passed = (self.passed or 0) + told.passed
        self.tests = (self.tests or 0) + told.passed + told.failed
        self.summary, self.summarised = found.text.strip("= "), rule.tool

    def _close_session(self, number: int) -> None:
        session, self.session = self.session, None
        if session is not None and session.errors:
            self.errors += session.errors
            self.first = self.first or session.first
            self.last_error = max(self.last_error, number)
