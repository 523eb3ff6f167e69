"""What the analysis of a log says: frozen values."""

from __future__ import annotations

from typing import Any

import attrs

from buildorch.analysis.block import Line
from buildorch.analysis.lines import shorten
from buildorch.analysis.rule import Rule


@attrs.frozen(kw_only=True)
class Finding:
    """One line that says what went wrong.

    Attributes:
        line: Its number, from 1; only line feeds count.
        offset: Where the line begins in the log, in bytes.
        text: The readable line, at most 500 characters.
        file: The source file that it names.
        source_line: The line in that file.
        unit: What was being built: a recipe and task, a target, a module.
        tool: The tool that reports it.
        rule: Name of the rule that found it.
        command: The command of the build description that failed, such as `find_package`.
        detail: The tool's message, where it stands in other lines than *text*.
    """

    line: int
    offset: int
    text: str
    file: str | None = None
    source_line: int | None = None
    unit: str | None = None
    tool: str | None = None
    rule: str = ""
    command: str | None = None
    detail: str | None = None


def finding(rule: Rule, line: Line, groups: dict[str, str | None]) -> Finding:
    """Return what *rule* found in *line*."""
    source = groups.get("line")
    return Finding(
        line=line.number,
        offset=line.offset,
        text=shorten(line.text),
        file=groups.get("file"),
        source_line=int(source) if source else None,
        unit=groups.get("unit"),
        tool=rule.tool,
        rule=rule.name,
        command=groups.get("command"),
    )


@attrs.frozen(kw_only=True)
class Analysis:
    """What a log says. It explains an outcome; the exit code decides it.

    Attributes:
        errors: Distinct errors that the tools report.
        warnings: Warnings that the tools report.
        first_error: The first real error: a cause before its consequences.
        progress: Percent last shown by the main build, 0 to 100; None where the log shows none.
        tool: The main tool: `bitbake`, `ninja`, `cmake`, ...
        summary: The tool's own last summary line.
        unit: What is being built, as last shown.
        done: Steps done, where the tool counts steps.
        total: Steps in all.
        sstate: Percent of bitbake's shared state that was found.
        tests_passed: Tests that passed, as the test runner's last line says.
        tests_total: Tests that ran.
        no_space: Whether a tool said that a disk is full.
        cause: Why it failed, as in `causes`: `network`, `board`, `oom`, `no_space`, `compile`,
            `test`; None where nobody can say.
        lines: Lines in the log.
        last_line: The latest readable line that is not empty.
    """

    errors: int = 0
    warnings: int = 0
    first_error: Finding | None = None
    progress: float | None = None
    tool: str | None = None
    summary: str | None = None
    unit: str | None = None
    done: int | None = None
    total: int | None = None
    sstate: int | None = None
    tests_passed: int | None = None
    tests_total: int | None = None
    no_space: bool = False
    cause: str | None = None
    lines: int = 0
    last_line: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form.

        Example:
            >>> Analysis(errors=0, progress=50.0).as_dict()["progress"]
            50.0
        """
        found = self.first_error
        return {
            "errors": self.errors,
            "warnings": self.warnings,
            "first_error": None
            if found is None
            else {
                "line": found.line,
                "text": found.text,
                "file": found.file,
                "source_line": found.source_line,
            },
            "progress": self.progress,
            "tool": self.tool,
            "summary": self.summary,
        }
