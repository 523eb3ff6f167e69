"""A run as Markdown, for job summaries, comments and chats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildorch.report.element import plain
from buildorch.report.facts import Report
from buildorch.report.sections import headline
from buildorch.report.words import counted, first_error, longer, look, outcome, took
from buildorch.view import StageView

_SIGNS = {
    "good": "✅",
    "kept": "☑️",
    "bad": "❌",
    "late": "⏱️",
    "infra": "🔌",
    "off": "\u2796",
    "stopped": "🛑",
    "going": "▶️",
}

#: What Markdown or GitHub would make something of: also mentions, which would call people.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@!&])")


def markdown(report: Report) -> str:
    """Return a run as GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    view = report.view
    yield f"### {_SIGNS[look(report.status)]} {escaped(view.title)}"
    yield ""
    yield f"**{escaped(headline(report))}** · run {_code(report.short)} by {escaped(view.by)}"
    yield ""
    yield "| | stage | outcome | server | time | errors | warnings |"
    yield "|---|---|---|---|---:|---:|---:|"
    yield from (_row(stage) for stage in report.stages)
    for stage in report.broken:
        yield from _error(report, stage)
    if report.before is not None and report.status == "succeeded":
        more = longer(report.seconds - report.before.seconds)
        yield ""
        yield f"{more} than the last good run, {_code(report.before.run)}"
    if len(report.critical) > 1:
        yield ""
        yield f"Critical path: {' → '.join(map(escaped, report.critical))}"


def _row(stage: StageView) -> str:
    result = stage.result
    cells = [
        _SIGNS[look(stage.state)],
        escaped(stage.name),
        escaped(outcome(stage)) + _attempts(stage),
        escaped(stage.server or "") if stage.history else "",
        took(stage.seconds) if stage.history else "",
        _count(result.errors if result is not None else 0),
        _count(result.warnings if result is not None else 0),
    ]
    return f"| {' | '.join(cells)} |"


def _attempts(stage: StageView) -> str:
    return f" ({counted(len(stage.history), 'attempt')})" if len(stage.history) > 1 else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _error(report: Report, stage: StageView) -> Iterator[str]:
    told = plain(first_error(stage))
    if told:
        yield ""
        yield f"**{escaped(stage.name)}**"
        yield ""
        yield from _fenced(told)
    yield ""
    yield _code(f"buildorch logs {report.view.run} {stage.name} --errors")


def _fenced(text: str) -> Iterator[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield text
    yield fence


def _code(text: str) -> str:
    return f"`{plain(text).replace('`', chr(39))}`"


def escaped(text: str) -> str:
    r"""Return *text* so that Markdown shows it as it is, on one line.

    Example:
        >>> escaped("a|b <c> @team")
        'a\\|b \\<c\\> \\@team'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(plain(text).split()))
